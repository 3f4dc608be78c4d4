//! The files of the dashboard: the page, and its part with the list.

use askama::Template;

use crate::web::pages::dashboard::Moment;

#[derive(Template)]
#[template(path = "files.html", config = "src/web/pages/askama.toml")]
pub struct Files<'a> {
    pub username: &'a str,
    /// The rendered outcome of the form that led here.
    pub outcome: &'a str,
    /// A `FileList`, rendered.
    pub list: &'a str,
    /// The connected Blenders that an upload can be sent to.
    pub targets: &'a [String],
    pub most_of_file: &'a str,
    /// The most that a form without a script may hold.
    pub most_of_form: &'a str,
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}

#[derive(Template)]
#[template(path = "files_list.html", config = "src/web/pages/askama.toml")]
pub struct FileList<'a> {
    /// The server's clock, Unix seconds.
    pub now: f64,
    pub rows: Vec<FileRow>,
    pub used_files: i64,
    pub most_files: i64,
    pub used_bytes: i64,
    pub most_bytes: i64,
    pub used: String,
    pub most: String,
    pub days_kept: i64,
    /// Where the page begins, encoded for a query; empty for the first.
    pub after: &'a str,
    /// Where the next page begins, encoded for a query.
    pub next: Option<String>,
    pub targets: &'a [String],
    pub form_token: &'a str,
}

pub struct FileRow {
    pub file_id: String,
    /// Cut in its middle if it is long.
    pub name: String,
    pub size: String,
    /// What it is, in a word or two.
    pub kind: &'static str,
    /// Its extension in capitals, where there is no picture.
    pub badge: String,
    /// It is a picture that is shown small.
    pub is_shown: bool,
    pub made: Moment,
    /// None for one that is kept.
    pub ends: Option<Moment>,
    pub maker: Maker,
}

pub enum Maker {
    Blender {
        uuid: String,
        /// The page of the job that made it; empty if none did.
        job: String,
    },
    /// A client or an access token, by its name.
    Client(String),
    You,
    /// The bus, which keeps long results.
    Bus {
        /// The page of the job that it is the result of.
        job: String,
    },
    /// One that has gone.
    Unknown,
}
