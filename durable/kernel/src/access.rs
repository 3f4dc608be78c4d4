//! What a token may do, and in which Blenders: its scopes, the Blender or the group of Blenders that it is bound to, and whether it
//! belongs to a guest.

use core::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::scopes::Scopes;

/// The longest name of a Blender or a group, in bytes.
pub const MAX_BOUND: usize = 128;
const BLENDER: &str = "blender=";
const GROUP: &str = "group=";
const GUEST: &str = "guest=";
/// A scope may hold visible ASCII without quote and backslash (RFC 6749 section 3.3). The rest is percent-encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// The Blenders that a token is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// The one with this `client_uuid`.
    Blender(String),
    /// Those that registered with this `group_id`.
    Group(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BoundError {
    #[error(
        "blender= and group= take a name of 1 to {MAX_BOUND} bytes, percent-encoded UTF-8 without control characters"
    )]
    Name,
    #[error("a token is bound to one Blender or to one group: name one of them, once")]
    Several,
}

impl Bound {
    /// From what somebody has typed; an empty text names nothing.
    ///
    /// # Errors
    /// `BoundError::Name` for a name that no client can have, `BoundError::Several` where both are named.
    pub fn typed(blender: &str, group: &str) -> Result<Option<Self>, BoundError> {
        match (blender.trim(), group.trim()) {
            ("", "") => Ok(None),
            (blender, "") => named(blender).map(|name| Some(Self::Blender(name))),
            ("", group) => named(group).map(|name| Some(Self::Group(name))),
            _ => Err(BoundError::Several),
        }
    }

    /// Reads one item of a list of scopes; none if it is no bound.
    fn parse(item: &str) -> Option<Result<Self, BoundError>> {
        let decoded = |text| percent_decode_str(text).decode_utf8().map_err(|_| BoundError::Name);
        let of = |text| decoded(text).and_then(|name| named(&name));
        match (item.strip_prefix(BLENDER), item.strip_prefix(GROUP)) {
            (Some(name), _) => Some(of(name).map(Self::Blender)),
            (_, Some(name)) => Some(of(name).map(Self::Group)),
            _ => None,
        }
    }

    /// The one Blender, if it is one.
    pub fn blender(&self) -> Option<&str> {
        match self {
            Self::Blender(uuid) => Some(uuid),
            Self::Group(_) => None,
        }
    }

    /// The group, if it is one.
    pub fn group(&self) -> Option<&str> {
        match self {
            Self::Group(group) => Some(group),
            Self::Blender(_) => None,
        }
    }

    /// For people, such as `the Blender "studio-1"`.
    pub fn shown(&self) -> String {
        match self {
            Self::Blender(uuid) => format!("the Blender {uuid:?}"),
            Self::Group(group) => format!("the Blenders of the group {group:?}"),
        }
    }
}

fn named(name: &str) -> Result<String, BoundError> {
    let fits = !name.is_empty() && name.len() <= MAX_BOUND && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err(BoundError::Name) }
}

impl fmt::Display for Bound {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, name) = match self {
            Self::Blender(uuid) => (BLENDER, uuid),
            Self::Group(group) => (GROUP, group),
        };
        write!(formatter, "{kind}{}", utf8_percent_encode(name, ENCODED))
    }
}

/// Somebody with a share link, who has far less than the scopes of its token say: `bus::wire::rights` has what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guest {
    /// Sees pictures and jobs.
    Watch,
    /// Sends jobs, each of which the owner is asked about if it does more than look.
    Work,
}

impl Guest {
    const NAMED: [(Self, &'static str); 2] = [(Self::Watch, "watch"), (Self::Work, "work")];

    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(guest, _)| *guest == self).map_or("", |(_, name)| name)
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(_, known)| *known == name).map(|(guest, _)| *guest)
    }

    /// The scopes of its token.
    pub const fn scopes(self) -> Scopes {
        match self {
            Self::Watch => Scopes::BUS_READ,
            Self::Work => Scopes::FOR_CLIENTS,
        }
    }
}

/// Scopes, and what they are bound to. On the wire a list of scopes, of which `blender=<client_uuid>` or `group=<group_id>`
/// narrows the others: `bus:read blender=studio-1`. So does `guest=watch` or `guest=work`, which only this server gives out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    pub set: Scopes,
    /// None for all of the owner's Blenders.
    pub bound: Option<Bound>,
    /// None for the owner and for whatever acts for the owner.
    pub guest: Option<Guest>,
}

impl From<Scopes> for Access {
    fn from(set: Scopes) -> Self {
        Self { set, bound: None, guest: None }
    }
}

