//! `/account/export`: what this server holds of an account and its bus, as one JSON document to download; with `?jobs=no`
//! without its jobs, which is enough to move the account (see `import`).
//!
//! The jobs are streamed page by page, so that the size of a bus does not matter here. Invariant: the document is whole or
//! the download fails; it never ends early as valid JSON.

use account::accounts::{InBrowser, Reply};
use account::export::Exported;
use bus::wire::command::{Command, Reply as BusReply};
use bus::wire::push::Browser;
use bus::wire::views::{ClientInfo, ExportPage};
use files::wire::{Command as FilesCommand, File, Reply as FilesReply, Who};
use futures_util::StreamExt;
use futures_util::future::ready;
use futures_util::stream::{once, unfold};
use runtime::now_ms;
use serde::Serialize;
use worker::{Env, Error as RuntimeError, Response};

use crate::config::Config;
use crate::http::error::{Error, no_store};
use crate::http::event_stream::Chunk;
use crate::http::parameters::Parameters;
use crate::objects::bus::Bus;
use crate::objects::files::Files;
use crate::request::Request;
use crate::routes::Page;
use crate::site::Site;
use crate::web::browser::Session;
use crate::web::return_to::sign_in_first;

/// The version of the document. It changes when a field goes or means something else.
pub const FORMAT: &str = "blender-bus-export-1";

pub async fn export(request: &Request, env: &Env) -> Result<Response, Error> {
    let site = Site::of(request, &Config::of(env))?;
    let Some(session) = Session::of(request, env, &site).await? else {
        return sign_in_first(Page::Export);
    };
    let Reply::Export { exported } = session.account.ask(&InBrowser::Export.by(session.secret())).await? else {
        return sign_in_first(Page::Export);
    };
    let bus = Bus::of_owner(env, &session.owner.user_id).map_err(RuntimeError::from)?;
    // The first page is read before the response begins: a bus that cannot answer is told as an error.
    let first = page(&bus, 0, None).await?;
    let files = files_of(env, &session.owner.user_id).await?;
    let (exported_ms, bus_clients, notified_browsers) = (now_ms(), &first.clients[..], &first.browsers[..]);
    let head = Head { format: FORMAT, exported_ms, exported: &exported, bus_clients, notified_browsers, files: &files }
        .text()?;
    let query = Parameters::parse(request.url()?.query().unwrap_or_default());
    let next = match query.optional("jobs")? {
        Some("no") => Next::Page(ExportPage { jobs: Vec::new(), next: None, ..first }),
        _ => Next::Page(first),
    };
    let document = Document { bus, next, has_jobs: false };
    let chunks = once(ready(Ok(head))).chain(unfold(document, Document::chunk));
    let response = no_store(Response::builder())?
        .with_header("content-type", "application/json")?
        .with_header("content-disposition", "attachment; filename=\"blender-bus-export.json\"")?;
    Ok(response.from_stream(chunks)?)
}

/// What is known of each file; their bytes are at their URLs.
async fn files_of(env: &Env, user_id: &str) -> Result<Vec<File>, Error> {
    match Files::of(env, user_id)?.ask(Who::Owner, FilesCommand::Export).await? {
        FilesReply::Files { files, .. } => Ok(files),
        _ => Err(Error::UnexpectedReply("Files")),
    }
}

async fn page(bus: &Bus, after: i64, until: Option<i64>) -> Result<ExportPage, RuntimeError> {
    match bus.ask("", None, Command::Export { after, until }, &|_| {}).await? {
        BusReply::Export { page } => Ok(*page),
        _ => Err(RuntimeError::RustError("unexpected reply from UserBus".to_owned())),
    }
}

/// The document up to its jobs.
#[derive(Serialize)]
struct Head<'a> {
    format: &'static str,
    exported_ms: i64,
    #[serde(flatten)]
    exported: &'a Exported,
    bus_clients: &'a [ClientInfo],
    /// Browsers that show notifications, without what it takes to send to them.
    notified_browsers: &'a [Browser],
    files: &'a [File],
}

impl Head<'_> {
    fn text(&self) -> Result<Vec<u8>, Error> {
        let mut text = serde_json::to_string(self)?;
        text.pop();
        text.push_str(",\"jobs\":[");
        Ok(text.into_bytes())
    }
}

/// What comes after the chunks that were sent.
enum Next {
    Page(ExportPage),
    PageAfter { after: i64, until: i64 },
    Nothing,
}

/// A document that is being sent.
struct Document {
    bus: Bus,
    next: Next,
    /// Whether a job was sent, so that a comma comes before the next.
    has_jobs: bool,
}

impl Document {
    /// The next chunk. A page that cannot be read breaks the response off.
    async fn chunk(mut self) -> Option<(Chunk, Self)> {
        let read = match core::mem::replace(&mut self.next, Next::Nothing) {
            Next::Page(page) => Ok(page),
            Next::PageAfter { after, until } => page(&self.bus, after, Some(until)).await,
            Next::Nothing => return None,
        };
        let chunk = read.and_then(|page| self.written(&page));
        Some((chunk, self))
    }

    fn written(&mut self, page: &ExportPage) -> Chunk {
        let mut text = String::new();
        for job in &page.jobs {
            text.push_str(if self.has_jobs { ",\n" } else { "\n" });
            text.push_str(&serde_json::to_string(job)?);
            self.has_jobs = true;
        }
        match page.next {
            Some(after) => self.next = Next::PageAfter { after, until: page.until },
            None => text.push_str("]}\n"),
        }
        Ok(text.into_bytes())
    }
}
