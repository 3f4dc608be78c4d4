//! Everything that decides in Blender Bus. No runtime, no clock, no socket: functions take state, input, the time and
//! randomness, and say what is to be done.

pub mod ids;
pub mod migrate;
pub mod storage;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
