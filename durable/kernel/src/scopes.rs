//! OAuth scopes: what a token may do on its owner's bus.

use core::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A set of scopes. On the wire: names with single spaces between them (RFC 6749 section 3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// Lists, read-only tools, resources.
    pub const BUS_READ: Self = Self(1);
    /// Every tool.
    pub const BUS_DISPATCH: Self = Self(2);
    /// Attach as a Blender.
    pub const PEER: Self = Self(4);
    pub const NONE: Self = Self(0);
    /// What an AI client needs. The challenge of the MCP endpoint names it, so that clients do not ask for everything.
    pub const FOR_CLIENTS: Self = Self(3);
    /// What a request that names no scope asks for: what a client needs, and not to attach as a Blender.
    pub const DEFAULT: Self = Self::FOR_CLIENTS;
    pub const ALL: Self = Self(7);
    /// Each single scope with its name, in the order they are written.
    pub const NAMED: [(Self, &'static str); 3] =
        [(Self::BUS_READ, "bus:read"), (Self::BUS_DISPATCH, "bus:dispatch"), (Self::PEER, "peer")];

    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What `self` has and `other` lacks.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The known scopes of a list, separated by white space or commas; names this server does not know are passed over.
    pub fn known(list: &str) -> Self {
        let separates = |character: char| character.is_ascii_whitespace() || character == ',';
        list.split(separates).filter_map(Self::named).fold(Self::NONE, Self::union)
    }

    /// The scopes that a request asks for by its parameter `scope`. One that names nothing known here (clients send
    /// `openid profile`, or their own name) counts as one that names nothing.
    pub fn requested(scope: Option<&str>) -> Self {
        let known = scope.map_or(Self::NONE, Self::known);
        if known.is_empty() { Self::DEFAULT } else { known }
    }

    fn named(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(_, known)| *known == name).map(|(scope, _)| *scope)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (scope, name) in Self::NAMED {
            if self.contains(scope) {
                write!(formatter, "{separator}{name}")?;
                separator = " ";
            }
        }
        Ok(())
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = String::deserialize(deserializer)?;
        list.split_ascii_whitespace().try_fold(Self::NONE, |scopes, name| match Self::named(name) {
            Some(scope) => Ok(scopes.union(scope)),
            None => Err(D::Error::custom(format!("unknown scope {name:?}"))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Scopes;

    #[test]
    fn scopes_are_written_in_one_order_and_read_in_any() {
        assert_eq!(Scopes::known("peer  bus:read").to_string(), "bus:read peer");
        assert_eq!(Scopes::known("peer bus:dispatch bus:read"), Scopes::ALL);
        assert_eq!(Scopes::known(" bus:read,bus:dispatch,, openid"), Scopes::FOR_CLIENTS);
    }

    #[test]
    fn unknown_names_give_nothing() {
        assert!(Scopes::known("openid BUS:READ bus:readx").is_empty());
        assert!(serde_json::from_str::<Scopes>("\"bus:read admin\"").is_err());
    }

    #[test]
    fn asking_for_nothing_known_is_asking_for_nothing() {
        for scope in [None, Some(""), Some(" "), Some("claudeai"), Some("openid profile"), Some(",")] {
            assert_eq!(Scopes::requested(scope), Scopes::DEFAULT, "{scope:?}");
        }
        assert_eq!(Scopes::requested(Some("openid bus:read")), Scopes::BUS_READ);
    }

    #[test]
    fn a_set_contains_only_what_was_put_in() {
        let read = Scopes::BUS_READ;
        assert!(Scopes::ALL.contains(read) && !read.contains(Scopes::ALL));
        assert_eq!(Scopes::ALL.without(read).to_string(), "bus:dispatch peer");
    }
}
