//! Files in answers: a result that is too long for one becomes a file, and files that an answer names get URLs that are good now.
//!
//! A result stays with its job as it came, so nothing is lost where there is no room for a file, and the same answer asked for
//! again finds the file that it has become before.

use std::collections::{BTreeMap, BTreeSet};

use bus::wire::command::Reply as BusReply;
use bus::wire::tool_result::MAX_INLINE;
use files::wire::{Command, File, Keep, Reply, Who};
use futures_util::FutureExt;
use kernel::text::cut;
use serde_json::{Map, Value, json};
use worker::console_error;

use crate::file_store::access::{self, AccessError, Wants};
use crate::file_store::signed;
use crate::mcp::context::RequestContext;
use crate::mcp::wire::error::RpcError;
use crate::objects::files::Files;

/// How much of a result stands in the answer beside its file, in bytes.
const HEAD: usize = 64 * 1024;
/// The most files of an answer that are looked up: a Blender may name any number.
const MAX_NAMED: usize = 200;
const RESULT_FILE: &str = "result_file";
const FILES: &str = "files";

/// Who asks, as the files see it.
///
/// # Errors
/// `RpcError` for a closed session, a revoked grant, a missing scope or a failure of the bus.
pub async fn who(context: &RequestContext, wants: Wants, file_id: Option<&str>) -> Result<Who, RpcError> {
    let about = (None, file_id);
    let access = match context.ask(access::question(&context.caller, about)).await? {
        BusReply::FileAccess { access } => access,
        other => return Err(RpcError::Internal(format!("the bus answered about files with {other:?}"))),
    };
    match access::granted(&context.caller, wants, about, access) {
        Ok((who, _)) => Ok(who),
        Err(AccessError::Lacks(scope)) => Err(RpcError::InsufficientScope(scope)),
        Err(error) => Err(RpcError::Internal(error.to_string())),
    }
}

/// Asks the caller's files.
///
/// # Errors
/// `RpcError::Internal` if they cannot be asked.
pub async fn ask(context: &RequestContext, who: Who, command: Command) -> Result<Reply, RpcError> {
    let asked = match Files::of(&context.env, &context.caller.user_id) {
        Ok(files) => files.ask(who, command).await,
        Err(error) => Err(error),
    };
    asked.map_err(|error| RpcError::Internal(error.to_string()))
}

/// A file as clients see it, with its URL.
///
/// # Errors
/// `RpcError::Internal` if there is no key to sign the URL with.
pub async fn shown(context: &RequestContext, file: &File) -> Result<Value, RpcError> {
    let shown = signed::shown(&context.env, &context.caller.audience, &context.caller.user_id, file).await;
    shown.map_err(|error| RpcError::Internal(error.to_string()))
}

/// A file as content of a tool's result; none for a client of a revision that has no such content.
pub fn link(context: &RequestContext, shown: &Value) -> Option<Value> {
    context.takes_links.then(|| {
        json!({
            "type": "resource_link",
            "uri": shown.get("url"),
            "name": shown.get("name"),
            "mimeType": shown.get("mime_type"),
            "size": shown.get("bytes"),
            "description": format!("also blender://files/{}", shown.get("file_id").and_then(Value::as_str).unwrap_or_default()),
        })
    })
}

/// Looks through an answer about one job, or several: returns links to the files that it names.
///
/// # Errors
/// As `who`. Where files cannot be asked, the answer is what it would be without them.
pub async fn look_through(context: &RequestContext, document: &mut Value) -> Result<Vec<Value>, RpcError> {
    let (file_ids, is_cut) = named(document);
    let Some(fields) = document.as_object_mut() else { return Ok(Vec::new()) };
    let known = known(context, file_ids).await?;
    let mut links = Vec::new();
    if let Some(jobs) = fields.get_mut("jobs").and_then(Value::as_array_mut) {
        for job in jobs.iter_mut().filter_map(Value::as_object_mut) {
            links.extend(of_job(context, &known, job).await?);
        }
    }
    links.extend(of_job(context, &known, fields).await?);
    if is_cut {
        say(
            fields,
            &format!("Only the first {MAX_NAMED} files have a url here; blender_get_file has those of the others."),
        );
    }
    Ok(links)
}

/// The ids of the files that an answer names, `MAX_NAMED` at most and each once, and whether there are more.
fn named(document: &Value) -> (Vec<String>, bool) {
    let jobs = document.get("jobs").and_then(Value::as_array).into_iter().flatten();
    let files = jobs.chain([document]).flat_map(|job| {
        let several = job.get(FILES).and_then(Value::as_array).into_iter().flatten();
        job.get(RESULT_FILE).into_iter().chain(several)
    });
    let mut seen = BTreeSet::new();
    let ids = files.filter_map(|file| file.get("file_id")?.as_str()).filter(|file_id| seen.insert(*file_id));
    let mut ids: Vec<String> = ids.take(MAX_NAMED.saturating_add(1)).map(str::to_owned).collect();
    let is_cut = ids.len() > MAX_NAMED;
    ids.truncate(MAX_NAMED);
    (ids, is_cut)
}

/// Those of the files that are there and that the caller may see, by their ids.
async fn known(context: &RequestContext, file_ids: Vec<String>) -> Result<BTreeMap<String, File>, RpcError> {
    if file_ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let who = who(context, Wants::Read, None).await?;
    Ok(match ask(context, who, Command::Find { file_ids }).await {
        Ok(Reply::Files { files, .. }) => files.into_iter().map(|file| (file.file_id.clone(), file)).collect(),
        Ok(_) => BTreeMap::new(),
        Err(error) => {
            console_error!("mcp: {error}");
            BTreeMap::new()
        }
    })
}

