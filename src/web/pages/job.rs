//! The page of a job.

use askama::Template;

use crate::web::pages::dashboard::{JobRow, Touches};

#[derive(Template)]
#[template(path = "job.html", config = "src/web/pages/askama.toml")]
pub struct Job<'a> {
    pub username: &'a str,
    /// A `JobPart`, or an `Outcome` where there is no such job, rendered.
    pub part: &'a str,
    pub sign_out_token: &'a str,
}

#[derive(Template)]
#[template(path = "job_part.html", config = "src/web/pages/askama.toml")]
pub struct JobPart {
    pub row: JobRow,
    /// It waits for the owner's consent.
    pub asks: bool,
    /// What it may touch and what it was given, where it asks.
    pub touches: Option<Touches>,
    pub asked: Option<Text>,
    pub facts: Vec<Fact>,
    /// Where its picture is.
    pub picture: Option<String>,
    pub texts: Vec<Text>,
    /// Some text is longer than what is shown of it.
    pub is_cut: bool,
    pub made: Vec<Made>,
    pub form_token: String,
}

pub struct Fact {
    pub label: &'static str,
    pub value: String,
}

pub struct Text {
    pub title: &'static str,
    pub label: &'static str,
    /// As HTML.
    pub text: String,
}

/// A file that the job made.
pub struct Made {
    pub file_id: String,
    pub name: String,
    pub size: String,
}
