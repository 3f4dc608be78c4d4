//! Files in answers: a result that is too long for one becomes a file, and files that an answer names get URLs that are good now.
//!
//! A result stays with its job as it came, so nothing is lost where there is no room for a file, and the same answer asked for
//! again finds the file that it has become before.

use bus::wire::command::Reply as BusReply;
use bus::wire::tool_result::MAX_INLINE;
use files::wire::{Command, File, Keep, Reply, Who};
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
    let mut links = Vec::new();
    let Some(fields) = document.as_object_mut() else { return Ok(links) };
    if let Some(jobs) = fields.get_mut("jobs").and_then(Value::as_array_mut) {
        for job in jobs.iter_mut().filter_map(Value::as_object_mut) {
            links.extend(of_job(context, job).await?);
        }
    }
    links.extend(of_job(context, fields).await?);
    Ok(links)
}

async fn of_job(context: &RequestContext, fields: &mut Map<String, Value>) -> Result<Vec<Value>, RpcError> {
    let result_len = fields.get("result").and_then(Value::as_str).map_or(0, str::len);
    let mut links = Vec::new();
    if fields.contains_key(RESULT_FILE) || fields.contains_key(FILES) {
        let who = who(context, Wants::Read, None).await?;
        if let Some(file) = fields.get_mut(RESULT_FILE) {
            links.extend(renew(context, &who, file).await?);
            let size = file.get("bytes").and_then(Value::as_u64).filter(|&size| size > result_len as u64);
            let file_id = file.get("file_id").and_then(Value::as_str).map(str::to_owned);
            if let (Some(size), Some(file_id)) = (size, file_id) {
                say(fields, &in_a_file(size, result_len, &file_id));
            }
        }
        for file in fields.get_mut(FILES).and_then(Value::as_array_mut).into_iter().flatten() {
            links.extend(renew(context, &who, file).await?);
        }
    }
    if result_len > MAX_INLINE && !fields.contains_key(RESULT_FILE) {
        links.extend(keep(context, fields).await?);
    }
    Ok(links)
}

/// Puts what is known now in the place of what a Blender has said of a file: only its id is taken on trust.
async fn renew(context: &RequestContext, who: &Who, file: &mut Value) -> Result<Option<Value>, RpcError> {
    let file_id = file.get("file_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let found = ask(context, who.clone(), Command::Find { file_ids: vec![file_id.clone()] }).await;
    let found = found.unwrap_or_else(|error| {
        console_error!("mcp: {error}");
        Reply::Done
    });
    match found {
        Reply::Files { files, .. } if !files.is_empty() => {
            for known in &files {
                *file = shown(context, known).await?;
            }
            Ok(link(context, file))
        }
        _ => {
            *file = json!({"file_id": file_id, "url": null});
            Ok(None)
        }
    }
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
    let who = who(context, Wants::Read, None).await?;
    Ok(match ask(context, who, Command::Get { file_id: file_id.to_owned() }).await? {
        Reply::Refused(refusal) => Err(refusal.to_string()),
        _ => Ok(()),
    })
}
