//! What is counted. A family is added here, and counted where it happens.

/// What the numbers of a family mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// As it is now; the numbers of all sources are added up.
    Gauge,
    /// How long something took, in seconds.
    Histogram,
}

/// A family of series in the sense of OpenMetrics. Series of one family differ by one label.
#[derive(Debug, PartialEq, Eq)]
pub struct Family {
    /// Without the prefix of all families and without the suffix of its kind.
    pub name: &'static str,
    pub help: &'static str,
    pub kind: Kind,
    /// The label's name; empty if there is one series only. A histogram has none.
    pub label: &'static str,
    /// Values of the label that have a series even before anything was counted, so that a rate or an alert sees the first.
    pub values: &'static [&'static str],
}

macro_rules! families {
    ($($constant:ident = $name:literal, $kind:ident, $label:literal $values:expr, $help:literal;)*) => {
        $(pub const $constant: Family =
            Family { name: $name, help: $help, kind: Kind::$kind, label: $label, values: &$values };)*
        /// All of them, in the order of a scrape.
        pub const ALL: &[Family] = &[$($constant),*];
    };
}

families! {
    JOBS_MADE = "jobs_made", Counter, "" [], "Jobs accepted.";
    JOBS_ENDED = "jobs_ended", Counter, "state" ["completed", "failed", "cancelled", "lost"],
        "Jobs that have ended, by how: completed, failed, cancelled, lost.";
    JOB_SECONDS = "job_seconds", Histogram, "" [], "From accepting a job to its end.";
    CALLS = "calls", Counter, "status" ["completed", "failed", "timeout", "no_client", "disconnected", "cancelled"],
        "Answered calls of Blender tools, by the status of the answer.";
    CALL_SECONDS = "call_seconds", Histogram, "" [], "From the arrival of a call of a Blender tool at its bus to the answer.";
    BUS_ERRORS = "bus_errors", Counter, "" [], "Requests, frames and alarms of buses that failed; the log has the reasons.";
    SOCKET_CLOSES = "socket_closes", Counter, "code" ["4401", "4408", "4409", "4429"], "WebSockets that the server closed, by close code.";
    RESPONSES = "http_responses", Counter, "status" ["200", "401", "429", "500"], "HTTP responses, by status.";
    OPEN_JOBS = "open_jobs", Gauge, "" [], "Jobs that have not ended.";
    WAITS = "waits", Gauge, "" [], "Requests that wait for a job or a message.";
    SOCKETS = "sockets", Gauge, "kind" ["peer", "stream"],
        "Open connections: peer (WebSockets of Blenders and other clients) and stream.";
}

/// Upper bounds of the buckets of every histogram, in milliseconds and as a scrape writes them.
pub const BOUNDS: [(i64, &str); 14] = [
    (5, "0.005"),
    (10, "0.01"),
    (25, "0.025"),
    (50, "0.05"),
    (100, "0.1"),
    (250, "0.25"),
    (500, "0.5"),
    (1_000, "1.0"),
    (2_500, "2.5"),
    (5_000, "5.0"),
    (10_000, "10.0"),
    (30_000, "30.0"),
    (60_000, "60.0"),
    (300_000, "300.0"),
];
/// The last bucket.
pub const REST: &str = "+Inf";
/// In place of a bound: the sum of a histogram in milliseconds.
pub const SUM: &str = "sum_ms";

/// The bucket of a duration.
pub fn bucket(took_ms: i64) -> &'static str {
    BOUNDS.into_iter().find(|(bound_ms, _)| took_ms <= *bound_ms).map_or(REST, |(_, bound)| bound)
}
