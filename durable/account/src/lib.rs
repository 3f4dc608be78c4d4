//! Everything that decides about an account. Functions take the database, the time and randomness, and say what came of it.
//!
//! - `accounts`: the commands of one account: signing in and up, codes, tokens, deletion.
//! - `grants`, `codes`, `consents`, `access_tokens`: what a client was allowed, and what it holds.
//! - `token_approvals`, `audit`: what the owner has agreed to in the browser, and what happened to the account's rights.
//! - `passwords`, `failed_logins`, `browser_sessions`, `usernames`, `invites`: who somebody is.
//! - `device`: sign-ins of devices that show a code; sixteen objects share them.
//! - `key_ring`: the server's signing keys and its set-up; an object of its own.

pub mod access_tokens;
pub mod accounts;
pub mod audit;
pub mod browser_sessions;
pub mod codes;
pub mod consents;
pub mod device;
pub mod export;
pub mod failed_logins;
pub mod grants;
pub mod import;
pub mod invites;
pub mod key_ring;
pub mod passwords;
pub mod schema;
pub mod shares;
#[cfg(test)]
mod testing;
pub mod token_approvals;
pub mod usernames;