async fn of_job(
    context: &RequestContext,
    known: &BTreeMap<String, File>,
    fields: &mut Map<String, Value>,
) -> Result<Vec<Value>, RpcError> {
    let result_len = fields.get("result").and_then(Value::as_str).map_or(0, str::len);
    let mut links = Vec::new();
    if let Some(file) = fields.get_mut(RESULT_FILE) {
        links.extend(renew(context, known, file).await?);
        let size = file.get("bytes").and_then(Value::as_u64).filter(|&size| size > result_len as u64);
        let file_id = file.get("file_id").and_then(Value::as_str).map(str::to_owned);
        if let (Some(size), Some(file_id)) = (size, file_id) {
            say(fields, &in_a_file(size, result_len, &file_id));
        }
    }
    for file in fields.get_mut(FILES).and_then(Value::as_array_mut).into_iter().flatten() {
        links.extend(renew(context, known, file).await?);
    }
    if result_len > MAX_INLINE && !fields.contains_key(RESULT_FILE) {
        links.extend(keep(context, fields).await?);
    }
    Ok(links)
}

/// Puts what is known now in the place of what a Blender has said of a file: only its id is taken on trust.
async fn renew(
    context: &RequestContext,
    known: &BTreeMap<String, File>,
    file: &mut Value,
) -> Result<Option<Value>, RpcError> {
    let file_id = file.get("file_id").and_then(Value::as_str).unwrap_or_default();
    let Some(known) = known.get(file_id) else {
        *file = json!({"file_id": file_id, "url": null});
        return Ok(None);
    };
    *file = shown(context, known).await?;
    Ok(link(context, file))
}

fn in_a_file(size: u64, shown: usize, file_id: &str) -> String {
    format!(
        "The result has {size} bytes; result shows the first {shown}. All of it is in result_file: download its url, or \
         read blender://files/{file_id}."
    )
}

/// Adds to the hint of an answer.
fn say(fields: &mut Map<String, Value>, hint: &str) {
    let said = fields.get("hint").and_then(Value::as_str).map(|said| format!("{said} ")).unwrap_or_default();
    fields.insert("hint".to_owned(), Value::from(said + hint));
}

/// Makes a file of a long result, and leaves its head.
async fn keep(context: &RequestContext, fields: &mut Map<String, Value>) -> Result<Option<Value>, RpcError> {
    let text_of = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(job_id), Some(text)) = (text_of("job_id"), text_of("result")) else { return Ok(None) };
    let (size, blender) = (text.len() as u64, text_of("target_uuid"));
    let head = cut(&text, HEAD).to_owned();
    let kept = ask(context, Who::Owner, Command::Keep(Keep { job_id, blender, text })).await;
    let file = match kept {
        Ok(Reply::File(file)) => file,
        Ok(Reply::Refused(refusal)) => {
            say(fields, &format!("The result is too long to be shown well and could not become a file: {refusal}."));
            return Ok(None);
        }
        Ok(other) => return Err(RpcError::Internal(format!("files answered with {other:?}"))),
        Err(error) => {
            console_error!("mcp: {error}");
            return Ok(None);
        }
    };
    say(fields, &in_a_file(size, head.len(), &file.file_id));
    let shown = shown(context, &file).await?;
    let link = link(context, &shown);
    fields.insert("result".to_owned(), Value::from(head));
    fields.insert(RESULT_FILE.to_owned(), shown);
    Ok(link)
}

/// Whether a caller whose token is bound may name a file in a job: a Blender reads what its jobs are about.
///
/// # Errors
/// As `who`; the text of the refusal is in the result.
pub async fn may_name(context: &RequestContext, params: Option<&Value>) -> Result<Result<(), String>, RpcError> {
    let Some(file_id) = params.and_then(|params| params.get("file_id")).and_then(Value::as_str) else {
        return Ok(Ok(()));
    };
    if context.caller.scopes.bound.is_none() {
        return Ok(Ok(()));
    }
    let who = who(context, Wants::Read, None).boxed_local().await?;
    Ok(match ask(context, who, Command::Get { file_id: file_id.to_owned() }).boxed_local().await? {
        Reply::Refused(refusal) => Err(refusal.to_string()),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{MAX_NAMED, named};

    #[test]
    fn the_files_of_an_answer_are_asked_for_at_once_and_each_once() {
        let document = json!({
            "jobs": [{"files": [{"file_id": "f-1"}, {"file_id": "f-2"}, {"file_id": 3}, "f-4"]}, {"result_file": {"file_id": "f-5"}}, 7],
            "result_file": {"file_id": "f-1"},
            "files": [{"file_id": "f-6"}],
        });
        let ids = ["f-1", "f-2", "f-5", "f-6"].map(str::to_owned).to_vec();
        assert_eq!(named(&document), (ids, false));
        for none in [json!({}), json!({"jobs": {}, "files": 3}), json!([1])] {
            assert_eq!(named(&none), (Vec::new(), false), "{none}");
        }
    }

    #[test]
    fn no_more_files_are_asked_for_than_can_be_answered_soon() {
        let files =
            |count: usize| (0..count).map(|number| json!({"file_id": format!("f-{number}")})).collect::<Vec<Value>>();
        let (ids, is_cut) = named(&json!({"files": files(MAX_NAMED)}));
        assert_eq!((ids.len(), is_cut), (MAX_NAMED, false));
        let (ids, is_cut) = named(&json!({"files": files(10_000)}));
        assert_eq!((ids.len(), is_cut), (MAX_NAMED, true));
    }
}
