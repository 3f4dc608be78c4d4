//! What each scope lets a token do: the one table that the checks of both ways in come from, and the page on security shows.
//!
//! Beside the scope counts what the token is bound to (`rows::reach`), and whose a client is (`rows::owners`): no scope lets a token act as a client that another grant of the
//! user registered.

use kernel::access::Guest;
use kernel::scopes::Scopes;

use crate::wire::tables::{
    CREATE_UPLOAD, DELETE_FILE, GET_FILE, JOB_CANCEL, JOB_RESULT, JOB_STATUS, JOB_UPDATE, LIST_AVAILABLE_CLIENTS,
    LIST_FILES, LIST_JOBS, RECEIVE_MESSAGES, REGISTER_CLIENT, SEND_MESSAGE, SUBMIT, UNREGISTER_CLIENT,
};

/// What a token needs for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Any valid token will do.
    Token,
    /// `bus:read`, which `bus:dispatch` implies.
    Read,
    /// `bus:dispatch`.
    Dispatch,
    /// `peer`.
    Peer,
    /// `bus:dispatch`; or `peer`, for the client that the socket is registered as and the jobs that this was given.
    OwnOrDispatch,
    /// No scope gives it.
    Nobody,
}

impl Need {
    /// Whether a token with these scopes may do it, `own` saying whether it is about the socket's own client.
    pub const fn is_met(self, scopes: Scopes, own: bool) -> bool {
        match self {
            Self::Token => true,
            Self::Read => scopes.contains(Scopes::BUS_READ) || scopes.contains(Scopes::BUS_DISPATCH),
            Self::Dispatch => scopes.contains(Scopes::BUS_DISPATCH),
            Self::Peer => scopes.contains(Scopes::PEER),
            Self::OwnOrDispatch => scopes.contains(Scopes::BUS_DISPATCH) || (own && scopes.contains(Scopes::PEER)),
            Self::Nobody => false,
        }
    }

    /// The scope to ask for, where a token does not do.
    pub const fn scope(self) -> Scopes {
        match self {
            Self::Token | Self::Nobody => Scopes::NONE,
            Self::Read => Scopes::BUS_READ,
            Self::Dispatch | Self::OwnOrDispatch => Scopes::BUS_DISPATCH,
            Self::Peer => Scopes::PEER,
        }
    }

    /// As the page on security says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Token => "any token",
            Self::Read => "`bus:read` or `bus:dispatch`",
            Self::Dispatch => "`bus:dispatch`",
            Self::Peer => "`peer`",
            Self::OwnOrDispatch => "`bus:dispatch`, or `peer` for its own",
            Self::Nobody => "not served",
        }
    }
}

/// What is left of something to a token that is bound to one Blender or to one group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// All of it.
    All,
    /// Naming another client is refused, whether there is one or not.
    Named,
    /// Other clients and their jobs are not found, as if they did not exist.
    Found,
}

impl Left {
    /// As the page on security says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::All => "all of it",
            Self::Named => "names its own only",
            Self::Found => "finds its own only",
        }
    }
}

/// Which guests have something: those with a share link, whose tokens are bound to one Blender besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guests {
    Nobody,
    /// Those who work, for what they have sent or made themselves.
    Working,
    All,
}

impl Guests {
    pub fn include(self, guest: Guest) -> bool {
        match self {
            Self::Nobody => false,
            Self::Working => guest == Guest::Work,
            Self::All => true,
        }
    }

    /// As the page on security says it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nobody => "none",
            Self::Working => "to work",
            Self::All => "to work, to watch",
        }
    }
}

/// What something needs, over HTTP and over a socket, which only a token with `peer` opens, what a bound token has of it, and
/// which guests have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Right {
    pub name: &'static str,
    pub over_http: Need,
    pub over_socket: Need,
    pub bound: Left,
    pub guests: Guests,
}

const fn right(name: &'static str, over_http: Need, over_socket: Need, bound: Left, guests: Guests) -> Right {
    Right { name, over_http, over_socket, bound, guests }
}

