//! A user's files, for everything at the edge that shows or changes them: who may what, and signed URLs.

pub mod access;
pub mod signed;
