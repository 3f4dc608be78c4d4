//! A turn of the bus, and what it says is to be done: `bus` decides, this performs.

use core::time::Duration;

use account::audit::Event;
use bus::clients::streams;
use bus::turn::Turn;
use bus::turn::cache::Cache;
use bus::turn::effect::Effect;
use bus::turn::error::Error as CoreError;
use bus::{announce, schema};
use futures_util::FutureExt;
use kernel::storage::StorageError;
use runtime::{WebCrypto, now_ms};
use worker::{Error, console_log};

use super::Bus;

/// What of a turn has to be waited for.
enum Last {
    Arm { due_ms: i64 },
    Vanish,
}

impl Bus {
    /// Takes a turn now.
    pub(super) async fn turn<T>(
        &self,
        user_id: &str,
        decide: impl FnOnce(&mut Turn<'_>) -> Result<T, CoreError>,
    ) -> Result<T, CoreError> {
        self.turn_at(now_ms(), user_id, decide).await
    }

    /// Takes one synchronous turn and performs its effects. Nothing awaits before the last of them. The clock was looked at just
    /// before: each look is a call out of the module. There is one such function for each `decide`, so it holds little else.
    pub(super) async fn turn_at<T>(
        &self,
        now_ms: i64,
        user_id: &str,
        decide: impl FnOnce(&mut Turn<'_>) -> Result<T, CoreError>,
    ) -> Result<T, CoreError> {
        let (decided, effects) = {
            let mut presence = self.presence.borrow_mut();
            let mut entropy = WebCrypto;
            let mut turn = Turn::new(&self.sql, &mut presence, &mut entropy, now_ms, user_id);
            self.wake(&mut turn)?;
            let decided = decide(&mut turn);
            let announced = announced(&mut turn, decided.is_ok());
            (decided.and_then(|decided| announced.map(|()| decided)), turn.effects)
        };
        if let Some(last) = self.perform_all(now_ms, user_id, effects) {
            self.finish(last).boxed_local().await?;
        }
        self.report_later();
        decided
    }

    /// Brings the schema up to date, and what sleeps in rows into memory, before the first turn.
    fn wake(&self, turn: &mut Turn<'_>) -> Result<(), CoreError> {
        if !self.awake.get() {
            schema::migrate(&self.sql)?;
            streams::wake(turn)?;
            self.awake.set(true);
        }
        Ok(())
    }

    /// Performs the effects of a turn, up to the last.
    fn perform_all(&self, now_ms: i64, user_id: &str, effects: Vec<Effect>) -> Option<Last> {
        let vanish = effects.contains(&Effect::Vanish);
        let mut due_ms = None;
        for effect in effects {
            due_ms = self.perform(now_ms, user_id, effect).into_iter().chain(due_ms).min();
        }
        if vanish { Some(Last::Vanish) } else { due_ms.map(|due_ms| Last::Arm { due_ms }) }
    }

    /// Performs one effect; when that is to arm the alarm, says for when.
    fn perform(&self, now_ms: i64, user_id: &str, effect: Effect) -> Option<i64> {
        match effect {
            Effect::Send { socket_id, frame } => {
                if let Some(slow) = self.sockets.send(&self.state, &socket_id, &frame, now_ms) {
                    self.leave_behind(slow);
                }
            }
            Effect::LookForPing { socket_id } => self.look_for_ping(user_id, socket_id),
            Effect::AskRead { socket_id } => self.sockets.ask(&socket_id),
            Effect::Note { socket_id } => {
                self.sockets.note(&socket_id, &self.presence.borrow());
                self.waits.poke_all();
            }
            Effect::Close { socket_id, code, reason } => {
                self.count_close(code, self.sockets.close(&socket_id, code, reason));
            }
            Effect::CloseGrant { grant_id, code, reason } => {
                self.count_close(code, self.sockets.close_grant(&grant_id, code, reason));
            }
            Effect::CloseAll { code, reason } => {
                self.count_close(code, self.sockets.close_all(code, reason));
                self.waits.poke_all();
            }
            Effect::Audit { username, what, detail } => self.audit(username, Event::of(what, "").about(detail)),
            Effect::Log { line } => console_log!("{line}"),
            Effect::CountMade | Effect::CountEnded { .. } => self.count_job(&effect),
            Effect::News { subject } => self.waits.poke(&subject),
            Effect::Tell { due_ms } => self.tell_later(user_id, due_ms),
            Effect::Push(push) => self.push(user_id, *push),
            Effect::Arm { due_ms } => return Some(due_ms),
            // Performed last, by `finish`.
            Effect::Vanish => {}
        }
        None
    }

    async fn finish(&self, last: Last) -> Result<(), CoreError> {
        match last {
            Last::Arm { due_ms } => self.arm(due_ms).await,
            Last::Vanish => {
                self.state.storage().delete_all().await.map_err(failed)?;
                self.awake.set(false);
                self.armed_ms.set(None);
                Ok(())
            }
        }
    }

    /// Sets the alarm, unless it goes off earlier anyway.
    pub(super) async fn arm(&self, due_ms: i64) -> Result<(), CoreError> {
        let storage = self.state.storage();
        let armed = match self.armed_ms.get() {
            Some(armed) => Some(armed),
            None => storage.get_alarm().await.map_err(failed)?,
        };
        if armed.is_none_or(|armed| due_ms < armed) {
            let left = u64::try_from(due_ms.saturating_sub(now_ms())).unwrap_or(0);
            storage.set_alarm(Duration::from_millis(left)).await.map_err(failed)?;
            self.armed_ms.set(Some(due_ms));
        } else {
            self.armed_ms.set(armed);
        }
        Ok(())
    }
}

/// Announces what a turn has changed, even if it failed: writes before the error stay.
fn announced(turn: &mut Turn<'_>, has_decided: bool) -> Result<(), CoreError> {
    let announced = announce::settle(turn);
    if !has_decided || announced.is_err() {
        // It may have stopped between writing a row and updating the cache.
        turn.presence.cache = Cache::default();
    }
    announced
}

fn failed(error: Error) -> CoreError {
    CoreError::Storage(StorageError::Statement(error.to_string()))
}
