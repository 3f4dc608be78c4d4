//! What a notification says: which Blender, which command, and what is asked or has happened. Never code, results or errors.

use kernel::text::{cut, in_query};
use serde_json::json;

use crate::push::pace::Kind;
use crate::turn::job::{Job, State};

/// How long Blender waits for an answer before it refuses a job, in milliseconds. The extension has the same.
pub const ANSWERED_WITHIN_MS: i64 = 10 * 60 * 1_000;

/// How long it is worth telling that a job has ended.
const ENDED_MATTERS_MS: i64 = 12 * 60 * 60 * 1_000;

/// A test is for somebody who waits for it.
const TEST_MATTERS_MS: i64 = 60_000;

/// Bytes of a name that are shown.
const MAX_NAME: usize = 80;

/// Bytes of a path. One that is longer leads to the dashboard.
const MAX_PATH: usize = 600;

const DASHBOARD: &str = "/dashboard";

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// `{"title", "body", "path", "tag"}` as JSON. `tag`: a later one with the same tag takes its place.
    pub payload: String,
    /// As RFC 8030 section 5.3 has it.
    pub urgency: &'static str,
    /// For how long it is worth telling, in milliseconds.
    pub lasts_ms: i64,
}

/// A Blender asks whether this job may run.
pub fn asks(job: &Job) -> Message {
    let body = format!("May {} run in {}?", shown(&job.command), blender(job));
    made("Blender asks you", &body, &path_of(job), &tag(Kind::Asks, &job.job_id), "high", ANSWERED_WITHIN_MS)
}

/// A job has ended after so many milliseconds.
pub fn ended(job: &Job, state: State, took_ms: i64) -> Message {
    let title = match state {
        State::Completed => "A job is done",
        State::Failed => "A job has failed",
        _ => "A job is lost",
    };
    let body = format!("{} in {}, after {}", shown(&job.command), blender(job), in_words(took_ms));
    made(title, &body, &path_of(job), &tag(Kind::Ends, &job.job_id), "normal", ENDED_MATTERS_MS)
}

/// There was more of a kind than a minute has room for.
pub fn rest(kind: Kind, more: i64) -> Message {
    let (title, one, many, urgency, lasts_ms) = match kind {
        Kind::Asks => ("Blender asks you", "question", "questions", "high", ANSWERED_WITHIN_MS),
        _ => ("Jobs have ended", "job that has ended", "jobs that have ended", "normal", ENDED_MATTERS_MS),
    };
    let body = format!("And {more} more {}", if more == 1 { one } else { many });
    made(title, &body, DASHBOARD, &tag(kind, "rest"), urgency, lasts_ms)
}

/// The owner wants to see whether it works.
pub fn test() -> Message {
    let body = "Notifications reach this browser.";
    made("A test", body, "/account/notifications", Kind::Test.name(), "high", TEST_MATTERS_MS)
}

fn made(title: &str, body: &str, path: &str, tag: &str, urgency: &'static str, lasts_ms: i64) -> Message {
    let payload = json!({"title": title, "body": body, "path": path, "tag": tag}).to_string();
    Message { payload, urgency, lasts_ms }
}

fn tag(kind: Kind, subject: &str) -> String {
    format!("{} {}", kind.name(), cut(subject, MAX_NAME))
}

fn path_of(job: &Job) -> String {
    let path = format!("/dashboard/job?id={}", in_query(&job.job_id));
    if path.len() > MAX_PATH { DASHBOARD.to_owned() } else { path }
}

fn blender(job: &Job) -> String {
    shown(job.target_uuid.as_deref().unwrap_or("a Blender"))
}

/// A name that somebody else has chosen, in one line of bounded length.
fn shown(name: &str) -> String {
    let plain: String = name.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    let part = cut(&plain, MAX_NAME);
    if part.len() < plain.len() { format!("{part}...") } else { plain }
}

fn in_words(ms: i64) -> String {
    let minutes = ms.div_euclid(60_000);
    match (minutes.div_euclid(60), minutes) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {} min", minutes.rem_euclid(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::{in_words, shown};

    #[test]
    fn times_are_told_in_minutes_and_hours() {
        assert_eq!(
            [61_000, 3_599_000, 3_600_000, 90_000_000].map(in_words),
            ["1 min", "59 min", "1 h 0 min", "25 h 0 min"]
        );
    }

    #[test]
    fn names_of_others_are_one_short_line() {
        assert_eq!(shown("studio\n\u{1b}[31m1"), "studio  [31m1");
        assert_eq!(shown(&"\u{05d0}".repeat(200)).chars().count(), 43);
    }
}