impl Access {
    pub const fn new(set: Scopes, bound: Option<Bound>) -> Self {
        Self { set, bound, guest: None }
    }

    /// What a guest has in one Blender.
    pub const fn of_guest(guest: Guest, blender: String) -> Self {
        Self { set: guest.scopes(), bound: Some(Bound::Blender(blender)), guest: Some(guest) }
    }

    /// The known scopes of a list, and its bound. Names this server does not know are passed over, but a bound is never: what
    /// is left would be more than was asked for. So is a guest, who is none here: nobody can ask to be one.
    ///
    /// # Errors
    /// `BoundError` for a bound that cannot be read, or for two.
    pub fn known(list: &str) -> Result<Self, BoundError> {
        let mut bound = None;
        for item in list.split_ascii_whitespace().flat_map(|items| items.split(',')) {
            if let Some(read) = Bound::parse(item)
                && bound.replace(read?).is_some()
            {
                return Err(BoundError::Several);
            }
        }
        Ok(Self { set: Scopes::known(list), bound, guest: None })
    }

    /// What this server has written as a list of scopes.
    fn written(list: &str) -> Result<Self, String> {
        let access = Self::known(list).map_err(|error| error.to_string())?;
        let mut guests = list.split_ascii_whitespace().filter_map(|item| item.strip_prefix(GUEST));
        match (guests.next(), guests.next()) {
            (None, _) => Ok(access),
            (Some(name), None) => match Guest::named(name) {
                Some(guest) => Ok(Self { guest: Some(guest), ..access }),
                None => Err(format!("unknown guest {name:?}")),
            },
            _ => Err("guest= twice".to_owned()),
        }
    }

    /// The access that a request asks for by its parameter `scope`: where that names no known scope, what a client needs.
    ///
    /// # Errors
    /// As `known`.
    pub fn requested(scope: Option<&str>) -> Result<Self, BoundError> {
        let known = Self::known(scope.unwrap_or_default())?;
        Ok(if known.set.is_empty() { Self { set: Scopes::DEFAULT, ..known } } else { known })
    }

    /// What was stored as a list of scopes. Nothing, if its bound or its guest cannot be read.
    pub fn stored(list: &str) -> Self {
        Self::written(list).unwrap_or_default()
    }

    pub const fn contains(&self, scope: Scopes) -> bool {
        self.set.contains(scope)
    }

    pub const fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Whether `other` is no more than this. Of what a guest has nothing is passed on.
    pub fn covers(&self, other: &Self) -> bool {
        self.guest.is_none() && self.set.contains(other.set) && (self.bound.is_none() || self.bound == other.bound)
    }

    /// The same, bound as `grant` is where it is not bound itself: leaving the bound out asks for no more.
    #[must_use]
    pub fn within(self, grant: &Self) -> Self {
        let set = if self.set.is_empty() { grant.set } else { self.set };
        Self { set, bound: self.bound.or_else(|| grant.bound.clone()), guest: self.guest.or(grant.guest) }
    }

    /// The least that covers both.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        let bound = if self.bound == other.bound { self.bound.clone() } else { None };
        Self { set: self.set.union(other.set), bound, guest: self.guest.filter(|_| self.guest == other.guest) }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.set)?;
        let mut separator = if self.set.is_empty() { "" } else { " " };
        if let Some(bound) = &self.bound {
            write!(formatter, "{separator}{bound}")?;
            separator = " ";
        }
        match self.guest {
            Some(guest) => write!(formatter, "{separator}{GUEST}{}", guest.name()),
            None => Ok(()),
        }
    }
}

impl Serialize for Access {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Access {
    /// Written by this server, so an unknown scope is a fault.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = String::deserialize(deserializer)?;
        let access = Self::written(&list).map_err(D::Error::custom)?;
        let is_known =
            |item: &str| !Scopes::known(item).is_empty() || Bound::parse(item).is_some() || item.starts_with(GUEST);
        match list.split_ascii_whitespace().find(|item| !is_known(item)) {
            Some(unknown) => Err(D::Error::custom(format!("unknown scope {unknown:?}"))),
            None => Ok(access),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Access, Bound, BoundError, Guest, MAX_BOUND};
    use crate::scopes::Scopes;

    fn studio() -> Option<Bound> {
        Some(Bound::Blender("studio-1".to_owned()))
    }

