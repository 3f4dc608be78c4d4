//! Signed, expiring state that a client holds for the server; nothing of it is stored here.
//!
//! A sealed state is `<until, Unix milliseconds>.<kid>.<signature>`. The parts it is about go into the signature only,
//! so the one who checks it must supply them again.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use worker::Env;

use crate::http::error::Error;
use crate::objects::key_ring::{Keys, is_signed, named, newest, sign};

/// Whether a state is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateCheck {
    Valid,
    /// Not signed by this server, or signed for other parts.
    Foreign,
    Expired,
}

/// Makes a state about these parts, which is valid until `until_ms` (Unix milliseconds).
pub async fn seal(env: &Env, about: &[String], until_ms: i64) -> Result<String, Error> {
    seal_with(&*Keys::load(env).await?, about, until_ms)
}

/// Whether a state is about these parts and not expired at `now_ms` (Unix milliseconds).
pub async fn check(env: &Env, about: &[String], state: &str, now_ms: i64) -> Result<StateCheck, Error> {
    let kid = state.split('.').nth(1).unwrap_or_default();
    check_with(&*Keys::with_kid(env, |keys| &keys.request_state, kid).await?, about, state, now_ms)
}

fn seal_with(keys: &Keys, about: &[String], until_ms: i64) -> Result<String, Error> {
    let (kid, key) = newest(&keys.request_state)?;
    let until = until_ms.to_string();
    let signature = URL_SAFE_NO_PAD.encode(sign(key, &parts(kid, &until, about))?);
    Ok(format!("{until}.{kid}.{signature}"))
}

fn check_with(keys: &Keys, about: &[String], state: &str, now_ms: i64) -> Result<StateCheck, Error> {
    let fields: Vec<&str> = state.split('.').collect();
    let &[until, kid, signature] = fields.as_slice() else { return Ok(StateCheck::Foreign) };
    let Some(key) = named(&keys.request_state, kid) else { return Ok(StateCheck::Foreign) };
    if !is_signed(key, &parts(kid, until, about), signature)? {
        return Ok(StateCheck::Foreign);
    }
    let is_live = until.parse::<i64>().is_ok_and(|until_ms| now_ms < until_ms);
    Ok(if is_live { StateCheck::Valid } else { StateCheck::Expired })
}

fn parts<'a>(kid: &'a str, until: &'a str, about: &'a [String]) -> Vec<&'a str> {
    [kid, until].into_iter().chain(about.iter().map(String::as_str)).collect()
}

#[cfg(test)]
mod tests {
    use super::{StateCheck, check_with, seal_with};
    use crate::objects::key_ring::tests::keys;

    fn about(parts: &[&str]) -> Vec<String> {
        parts.iter().map(|part| (*part).to_owned()).collect()
    }

    #[test]
    fn a_state_is_good_for_what_it_is_about_and_for_its_time() {
        let call = about(&["ada", "grant", "tools/call", "{}"]);
        let state = seal_with(&keys(1), &call, 1_000).unwrap();
        assert_eq!(check_with(&keys(1), &call, &state, 999).unwrap(), StateCheck::Valid);
        assert_eq!(check_with(&keys(1), &call, &state, 1_000).unwrap(), StateCheck::Expired);
        for other in [&["bob", "grant", "tools/call", "{}"][..], &["ada", "grant", "tools/call"], &[]] {
            assert_eq!(check_with(&keys(1), &about(other), &state, 0).unwrap(), StateCheck::Foreign);
        }
        assert_eq!(check_with(&keys(2), &call, &state, 0).unwrap(), StateCheck::Foreign);
    }

    #[test]
    fn a_state_that_was_changed_is_none() {
        let call = about(&["ada"]);
        let state = seal_with(&keys(1), &call, 1_000).unwrap();
        let later = state.replacen("1000", "9000", 1);
        let twice = format!("{state}.{state}");
        let short: String = state.chars().take(state.len() - 2).collect();
        for changed in [later.as_str(), &twice, &short, "", ".", "..", "1000.kid1-4."] {
            assert_eq!(check_with(&keys(1), &call, changed, 0).unwrap(), StateCheck::Foreign, "{changed}");
        }
    }
}
