//! The upload form without its script: the whole form in one request, which the runtime takes apart.

use files::wire::{Ask, Command, Create, File, Reply, Stream, Who};
use worker::wasm_bindgen::JsCast;
use worker::web_sys::File as ChosenFile;

use super::actions;
use crate::file_store::streams::{accepted, completed};
use crate::http::error::Error;
use crate::request::Request;
use crate::routes::Page;
use crate::web::dashboard::owner::Owner;
use crate::web::pages::dashboard::Outcome;
use crate::web::posted_form::{PostedForm, is_multipart};

/// The longest form, in bytes. The runtime holds it in memory, so larger files go in parts.
pub const MOST: i64 = 24 * 1024 * 1024;
/// The most files of one form.
const MAX_FILES: u32 = 50;

pub fn is_upload(request: &Request) -> Result<bool, Error> {
    is_multipart(request)
}

pub async fn upload(request: &mut Request, owner: &Owner<'_>) -> Result<Outcome, Error> {
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    let (form, sent) = PostedForm::multipart(request, &owner.site, most).await?;
    let parameters = form.of_session(owner.env, Page::Files, &owner.session, "").await?;
    let chosen = sent.get_all("file");
    let files: Vec<ChosenFile> = (0..chosen.length().min(MAX_FILES))
        .filter_map(|place| chosen.get(place).dyn_into::<ChosenFile>().ok())
        .filter(|file| !(file.name().is_empty() && bytes(file) == 0))
        .collect();
    if files.is_empty() {
        return Ok(Outcome::failed("Choose a file first."));
    }
    let target = parameters.optional("target")?.unwrap_or_default();
    let mut stored = Vec::new();
    for file in files {
        match keep(owner, &file).await? {
            Ok(file) => stored.push(file),
            Err(message) => return Ok(Outcome::failed(format!("{}: {message}.{}", file.name(), so_far(&stored)))),
        }
    }
    let mut outcome = Outcome::done(so_far(&stored).trim_start());
    if !target.is_empty() {
        for file in &stored {
            outcome = actions::send(owner, &file.file_id, target).await?;
            if outcome.error.is_some() {
                break;
            }
        }
    }
    Ok(outcome)
}

fn so_far(stored: &[File]) -> String {
    match stored {
        [] => String::new(),
        [file] => format!(" {} is uploaded.", file.name),
        files => format!(" {} files are uploaded.", files.len()),
    }
}

/// The file, or why it is not kept.
async fn keep(owner: &Owner<'_>, chosen: &ChosenFile) -> Result<Result<File, String>, Error> {
    let bytes = bytes(chosen);
    let mime_type = Some(chosen.type_()).filter(|mime_type| !mime_type.is_empty());
    let create = Create { name: chosen.name(), bytes: Some(bytes), mime_type, ..Create::default() };
    let created = match owner.files()?.ask(Who::Owner, Command::Create(create)).await? {
        Reply::Created(created) => created,
        Reply::Refused(refusal) => return Ok(Err(refusal.message)),
        _ => return Err(Error::UnexpectedReply("Files")),
    };
    let user_id = owner.session.owner.user_id.clone();
    let ask = Ask { user_id, who: Who::Owner, stream: Stream::Put { length: Some(bytes) } };
    let body = (bytes > 0).then(|| chosen.stream());
    let answer = owner.files()?.stream("PUT", &created.file_id, &ask, body).await?;
    match accepted(answer).await? {
        Ok(answer) => completed(&answer)?.ok_or(Error::UnexpectedReply("Files")).map(Ok),
        Err(refusal) => {
            // What did not come whole is no use to anybody.
            owner.files()?.ask(Who::Owner, Command::Delete { file_id: created.file_id }).await?;
            Ok(Err(refusal.message))
        }
    }
}

/// A form has at most `MOST` bytes.
#[allow(clippy::cast_possible_truncation)]
fn bytes(file: &ChosenFile) -> i64 {
    file.size() as i64
}
