//! The schema of a user's files: one file a version, append-only.

use kernel::migrate::Migrations;

pub const FILES: Migrations = &[include_str!("../schema/0001_initial.sql")];
