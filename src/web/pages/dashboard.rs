//! The dashboard: the page, its changing part, the details of a job, and the outcome of a form.

use askama::Template;

#[derive(Template)]
#[template(path = "dashboard.html", config = "src/web/pages/askama.toml")]
pub struct Dashboard<'a> {
    pub username: &'a str,
    /// The rendered outcome of the form that led here.
    pub outcome: &'a str,
    /// A `LivePart`, rendered.
    pub live: &'a str,
    pub targets: &'a [String],
    pub commands: &'a [CommandChoice],
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}

pub struct CommandChoice {
    pub name: &'static str,
    pub title: &'static str,
    /// Its parameters, in a line.
    pub takes: String,
}

#[derive(Template)]
#[template(path = "dashboard_live.html", config = "src/web/pages/askama.toml")]
pub struct LivePart<'a> {
    /// The server's clock, Unix seconds.
    pub now: f64,
    pub blenders: Vec<Peer>,
    pub others: Vec<Peer>,
    /// Clients that were seen earlier.
    pub gone: Vec<Peer>,
    pub more_clients: usize,
    pub jobs: Vec<JobRow>,
    pub choices: Choices<'a>,
    pub is_filtered: bool,
    /// Where older jobs are.
    pub older: Option<String>,
    /// Where the newest jobs are, if these are not they.
    pub newest: Option<String>,
    pub questions: Vec<Question>,
    pub numbers: Vec<Number>,
    /// What is nearly used up, and what to do.
    pub warning: Option<String>,
    pub form_token: &'a str,
}

/// What the jobs can be filtered by, and what they are.
pub struct Choices<'a> {
    pub states: &'a [&'a str],
    pub blenders: Vec<String>,
    /// What each is shown as, and its name.
    pub clients: Vec<(String, String)>,
    pub state: &'a str,
    pub blender: &'a str,
    pub client: &'a str,
    pub text: &'a str,
}

/// A client of the bus.
pub struct Peer {
    pub uuid: String,
    pub kind: String,
    pub is_connected: bool,
    pub group: Option<String>,
    pub facts: Vec<String>,
    pub seen: Moment,
    /// What runs in it.
    pub runs: Vec<Run>,
    /// The share links to it, and where others are made.
    pub shares: Vec<Shared>,
    pub share_href: String,
    /// It asks for the owner's consent.
    pub asks: bool,
    /// How many jobs wait until it takes them.
    pub waiting: usize,
    /// What they wait for, as far as Blender has told.
    pub waits_for: String,
    pub picture: Option<Shot>,
}

/// A live share link.
pub struct Shared {
    pub share_id: String,
    /// Whom it is for.
    pub name: String,
    pub blender: String,
    pub may_work: bool,
    /// Its page is open somewhere now.
    pub is_watched: bool,
    pub ends: Moment,
    pub used: Option<Moment>,
}

/// The newest picture of a Blender. It is shown in a frame of 16 to 9, so that nothing moves when it comes.
pub struct Shot {
    pub job_id: String,
    /// The page of its job.
    pub href: String,
    pub made: Moment,
}

/// A job that runs in a Blender.
pub struct Run {
    pub job_id: String,
    pub href: String,
    pub command: String,
    pub progress: Option<Progress>,
    pub since: Moment,
    /// It keeps its Blender from everything else.
    pub is_busy: bool,
    /// What its Blender has said of it last, in a line.
    pub message: String,
}

/// A time: Unix seconds for the script, text for browsers without it.
pub struct Moment {
    pub seconds: f64,
    pub text: String,
}

impl Moment {
    /// How far it is from another time, Unix seconds, in words. The script has the same words.
    pub fn apart(&self, now: &f64) -> String {
        let seconds = (now - self.seconds).abs();
        match seconds {
            ..60.0 => format!("{:.0} s", seconds.floor()),
            ..3_600.0 => format!("{:.0} min", (seconds / 60.0).floor()),
            ..172_800.0 => format!("{:.0} h", (seconds / 3_600.0).floor()),
            _ => format!("{:.0} days", (seconds / 86_400.0).floor()),
        }
    }
}

pub struct JobRow {
    pub job_id: String,
    /// Its page.
    pub href: String,
    pub command: String,
    /// The first line of its code, or its parameters.
    pub first_line: String,
    pub target: String,
    /// The client that sent it; none for the owner.
    pub sender: Option<String>,
    pub status: String,
    pub is_open: bool,
    pub progress: Option<Progress>,
    pub error: String,
    pub began: Moment,
    /// How long it took, once it has ended.
    pub took: Option<String>,
    /// Since when the Blender of an open job has been away.
    pub away: Option<Moment>,
}

/// A job that waits for the owner's consent.
pub struct Question {
    pub job_id: String,
    /// Its page.
    pub href: String,
    pub command: String,
    pub target: String,
    pub sender: Option<String>,
    pub touches: Touches,
    /// The code, or the parameters, as HTML; `is_cut` if that is not all of it.
    pub given: String,
    pub is_cut: bool,
}

/// What a job may touch.
pub struct Touches {
    /// A sentence.
    pub does: String,
    pub mentions: Vec<Mention>,
    pub is_code: bool,
}

/// Names in code, what they are about, and how many more there are.
pub struct Mention {
    pub about: &'static str,
    pub names: Vec<String>,
    pub more: usize,
}

pub struct Progress {
    pub percent: f64,
    pub message: String,
}

pub struct Number {
    pub label: &'static str,
    pub value: String,
}

/// The outcome of a form.
#[derive(Template, Default)]
#[template(path = "dashboard_outcome.html", config = "src/web/pages/askama.toml")]
pub struct Outcome {
    pub done: Option<String>,
    pub error: Option<String>,
    /// Where to go on.
    pub link: Option<Link>,
}

pub struct Link {
    pub href: String,
    pub text: String,
}

impl Outcome {
    pub fn done(text: impl Into<String>) -> Self {
        Self { done: Some(text.into()), ..Self::default() }
    }

    pub fn failed(text: impl Into<String>) -> Self {
        Self { error: Some(text.into()), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::Moment;

    #[test]
    fn times_are_told_as_the_script_tells_them() {
        let then = Moment { seconds: 1_000.0, text: String::new() };
        let told =
            [0.4, 59.9, 60.0, 3_599.0, 3_600.0, 172_799.0, 172_800.0].map(|later| then.apart(&(1_000.0 + later)));
        assert_eq!(told, ["0 s", "59 s", "1 min", "59 min", "1 h", "47 h", "2 days"]);
        assert_eq!(then.apart(&880.0), "2 min", "of what is to come");
    }
}
