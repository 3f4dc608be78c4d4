//! Signed URLs of files: good for one file, one method and at most an hour, by whoever has them.
//!
//! `<origin>/files/<id>?signed=<user id in base64url>~<method>~<seal>`. The seal is about user, file and method, so that nothing of
//! it holds for another; the time is part of it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use files::wire::File;
use runtime::now_ms;
use serde_json::{Value, json};
use worker::Env;

use crate::http::error::Error;
use crate::seal::{self, StateCheck};

/// How long a URL is good for, in milliseconds.
pub const GOOD_MS: i64 = 3_600_000;
/// The longest signed part that is looked at, in bytes.
const MAX_BYTES: usize = 512;
const SEPARATOR: char = '~';

/// What a URL is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET` and `HEAD`.
    Get,
    /// `PUT`, `PATCH` and `HEAD` of the upload.
    Put,
}

impl Method {
    const fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Put => "put",
        }
    }

    fn named(word: &str) -> Option<Self> {
        [Self::Get, Self::Put].into_iter().find(|method| method.word() == word)
    }
}

/// What a signed URL says, once it is verified.
#[derive(Debug, PartialEq, Eq)]
pub enum Verified {
    /// It is good, for the files of this user.
    Good {
        user_id: String,
        method: Method,
    },
    Expired,
    /// Not signed by this server, or for something else.
    Foreign,
}

fn about(user_id: &str, file_id: &str, method: Method) -> [String; 4] {
    ["a file".to_owned(), user_id.to_owned(), file_id.to_owned(), method.word().to_owned()]
}

/// A URL of this server's `origin` for a file, from now on.
pub async fn url(env: &Env, origin: &str, user_id: &str, file_id: &str, method: Method) -> Result<String, Error> {
    let until_ms = now_ms().saturating_add(GOOD_MS);
    let sealed = seal::seal(env, &about(user_id, file_id, method), until_ms).await?;
    let user = URL_SAFE_NO_PAD.encode(user_id);
    Ok(format!("{origin}/files/{file_id}?signed={user}{SEPARATOR}{}{SEPARATOR}{sealed}", method.word()))
}

/// What the parameter `signed` is good for, at the URL of this file.
pub async fn verify(env: &Env, file_id: &str, signed: &str) -> Result<Verified, Error> {
    let Some((user_id, method, sealed)) = parts(signed) else { return Ok(Verified::Foreign) };
    let now_ms = now_ms();
    Ok(match seal::check(env, &about(&user_id, file_id, method), sealed, now_ms).await? {
        StateCheck::Valid => Verified::Good { user_id, method },
        StateCheck::Expired => Verified::Expired,
        StateCheck::Foreign => Verified::Foreign,
    })
}

fn parts(signed: &str) -> Option<(String, Method, &str)> {
    if signed.len() > MAX_BYTES {
        return None;
    }
    let (user, rest) = signed.split_once(SEPARATOR)?;
    let (word, sealed) = rest.split_once(SEPARATOR)?;
    let user_id = String::from_utf8(URL_SAFE_NO_PAD.decode(user).ok()?).ok()?;
    Some((user_id, Method::named(word)?, sealed))
}

/// A file as clients see it, with a URL to read it by.
pub async fn shown(env: &Env, origin: &str, user_id: &str, file: &File) -> Result<Value, Error> {
    let mut shown = json!(file);
    let url = url(env, origin, user_id, &file.file_id, Method::Get).await?;
    if let Some(fields) = shown.as_object_mut() {
        fields.insert("url".to_owned(), Value::from(url));
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::{Method, parts};

    #[test]
    fn a_signed_part_has_three_parts_of_which_each_is_what_it_must_be() {
        assert_eq!(parts("dS0x~get~1.k.s"), Some(("u-1".to_owned(), Method::Get, "1.k.s")));
        assert_eq!(parts("dS0x~put~~"), Some(("u-1".to_owned(), Method::Put, "~")));
        let long = format!("dS0x~get~{}", "s".repeat(600));
        for signed in
            ["", "~", "~~", "dS0x~GET~s", "dS0x~delete~s", "dS0x=~get~s", "_w~get~s", "dS0x~get", long.as_str()]
        {
            assert_eq!(parts(signed), None, "{signed}");
        }
    }
}
