//! The tus resumable upload protocol, version 1.0.0: its core, creation and expiration (https://tus.io/protocols/resumable-upload).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use files::wire::{Create, Place};
use worker::js_sys::Date;
use worker::wasm_bindgen::JsValue;
use worker::{Env, Response, Result};

use super::denied::Denied;
use crate::config::Config;
use crate::request::Request;

pub const VERSION: &str = "1.0.0";
pub const RESUMABLE: &str = "tus-resumable";
pub const OFFSET: &str = "upload-offset";
pub const LENGTH: &str = "upload-length";
pub const EXPIRES: &str = "upload-expires";
/// The content type of a part.
pub const PART: &str = "application/offset+octet-stream";
/// The longest `Upload-Metadata`, in bytes.
const MAX_METADATA: usize = 4096;

/// What this server speaks.
pub fn options(env: &Env) -> Result<Response> {
    let place = if env.bucket("FILES").is_ok() { Place::R2 } else { Place::Sqlite };
    let most = Config::of(env).file_limits.of_file(place);
    let response = Response::empty()?.with_status(204);
    let headers = response.headers();
    headers.set(RESUMABLE, VERSION)?;
    headers.set("tus-version", VERSION)?;
    headers.set("tus-extension", "creation,expiration")?;
    headers.set("tus-max-size", &most.to_string())?;
    Ok(response)
}

/// # Errors
/// 412 for a client that speaks another version.
pub fn check_version(request: &Request) -> core::result::Result<(), Denied> {
    match request.headers().get(RESUMABLE)? {
        Some(version) if version.trim() != VERSION => Err(Denied::Version(VERSION)),
        _ => Ok(()),
    }
}

/// A header with a number of bytes.
///
/// # Errors
/// 400 for one that is no such number.
pub fn number(request: &Request, name: &'static str) -> core::result::Result<Option<i64>, Denied> {
    let Some(text) = request.headers().get(name)? else { return Ok(None) };
    let text = text.trim();
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(number) if is_digits => Ok(Some(number)),
        _ => Err(Denied::invalid(format!("{name} must be a number of bytes"))),
    }
}

/// What a creation says of the file, and the job that makes it.
///
/// # Errors
/// 400 for metadata that cannot be read.
pub fn created(length: i64, metadata: &str) -> core::result::Result<(Create, Option<String>), Denied> {
    let invalid = || {
        let expected = "keys and values in base64 with a space between, separated by commas, with filename among them";
        Denied::invalid(format!("Upload-Metadata must be {expected}"))
    };
    if metadata.len() > MAX_METADATA {
        return Err(invalid());
    }
    let mut create = Create { bytes: Some(length), ..Create::default() };
    let mut job_id = None;
    for pair in metadata.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = STANDARD.decode(value.trim()).map_err(|_| invalid())?;
        let value = String::from_utf8(value).map_err(|_| invalid())?;
        match key {
            "filename" | "name" => create.name = value,
            "filetype" | "type" | "mime_type" => create.mime_type = Some(value),
            "sha256" => create.sha256 = Some(value),
            "job_id" => job_id = Some(value),
            _ => {}
        }
    }
    if create.name.is_empty() {
        return Err(invalid());
    }
    Ok((create, job_id))
}

/// Unix milliseconds as HTTP writes a date (RFC 9110 section 5.6.7).
pub fn http_date(ms: i64) -> String {
    // Exact for every time that fits in 53 bits.
    #[allow(clippy::cast_precision_loss)]
    let at = JsValue::from_f64(ms as f64);
    Date::new(&at).to_utc_string().into()
}

#[cfg(test)]
mod tests {
    use super::created;

    #[test]
    fn the_name_and_type_of_an_upload_are_metadata_in_base64() {
        let (create, job_id) =
            created(5, "filename YS5nbGI=,filetype bW9kZWwvZ2x0Zi1iaW5hcnk=, other , job_id ai0x").unwrap();
        assert_eq!((create.name.as_str(), create.bytes), ("a.glb", Some(5)));
        assert_eq!((create.mime_type.as_deref(), job_id.as_deref()), (Some("model/gltf-binary"), Some("j-1")));
        let long = format!("filename {}", "YQ".repeat(3000));
        for metadata in ["", "filename", "filename !!", "filename _w==", "filetype YQ==", long.as_str()] {
            assert!(created(5, metadata).is_err(), "{metadata:.40}");
        }
    }
}
