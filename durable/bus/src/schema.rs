//! The schema of a bus: one file a version, append-only.

mod early;

use kernel::migrate::{Migrations, upgrade};
use kernel::storage::{Sql, StorageError};

pub const USER_BUS: Migrations = &[
    include_str!("../schema/0001_initial.sql"),
    include_str!("../schema/0002_jobs_updated_at.sql"),
    include_str!("../schema/0003_endings.sql"),
    include_str!("../schema/0004_pending_news.sql"),
    include_str!("../schema/0005_senders.sql"),
    include_str!("../schema/0006_owners.sql"),
    include_str!("../schema/0007_job_extra.sql"),
    include_str!("../schema/0008_parts.sql"),
    include_str!("../schema/0009_pictures.sql"),
    include_str!("../schema/0010_guests.sql"),
    include_str!("../schema/0011_push.sql"),
    include_str!("../schema/0012_jobs_not_completed.sql"),
];

/// Brings a bus up to date.
///
/// # Errors
/// `StorageError` if a statement fails, or if a newer build has been here.
pub fn migrate(sql: &dyn Sql) -> Result<(), StorageError> {
    upgrade(sql, USER_BUS, early::amend)
}
