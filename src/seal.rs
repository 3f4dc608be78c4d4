//! What this server gives a client to carry and have back: bound to what it is about and good for a time, kept nowhere.
//!
//! A sealed state is `<until, Unix milliseconds>.<kid>.<signature>`. What it is about is only in the signature: whoever
//! opens it says what they take it to be about.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use worker::Env;

use crate::http::error::Error;
use crate::objects::key_ring::{Keys, is_signed, named, newest, sign};

/// Why a state is not taken. The texts are for the client.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum StateError {
    #[error("is not one that this server gave for this request and user")]
    Foreign,
    #[error("has expired: call again without it")]
    Expired,
}

/// A state about these parts.
pub async fn seal(env: &Env, about: &[String], until_ms: i64) -> Result<String, Error> {
    seal_with(&*Keys::load(env).await?, about, until_ms)
}

/// Whether a state is about these parts and still good.
pub async fn opened(env: &Env, about: &[String], state: &str, now_ms: i64) -> Result<Result<(), StateError>, Error> {
    let kid = state.split('.').nth(1).unwrap_or_default();
    open(&*Keys::with_kid(env, |keys| &keys.request_state, kid).await?, about, state, now_ms)
}

fn seal_with(keys: &Keys, about: &[String], until_ms: i64) -> Result<String, Error> {
    let (kid, key) = newest(&keys.request_state)?;
    let until = until_ms.to_string();
    let signature = URL_SAFE_NO_PAD.encode(sign(key, &parts(kid, &until, about))?);
    Ok(format!("{until}.{kid}.{signature}"))
}

fn open(keys: &Keys, about: &[String], state: &str, now_ms: i64) -> Result<Result<(), StateError>, Error> {
    let fields: Vec<&str> = state.split('.').collect();
    let &[until, kid, signature] = fields.as_slice() else { return Ok(Err(StateError::Foreign)) };
    let Some(key) = named(&keys.request_state, kid) else { return Ok(Err(StateError::Foreign)) };
    if !is_signed(key, &parts(kid, until, about), signature)? {
        return Ok(Err(StateError::Foreign));
    }
    let good = until.parse::<i64>().is_ok_and(|until_ms| now_ms < until_ms);
    Ok(if good { Ok(()) } else { Err(StateError::Expired) })
}

fn parts<'a>(kid: &'a str, until: &'a str, about: &'a [String]) -> Vec<&'a str> {
    [kid, until].into_iter().chain(about.iter().map(String::as_str)).collect()
}

#[cfg(test)]
mod tests {
    use super::{StateError, open, seal_with};
    use crate::objects::key_ring::tests::keys;

    fn about(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    #[test]
    fn a_state_is_good_for_what_it_is_about_and_for_its_time() {
        let call = about(&["ada", "grant", "tools/call", "{}"]);
        let state = seal_with(&keys(1), &call, 1_000).unwrap();
        assert_eq!(open(&keys(1), &call, &state, 999).unwrap(), Ok(()));
        assert_eq!(open(&keys(1), &call, &state, 1_000).unwrap(), Err(StateError::Expired));
        for other in [&["bob", "grant", "tools/call", "{}"][..], &["ada", "grant", "tools/call"], &[]] {
            assert_eq!(open(&keys(1), &about(other), &state, 0).unwrap(), Err(StateError::Foreign));
        }
        assert_eq!(open(&keys(2), &call, &state, 0).unwrap(), Err(StateError::Foreign));
    }

    #[test]
    fn a_state_that_was_changed_is_none() {
        let call = about(&["ada"]);
        let state = seal_with(&keys(1), &call, 1_000).unwrap();
        let later = state.replacen("1000", "9000", 1);
        let twice = format!("{state}.{state}");
        let short: String = state.chars().take(state.len() - 2).collect();
        for changed in [later.as_str(), &twice, &short, "", ".", "..", "1000.kid1-4."] {
            assert_eq!(open(&keys(1), &call, changed, 0).unwrap(), Err(StateError::Foreign), "{changed}");
        }
    }
}
