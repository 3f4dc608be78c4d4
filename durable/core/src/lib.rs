//! Everything that decides in Blender Bus. No runtime, no clock, no socket: functions take state, input, the time and
//! randomness, and say what is to be done.

pub mod accounts;
pub mod browser_sessions;
pub mod codes;
pub mod grants;
pub mod ids;
pub mod keys;
pub mod migrate;
pub mod passwords;
pub mod scopes;
pub mod secrets;
pub mod storage;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod usernames;
