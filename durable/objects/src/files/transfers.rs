//! What runs at the moment: how many transfers, and what only one request at a time may do.

use core::cell::Cell;
use std::rc::Weak;

use ::files::refusal::{Kind, Refusal};

use super::Shelf;

/// How often, and how many milliseconds apart, it is looked whether another request has kept a result.
const KEPT_TRIES: u32 = 100;
const KEPT_MS: i64 = 100;

impl Shelf {
    /// # Errors
    /// `Kind::Gone` while the account is deleted, `Kind::Busy` where too many transfers run.
    pub(super) fn begin_transfer(&self) -> Result<Transfer, Refusal> {
        self.not_erasing()?;
        let running = self.transfers.get();
        if running >= self.limits.transfers {
            let message = format!(
                "{} transfers of yours run already, the most that may: try again in a moment",
                self.limits.transfers
            );
            return Err(Refusal::new(Kind::Busy, message));
        }
        self.transfers.set(running.saturating_add(1));
        Ok(Transfer { shelf: Weak::clone(&self.me), blob: Cell::new(None), file_id: None })
    }

    /// Waits until no other request keeps the result of this job: what comes next finds its file.
    ///
    /// # Errors
    /// `Kind::Gone` while the account is deleted, `Kind::Conflict` where the other request takes too long.
    pub(super) async fn keeping(&self, job_id: &str) -> Result<Keeping, Refusal> {
        for _ in 0..KEPT_TRIES {
            self.not_erasing()?;
            if !self.kept.borrow().iter().any(|kept| kept == job_id) {
                self.kept.borrow_mut().push(job_id.to_owned());
                return Ok(Keeping { shelf: Weak::clone(&self.me), job_id: job_id.to_owned() });
            }
            self.sleepers.pause(KEPT_MS).await;
        }
        Err(Refusal::new(Kind::Conflict, "another request makes a file of this result: ask again in a moment"))
    }
}

/// A transfer that runs. What it holds is let go when it is dropped.
pub(super) struct Transfer {
    shelf: Weak<Shelf>,
    blob: Cell<Option<i64>>,
    /// The upload that it alone writes.
    file_id: Option<String>,
}

impl Transfer {
    /// # Errors
    /// `Kind::Conflict` where another request writes it.
    pub(super) fn writes(&mut self, file_id: &str) -> Result<(), Refusal> {
        let Some(shelf) = self.shelf.upgrade() else { return Ok(()) };
        let mut written = shelf.written.borrow_mut();
        if written.iter().any(|other| other == file_id) {
            return Err(Refusal::new(Kind::Conflict, "another request writes this upload: one at a time"));
        }
        written.push(file_id.to_owned());
        self.file_id = Some(file_id.to_owned());
        Ok(())
    }

    /// Its content is in use, and is not cleaned away.
    pub(super) fn uses(&self, blob: i64) {
        if let Some(shelf) = self.shelf.upgrade() {
            shelf.busy.borrow_mut().push(blob);
            self.blob.set(Some(blob));
        }
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let Some(shelf) = self.shelf.upgrade() else { return };
        shelf.transfers.set(shelf.transfers.get().saturating_sub(1));
        if let Some(file_id) = &self.file_id {
            shelf.written.borrow_mut().retain(|other| other != file_id);
        }
        if let Some(blob) = self.blob.get() {
            let mut busy = shelf.busy.borrow_mut();
            if let Some(place) = busy.iter().position(|other| *other == blob) {
                busy.swap_remove(place);
            }
        }
    }
}

/// The result of a job that becomes a file.
pub(super) struct Keeping {
    shelf: Weak<Shelf>,
    job_id: String,
}

impl Drop for Keeping {
    fn drop(&mut self) {
        if let Some(shelf) = self.shelf.upgrade() {
            shelf.kept.borrow_mut().retain(|kept| *kept != self.job_id);
        }
    }
}