/// Tools of the bus. Tools of a Blender and of the account need `Read` where they only read, and `Dispatch` otherwise.
pub const TOOLS: [Right; 15] = [
    right(REGISTER_CLIENT, Need::Dispatch, Need::Peer, Left::Named, Guests::Nobody),
    right(UNREGISTER_CLIENT, Need::Dispatch, Need::OwnOrDispatch, Left::Named, Guests::Nobody),
    right(SEND_MESSAGE, Need::Dispatch, Need::Dispatch, Left::Named, Guests::Nobody),
    right(JOB_UPDATE, Need::Dispatch, Need::OwnOrDispatch, Left::Found, Guests::Nobody),
    right(LIST_AVAILABLE_CLIENTS, Need::Read, Need::Peer, Left::Found, Guests::All),
    right(SUBMIT, Need::Dispatch, Need::Nobody, Left::Named, Guests::Working),
    right(JOB_STATUS, Need::Read, Need::Nobody, Left::Found, Guests::All),
    right(JOB_RESULT, Need::Read, Need::Nobody, Left::Found, Guests::All),
    right(JOB_CANCEL, Need::Dispatch, Need::Nobody, Left::Found, Guests::Working),
    right(LIST_JOBS, Need::Read, Need::Nobody, Left::Found, Guests::All),
    right(RECEIVE_MESSAGES, Need::Read, Need::Nobody, Left::Named, Guests::Nobody),
    right(LIST_FILES, Need::Read, Need::Nobody, Left::Found, Guests::Working),
    right(CREATE_UPLOAD, Need::Dispatch, Need::Nobody, Left::All, Guests::Working),
    right(GET_FILE, Need::Read, Need::Nobody, Left::Found, Guests::Working),
    right(DELETE_FILE, Need::Dispatch, Need::Nobody, Left::Found, Guests::Working),
];

/// Methods and frames. Any other method needs `Read` over HTTP, and is not served over a socket.
pub const METHODS: [Right; 8] = [
    right("server/discover", Need::Token, Need::Nobody, Left::All, Guests::All),
    right("initialize", Need::Read, Need::Peer, Left::All, Guests::All),
    right("ping", Need::Read, Need::Peer, Left::All, Guests::All),
    right("logging/setLevel", Need::Read, Need::Peer, Left::All, Guests::All),
    right("tools/call", Need::Read, Need::Peer, Left::All, Guests::All),
    right("tasks/cancel", Need::Dispatch, Need::Nobody, Left::Found, Guests::Working),
    right("notifications/progress", Need::Nobody, Need::Peer, Left::Found, Guests::Nobody),
    right("notifications/received", Need::Nobody, Need::Peer, Left::All, Guests::Nobody),
];

/// What calling a tool of the bus needs.
pub fn of_tool(name: &str) -> Right {
    TOOLS.into_iter().find(|right| right.name == name).unwrap_or(right(
        "",
        Need::Dispatch,
        Need::Nobody,
        Left::Named,
        Guests::Nobody,
    ))
}

/// What a method over HTTP needs.
pub fn of_method(name: &str) -> Need {
    METHODS.iter().find(|right| right.name == name).map_or(Need::Read, |right| right.over_http)
}

/// What a tool of a Blender or of the account needs over HTTP.
pub const fn of_other_tool(only_reads: bool) -> Need {
    if only_reads { Need::Read } else { Need::Dispatch }
}

#[cfg(test)]
mod tests {
    use super::{METHODS, Need, TOOLS, of_method, of_tool};
    use crate::wire::tables::{BUS_TOOLS, FILE_TOOLS, JOB_TOOLS};
    use kernel::scopes::Scopes;

    #[test]
    fn every_tool_of_the_bus_stands_in_the_table_once() {
        let mut listed: Vec<_> = TOOLS.iter().map(|right| right.name).collect();
        let mut known: Vec<_> = BUS_TOOLS.iter().chain(JOB_TOOLS).chain(FILE_TOOLS).map(|tool| tool.name).collect();
        listed.sort_unstable();
        known.sort_unstable();
        assert_eq!(listed, known);
    }

    #[test]
    fn the_page_on_security_says_what_the_table_says() {
        let page = include_str!("../../../../docs/security.md");
        for right in TOOLS.iter().chain(&METHODS) {
            let (http, socket, bound) = (right.over_http.word(), right.over_socket.word(), right.bound.word());
            let row = format!("| `{}` | {http} | {socket} | {bound} | {} |\n", right.name, right.guests.word());
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_needs_the_most_or_is_not_served() {
        assert_eq!((of_tool("new").over_http, of_tool("new").over_socket), (Need::Dispatch, Need::Nobody));
        assert_eq!(of_method("new"), Need::Read);
    }

    #[test]
    fn whatever_needs_a_scope_is_met_by_that_scope_and_never_without_one() {
        for need in TOOLS.iter().chain(&METHODS).flat_map(|right| [right.over_http, right.over_socket]) {
            assert!(need == Need::Nobody || need.is_met(need.scope(), false), "{need:?}");
            assert_eq!(need.is_met(Scopes::NONE, true), need == Need::Token, "{need:?}");
        }
        assert!(!Need::OwnOrDispatch.is_met(Scopes::PEER, false) && Need::OwnOrDispatch.is_met(Scopes::PEER, true));
    }
}
