//! What shows a push service who sends (RFC 8292): tokens from the object that has the key, each used for hours.

use core::cell::RefCell;
use std::collections::BTreeMap;

use account::key_ring::push::{Answer, Command, TOKEN_LIFETIME_MS};
use kernel::json;
use runtime::now_ms;
use worker::{Env, Error, Result};

use crate::account::post;

/// A token is used while it is good for as long as this, in milliseconds.
const MARGIN_MS: i64 = 60 * 60 * 1_000;

/// Push services of which tokens are kept. There are about as many as makers of browsers.
const MAX_TOKENS: usize = 20;

/// By push service and site: the value of `Authorization`, and when it was made (Unix milliseconds).
#[derive(Default)]
pub struct Tokens(RefCell<BTreeMap<(String, String), (String, i64)>>);

impl Tokens {
    /// The value of `Authorization` for a push service. Both are origins.
    pub async fn authorization(&self, env: &Env, service: &str, site: &str) -> Result<String> {
        let (now_ms, of) = (now_ms(), (service.to_owned(), site.to_owned()));
        let good_ms = TOKEN_LIFETIME_MS.saturating_sub(MARGIN_MS);
        let kept = self.0.borrow().get(&of).cloned();
        if let Some((value, made_ms)) = kept
            && (0..good_ms).contains(&now_ms.saturating_sub(made_ms))
        {
            return Ok(value);
        }
        let ring = env.durable_object("KEY_RING")?.get_by_name("keys")?;
        // Push services want an https address to complain to, also from a server on loopback.
        let subject = site.replacen("http://", "https://", 1);
        let command = Command::Token { audience: service.to_owned(), subject };
        let answered = post("KeyRing", &ring, "https://key-ring/push", &command.text()).await;
        let text: String = json::read(&answered.map_err(|error| Error::RustError(error.to_string()))?)?;
        let answer = Answer::of(&text);
        let value = format!("vapid t={}, k={}", answer.token, answer.public_key);
        let mut tokens = self.0.borrow_mut();
        if tokens.len() >= MAX_TOKENS {
            tokens.clear();
        }
        tokens.insert(of, (value.clone(), now_ms));
        Ok(value)
    }
}
