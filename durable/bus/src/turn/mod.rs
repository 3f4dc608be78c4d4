//! One synchronous turn of a user's bus: everything a decision may look at, and what it asks to be done.

use kernel::access::{Bound, Guest};
use kernel::ids::Entropy;
use kernel::storage::Sql;
use kernel::trace::Trace;

use crate::turn::change::Changes;
use crate::turn::effect::Effect;
use crate::turn::presence::Presence;
use crate::turn::sender::Sender;
use crate::wire::command::Caller;

pub mod cache;
pub mod change;
pub mod effect;
pub mod error;
pub mod job;
pub mod limits;
pub mod news;
pub mod presence;
pub mod sender;

/// Everything a decision may look at.
pub struct Turn<'a> {
    pub sql: &'a dyn Sql,
    pub presence: &'a mut Presence,
    pub entropy: &'a mut dyn Entropy,
    pub now_ms: i64,
    pub user_id: &'a str,
    /// What led to this turn.
    pub trace: Trace,
    /// Who asked for it; none where the server acts for the owner.
    pub caller: Option<Caller>,
    /// The clients that this turn is bound to; none where it may reach all.
    pub bound: Option<Bound>,
    /// Who asked for it, as told to the Blender of a job.
    pub sender: Option<Sender>,
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
            caller: None,
            bound: None,
            sender: None,
            effects: Vec::new(),
            changes: Changes::new(),
        }
    }

    /// Takes the turn for this caller, within what its token is bound to.
    pub fn act_for(&mut self, caller: Caller) {
        self.bound.clone_from(&caller.scopes.bound);
        self.caller = Some(caller);
    }

    /// What kind of guest asks for it, and by which grant; none for the owner and for whatever acts for the owner.
    pub fn guest(&self) -> Option<(Guest, &str)> {
        let caller = self.caller.as_ref()?;
        Some((caller.scopes.guest?, caller.grant_id.as_str()))
    }

    /// The name under which the bus itself speaks for this user.
    pub fn server_uuid(&self) -> String {
        format!("server:{}", self.user_id)
    }
}

/// Unix seconds, as on the wire.
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
