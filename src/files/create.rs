//! `POST /files`: makes an upload, as JSON or as tus.

use bus::wire::tables::{CREATE_UPLOAD, FILE_TOOLS};
use bus::wire::tool_parameters::MAX_ID;
use files::wire::{Command, Create, Created, Reply};
use kernel::arguments::{Kind, Param, validate};
use serde_json::{Value, json};
use worker::{Env, Response};

use super::answers::stored_headers;
use super::denied::Denied;
use super::{transfer, tus};
use crate::caller::Caller;
use crate::config::Config;
use crate::file_store::access::{self, Wants};
use crate::file_store::signed::{self, Method};
use crate::http::body;
use crate::http::error::{Code, Error};
use crate::objects::files::Files;
use crate::request::Request;
use crate::site::Site;

/// What a Blender says besides, whose job makes the file.
const JOB_ID: Param = Param::nullable("job_id", &Kind::Label { max: MAX_ID }, "The job that makes it.");

/// What is asked for, by the table of `blender_create_upload`.
fn asked(body: &Value) -> Result<(Create, Option<String>), Denied> {
    let table = FILE_TOOLS.iter().find(|tool| tool.name == CREATE_UPLOAD).map_or(&[][..], |tool| tool.parameters);
    let parameters: Vec<Param> = table.iter().chain(core::iter::once(&JOB_ID)).copied().collect();
    let checked = validate(&parameters, body).map_err(|error| Denied::invalid(error.to_string()))?;
    let text = |name: &str| checked.get(name).and_then(Value::as_str).map(str::to_owned);
    let create = Create {
        name: text("name").unwrap_or_default(),
        bytes: checked.get("bytes").and_then(Value::as_i64),
        sha256: text("sha256"),
        mime_type: text("mime_type"),
        ..Create::default()
    };
    Ok((create, text("job_id")))
}

pub async fn create(request: &mut Request, env: &Env, caller: &Caller) -> Result<Response, Denied> {
    let length = tus::number(request, tus::LENGTH)?;
    let (create, job_id) = match length {
        Some(length) => {
            let metadata = request.headers().get("upload-metadata")?.unwrap_or_default();
            tus::created(length, &metadata)?
        }
        None => {
            let body: Value = body::json(request, Code::InvalidRequest).await?;
            asked(&body)?
        }
    };
    let looked = access::of_caller(env, caller, Wants::Change, (job_id.as_deref(), None)).await;
    let (who, origin) = looked.map_err(|error| Denied::access(error, request))?;
    let store = Files::of(env, &caller.user_id)?;
    let created = match store.ask(who.clone(), Command::Create(Create { origin, ..create })).await? {
        Reply::Created(created) => created,
        Reply::Refused(refusal) => return Err(refusal.into()),
        _ => return Err(Error::UnexpectedReply("Files").into()),
    };
    let here = Site::of(request, &Config::of(env)).map_err(Error::from)?.here;
    match length {
        Some(length) => of_tus(env, caller, &here, (length, who), &created).await,
        None => {
            let upload_url = signed::url(env, &here, &caller.user_id, &created.file_id, Method::Put).await?;
            let answer = json!({
                "file_id": created.file_id,
                "upload_url": upload_url,
                "expires_at": created.expires_at,
            });
            Ok(Response::from_json(&answer)?.with_status(201))
        }
    }
}

async fn of_tus(
    env: &Env,
    caller: &Caller,
    here: &str,
    (length, who): (i64, files::wire::Who),
    created: &Created,
) -> Result<Response, Denied> {
    let response = Response::empty()?.with_status(201);
    let headers = response.headers();
    headers.set(tus::RESUMABLE, tus::VERSION)?;
    headers.set("location", &format!("{here}/files/{}", created.file_id))?;
    // At most some days from now, so the cast cannot overflow.
    #[allow(clippy::cast_possible_truncation)]
    headers.set(tus::EXPIRES, &tus::http_date((created.expires_at * 1_000.0) as i64))?;
    if length == 0 {
        // A tus client sends no part of no bytes: such an upload is complete as it is.
        let file = transfer::put_nothing(env, &caller.user_id, who, &created.file_id).await?;
        stored_headers(env, here, &caller.user_id, headers, &file).await?;
    }
    Ok(response)
}
