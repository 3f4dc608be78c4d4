//! Whether a job of a guest is made, and whether it waits for the owner first.

use kernel::access::Guest;
use serde_json::{Value, json};

use crate::rows::guests::{self, Consent};
use crate::rows::timers::{self, Kind};
use crate::turn::Turn;
use crate::turn::error::{Error, Rejection};
use crate::turn::job::{self, NewJob};
use crate::wire::guests::{Standing, standing};

/// How long the owner has to answer.
pub const CONSENT_MS: i64 = 10 * 60_000;

/// Jobs of one share link that are open at once.
const MAX_OPEN: usize = 10;

/// How soon somebody who watches has the next picture.
const PICTURE_EVERY_MS: i64 = 2_000;

/// A job of a guest that may be made.
pub struct Admitted {
    pub grant_id: String,
    /// Whether it waits for the owner.
    pub consent: Option<Consent>,
}

impl Admitted {
    /// What a job that waits says of itself, as one that its Blender asks about does.
    pub fn progress(&self) -> Option<Value> {
        let message = "waits until the owner of this Blender has agreed";
        self.consent.map(|_| json!({"percent": 0.0, "message": message, "asks": job::CONSENT}))
    }
}

/// Nothing for a job that is no guest's.
///
/// # Errors
/// `Rejection::NotShared` for what the link is not for, `Rejection::Limit` for too many at once or too soon.
pub fn admit(turn: &Turn<'_>, job: &NewJob<'_>) -> Result<Option<Admitted>, Error> {
    let Some((guest, grant_id)) = turn.guest() else { return Ok(None) };
    let params = job.payload.get("params").unwrap_or(&Value::Null);
    let consent = match standing(guest, job.command, params) {
        Standing::Runs => None,
        Standing::Asks => Some(Consent::Asked),
        Standing::Refused => return Err(not_shared(guest)),
    };
    let grant_id = grant_id.to_owned();
    let open = guests::open_of(turn, &grant_id)?.len();
    let most = if guest == Guest::Watch { 1 } else { MAX_OPEN };
    if open >= most {
        let limit = i64::try_from(most).unwrap_or(0);
        return Err(Rejection::Limit {
            what: "open jobs of this share link",
            limit,
            remedy: "wait until one has ended",
        }
        .into());
    }
    let soon = |last_ms: i64| turn.now_ms.saturating_sub(last_ms) < PICTURE_EVERY_MS;
    if guest == Guest::Watch && guests::last_ms(turn, &grant_id)?.is_some_and(soon) {
        let (what, remedy) = ("picture in two seconds by this share link", "wait a moment, then ask again");
        return Err(Rejection::Limit { what, limit: 1, remedy }.into());
    }
    Ok(Some(Admitted { grant_id, consent }))
}

/// Gives the owner of a job that waits for consent, as its progress says, so much time.
pub fn await_consent(turn: &mut Turn<'_>, job_id: &str, progress: Option<&Value>) -> Result<(), Error> {
    match progress {
        Some(_) => timers::ensure(turn, Kind::Consent, job_id, turn.now_ms.saturating_add(CONSENT_MS)),
        None => Ok(()),
    }
}

/// What a share link is not for.
pub fn not_shared(guest: Guest) -> Error {
    let guest = match guest {
        Guest::Watch => "watching: pictures and jobs of one Blender",
        Guest::Work => "work in one Blender, under its owner's eyes",
    };
    Rejection::NotShared { guest }.into()
}
