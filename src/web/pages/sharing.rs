//! The pages of share links: the owner's list, and what a guest sees.

use askama::Template;

use crate::web::pages::dashboard::{JobRow, Moment, Shared, Shot};
use crate::web::pages::job::JobPart;

/// A new link, shown only now.
pub struct Made {
    pub name: String,
    pub link: String,
    pub endpoint: String,
}

#[derive(Template)]
#[template(path = "shares.html", config = "src/web/pages/askama.toml")]
pub struct Shares<'a> {
    pub username: &'a str,
    /// The server's clock, Unix seconds.
    pub now: f64,
    pub rows: &'a [Shared],
    pub blenders: &'a [String],
    /// The Blender that is chosen at first.
    pub wanted: &'a str,
    /// Minutes, and how they are called.
    pub lifetimes: &'a [(i64, &'static str)],
    pub made: Option<&'a Made>,
    pub done: Option<&'a str>,
    pub error: Option<&'a str>,
    pub form_token: &'a str,
    pub sign_out_token: &'a str,
}

#[derive(Template)]
#[template(path = "guest.html", config = "src/web/pages/askama.toml")]
pub struct GuestPage<'a> {
    pub blender: &'a str,
    pub may_work: bool,
    /// The server's clock, Unix seconds.
    pub now: f64,
    pub ends: Moment,
    /// The path of the page.
    pub home: &'a str,
    /// The MCP endpoint of the link, with its secret.
    pub endpoint: &'a str,
    /// The rendered outcome of the form that led here.
    pub outcome: &'a str,
    /// A `GuestLive`, rendered.
    pub live: &'a str,
    pub form_token: &'a str,
}

#[derive(Template)]
#[template(path = "guest_live.html", config = "src/web/pages/askama.toml")]
pub struct GuestLive<'a> {
    pub now: f64,
    pub is_connected: bool,
    /// When it was last there; none if it is not known any more.
    pub seen: Option<Moment>,
    pub picture: Option<Shot>,
    pub jobs: Vec<JobRow>,
    pub home: &'a str,
    /// The ids of open jobs that this guest has sent.
    pub own: &'a [String],
    pub form_token: &'a str,
}

/// One job; none if it is not of this Blender, or gone.
#[derive(Template)]
#[template(path = "guest_job.html", config = "src/web/pages/askama.toml")]
pub struct GuestJob<'a> {
    pub home: &'a str,
    pub job: Option<JobPart>,
}