    #[test]
    fn a_bound_is_written_among_the_scopes_and_read_back_whatever_it_is_called() {
        for name in ["studio-1", "a b", "x,y", "100%", "\u{e9}t\u{e9}", "peer", "blender=x", "a\"b\\c", "g:1"] {
            for bound in [Bound::Blender(name.to_owned()), Bound::Group(name.to_owned())] {
                let access = Access::new(Scopes::FOR_CLIENTS, Some(bound));
                let text = access.to_string();
                assert_eq!(text.split(' ').count(), 3, "{text}");
                assert!(text.chars().all(|letter| ('\u{21}'..='\u{7e}').contains(&letter) || letter == ' '), "{text}");
                assert!(!text.contains(['"', '\\', ',']), "{text}");
                assert_eq!(Access::known(&text), Ok(access.clone()));
                assert_eq!(serde_json::from_value::<Access>(serde_json::json!(text)).unwrap(), access);
            }
        }
        let plain = Access::from(Scopes::ALL);
        assert_eq!(Access::known(&plain.to_string()), Ok(plain));
    }

    #[test]
    fn a_bound_that_cannot_be_read_is_refused_and_never_passed_over() {
        let long = format!("blender={}", "x".repeat(MAX_BOUND + 1));
        for list in ["bus:read blender=", "group=%FF", "peer blender=%0A", "blender=a%00", &long] {
            assert_eq!(Access::known(list), Err(BoundError::Name), "{list}");
            assert!(Access::requested(Some(list)).is_err() && Access::stored(list).is_empty(), "{list}");
            assert!(serde_json::from_value::<Access>(serde_json::json!(list)).is_err(), "{list}");
        }
        for list in ["blender=a blender=b", "blender=a group=a", "bus:read,blender=a,blender=a"] {
            assert_eq!(Access::known(list), Err(BoundError::Several), "{list}");
        }
        assert!(serde_json::from_str::<Access>("\"bus:read admin\"").is_err());
    }

    #[test]
    fn what_is_bound_covers_nothing_that_is_bound_otherwise() {
        let (all, bound) = (Access::from(Scopes::ALL), Access::new(Scopes::ALL, studio()));
        let read = Access::new(Scopes::BUS_READ, studio());
        let group = Access::new(Scopes::BUS_READ, Some(Bound::Group("studio-1".to_owned())));
        assert!(all.covers(&bound) && all.covers(&group) && bound.covers(&read) && bound.covers(&bound));
        assert!(!bound.covers(&all) && !bound.covers(&group) && !read.covers(&bound) && !group.covers(&read));
    }

    #[test]
    fn who_leaves_the_bound_out_keeps_it() {
        let grant = Access::new(Scopes::FOR_CLIENTS, studio());
        assert_eq!(Access::from(Scopes::BUS_READ).within(&grant), Access::new(Scopes::BUS_READ, studio()));
        assert_eq!(Access::new(Scopes::NONE, studio()).within(&Scopes::ALL.into()), Access::new(Scopes::ALL, studio()));
        assert!(!grant.covers(&Access::known("bus:read group=x").unwrap().within(&grant)));
        assert_eq!(Access::requested(Some("blender=studio-1")), Ok(grant.clone()));
        assert_eq!(grant.joined(&grant), grant);
        assert_eq!(grant.joined(&Scopes::PEER.into()), Scopes::ALL.into());
    }

    #[test]
    fn a_guest_is_one_only_where_this_server_has_written_so_and_passes_nothing_on() {
        for guest in [Guest::Watch, Guest::Work] {
            let access = Access::of_guest(guest, "studio 1".to_owned());
            let text = access.to_string();
            assert_eq!(Access::stored(&text), access, "{text}");
            assert_eq!(serde_json::from_value::<Access>(serde_json::json!(text)).unwrap(), access);
            assert_eq!(Access::requested(Some(&text)).unwrap().guest, None);
            assert!(!access.covers(&access) && Access::from(Scopes::ALL).within(&access).guest == Some(guest));
        }
        for list in ["bus:read guest=", "bus:read guest=owner", "guest=watch guest=work", "guest=work guest=work"] {
            assert!(Access::stored(list).is_empty(), "{list}");
            assert!(serde_json::from_value::<Access>(serde_json::json!(list)).is_err(), "{list}");
        }
    }

    #[test]
    fn what_is_typed_names_one_or_nothing() {
        assert_eq!(Bound::typed(" ", ""), Ok(None));
        assert_eq!(Bound::typed(" studio-1 ", ""), Ok(studio()));
        assert_eq!(Bound::typed("", "farm"), Ok(Some(Bound::Group("farm".to_owned()))));
        assert_eq!(Bound::typed("a", "b"), Err(BoundError::Several));
        assert_eq!(Bound::typed("a\nb", ""), Err(BoundError::Name));
    }
}
