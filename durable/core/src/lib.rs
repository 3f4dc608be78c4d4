//! Everything that decides in Blender Bus. No runtime, no clock, no socket: functions take state, input, the time and
//! randomness, and say what is to be done.

pub mod access_tokens;
pub mod accounts;
pub mod arguments;
pub mod browser_sessions;
pub mod bus;
pub mod bus_tools;
pub mod cache;
pub mod codes;
pub mod command;
pub mod consents;
pub mod counters;
pub mod delivery;
pub mod device;
pub mod effect;
pub mod envelope;
pub mod erasure;
pub mod error;
pub mod failed_logins;
pub mod grants;
pub mod ids;
pub mod inbox;
pub mod invites;
pub mod job_news;
pub mod job_tools;
pub mod jobs;
pub mod keys;
pub mod limits;
pub mod messages;
pub mod migrate;
pub mod overview;
pub mod passwords;
pub mod peer;
pub mod presence;
pub mod questions;
pub mod record;
pub mod registry;
pub mod routing;
pub mod scopes;
pub mod secrets;
pub mod sessions;
pub mod setup;
pub mod shorten;
pub mod storage;
pub mod streams;
pub mod subscriptions;
pub mod tasks;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod timers;
pub mod tool_result;
pub mod trace;
pub mod turn;
pub mod usernames;
pub mod wait;

#[cfg(test)]
mod tests;
