//! A user's files, for everything at the edge that shows or changes them: who may what, signed URLs, and bytes on their way.

pub mod access;
pub mod signed;
pub mod streams;
