//! `POST /files`: makes an upload, as JSON or as tus.

use files::wire::{Command, Create, Created, Reply};
use serde::Deserialize;
use serde_json::json;
use worker::{Env, Request, Response};

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
use crate::site::Site;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    name: String,
    #[serde(default)]
    bytes: Option<i64>,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    mime_type: Option<String>,
    #[serde(default)]
    job_id: Option<String>,
}

pub async fn create(request: &mut Request, env: &Env, caller: &Caller) -> Result<Response, Denied> {
    let length = tus::number(request, tus::LENGTH)?;
    let (create, job_id) = match length {
        Some(length) => {
            let metadata = request.headers().get("upload-metadata")?.unwrap_or_default();
            tus::created(length, &metadata)?
        }
        None => {
            let Asked { name, bytes, sha256, mime_type, job_id } = body::json(request, Code::InvalidRequest).await?;
            (Create { name, bytes, sha256, mime_type, ..Create::default() }, job_id)
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
        // Nobody sends nothing: such an upload is complete as it is.
        let file = transfer::put_nothing(env, &caller.user_id, who, &created.file_id).await?;
        stored_headers(env, here, &caller.user_id, headers, &file).await?;
    }
    Ok(response)
}
