//! One synchronous turn of a user's bus: everything a decision may look at, and what it asks to be done.

use serde_json::Value;

use crate::change::Changes;
use crate::effect::Effect;
use crate::error::Error;
use crate::ids::Entropy;
use crate::presence::{Link, Presence};
use crate::record::{self, Record};
use crate::storage::Sql;
use crate::streams;
use crate::trace::Trace;

pub struct Turn<'a> {
    pub sql: &'a dyn Sql,
    pub presence: &'a mut Presence,
    pub entropy: &'a mut dyn Entropy,
    pub now_ms: i64,
    pub user_id: &'a str,
    /// What led to this turn.
    pub trace: Trace,
    pub effects: Vec<Effect>,
    /// For `announce::settle` to tell at the end.
    pub changes: Changes,
}

impl<'a> Turn<'a> {
    pub fn new(
        sql: &'a dyn Sql,
        presence: &'a mut Presence,
        entropy: &'a mut dyn Entropy,
        now_ms: i64,
        user_id: &'a str,
    ) -> Self {
        Self {
            sql,
            presence,
            entropy,
            now_ms,
            user_id,
            trace: Trace::default(),
            effects: Vec::new(),
            changes: Changes::new(),
        }
    }

    /// Sends a notification to a client that is there now, however it is reached. Says whether it is there.
    pub fn send(&mut self, client_uuid: &str, notification: &Value) -> Result<bool, Error> {
        match self.presence.get(client_uuid).map(|attached| (attached.link.clone(), attached.socket_id.clone())) {
            None => return Ok(false),
            Some((Link::Socket, socket_id)) => {
                self.effects.push(Effect::Send { socket_id, frame: notification.to_string() });
            }
            Some((Link::Stream { session_id }, _)) => streams::push(self, client_uuid, &session_id, notification)?,
        }
        Ok(true)
    }

    /// Sends a record that is JSON already, so that it is not written twice.
    pub fn send_record(&mut self, client_uuid: &str, priority: u8, record: &str) -> Result<(), Error> {
        match self.presence.get(client_uuid).map(|attached| (attached.link.clone(), attached.socket_id.clone())) {
            None => {}
            Some((Link::Socket, socket_id)) => {
                self.effects.push(Effect::Send { socket_id, frame: record::notification_text(priority, record) });
            }
            Some((Link::Stream { session_id }, _)) => {
                let record: Record =
                    serde_json::from_str(record).map_err(|source| Error::Stored { what: "record", source })?;
                streams::push(self, client_uuid, &session_id, &record.notification())?;
            }
        }
        Ok(())
    }

    /// The name under which the bus itself speaks for this user.
    pub fn server_uuid(&self) -> String {
        format!("server:{}", self.user_id)
    }
}

/// Unix seconds as they stand on the wire.
pub fn seconds(milliseconds: i64) -> f64 {
    // Exact for every time that fits in 53 bits, which is all until the year 287396.
    #[allow(clippy::cast_precision_loss)]
    let milliseconds = milliseconds as f64;
    milliseconds / 1000.0
}

/// `then` is at least `age_ms` ago.
pub fn is_older(then_ms: i64, age_ms: i64, now_ms: i64) -> bool {
    now_ms.saturating_sub(then_ms) >= age_ms
}
