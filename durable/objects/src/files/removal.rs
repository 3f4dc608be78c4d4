//! What goes: what is past its time or nobody's, by alarm, and everything once the account is deleted.

use core::time::Duration;

use ::files::cleaning::{Leftover, all_in_r2, clean, due_ms, erased};
use ::files::refusal::Refusal;
use ::files::wire::Place;
use runtime::now_ms;
use worker::console_error;

use super::Shelf;
use super::failure::Failure;

/// How soon it is tried again to erase what R2 did not.
const LEFT_MS: i64 = 3_600_000;
/// How often, and how many milliseconds apart, it is looked whether what is written has ended.
const END_TRIES: u32 = 20;
const END_MS: i64 = 100;

impl Shelf {
    /// Cleans a piece, and sets the alarm for the next.
    pub(super) async fn clean(&self) -> Result<(), Failure> {
        self.wake()?;
        let busy = self.busy.borrow().clone();
        let mut is_left = false;
        for left in clean(&self.sql, &busy, now_ms())? {
            match self.erase_in_r2(&left).await {
                Ok(()) => erased(&self.sql, left.blob)?,
                Err(error) => {
                    console_error!("files: content {} cannot be erased in R2: {error}", left.blob);
                    is_left = true;
                }
            }
        }
        self.left_until_ms.set(if is_left { now_ms().saturating_add(LEFT_MS) } else { 0 });
        self.arm().await
    }

    /// Sets the alarm for what is due next.
    pub(super) async fn arm(&self) -> Result<(), Failure> {
        let now_ms = now_ms();
        let storage = self.state.storage();
        let Some(due_ms) = due_ms(&self.sql, now_ms)? else { return Ok(()) };
        // What is in use, and what R2 has not erased, cannot be cleaned yet.
        let busy_ms = if self.busy.borrow().is_empty() { 0 } else { now_ms.saturating_add(1_000) };
        let due_ms = due_ms.max(busy_ms).max(self.left_until_ms.get());
        if storage.get_alarm().await?.is_none_or(|armed_ms| due_ms < armed_ms || armed_ms <= now_ms) {
            let left = u64::try_from(due_ms.saturating_sub(now_ms)).unwrap_or(0);
            storage.set_alarm(Duration::from_millis(left)).await?;
        }
        Ok(())
    }

    async fn erase_in_r2(&self, left: &Leftover) -> Result<(), Failure> {
        self.stores.of_place(Place::R2)?.erase(left).await
    }

    /// The account is deleted: what is elsewhere first, then all that is here. It may be asked again where it fails.
    pub(super) async fn erase(&self) -> Result<(), Failure> {
        self.erasing.set(true);
        self.erasures.set(self.erasures.get().wrapping_add(1));
        let erased = self.erase_all().await;
        self.erasing.set(false);
        erased
    }

    async fn erase_all(&self) -> Result<(), Failure> {
        // Whatever writes ends itself as soon as more bytes come. What stands still finds its rows gone later.
        for _ in 0..END_TRIES {
            if self.written.borrow().is_empty() && self.kept.borrow().is_empty() {
                break;
            }
            self.sleepers.pause(END_MS).await;
        }
        let mut failed = None;
        for left in all_in_r2(&self.sql)? {
            if let Err(error) = self.erase_in_r2(&left).await {
                console_error!("files: content {} of a deleted account stays in R2: {error}", left.blob);
                failed = Some(error);
            }
        }
        // Without a binding it would fail for ever, and keep what can be deleted.
        if let Some(failed) = failed.filter(|_| self.stores.place() == Place::R2) {
            return Err(failed);
        }
        self.state.storage().delete_alarm().await?;
        self.state.storage().delete_all().await?;
        self.awake.set(false);
        Ok(())
    }

    /// # Errors
    /// `Kind::Gone` while the account is deleted.
    pub(super) fn not_erasing(&self) -> Result<(), Refusal> {
        if self.erasing.get() { Err(Refusal::gone()) } else { Ok(()) }
    }
}
