//! Everything that decides in Blender Bus. No runtime, no clock, no socket: functions take state, input, the time and
//! randomness, and say what is to be done.

pub mod arguments;
pub mod bus_tools;
