//! `GET /metrics` for an operator's monitoring, and what the edge counts for it: responses by status.

use core::cell::RefCell;

use metrics::families::RESPONSES;
use metrics::tally::Tally;
use metrics::text::MEDIA_TYPE;
use runtime::now_ms;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use worker::{Context, Env, Response, console_error};

use crate::config::Config;
use crate::http::error::{Error, no_store};
use crate::objects::metrics::{report, scrape};
use crate::request::Request;

thread_local! {
    static TALLY: RefCell<Tally> = RefCell::default();
}

/// `GET /metrics`. Without a token of the operator's there is no such page; with another one, 401.
pub async fn metrics(request: &Request, env: &Env) -> Result<Response, Error> {
    let config = Config::of(env);
    let Some(token) = &config.metrics_token else { return Ok(Response::error("not found", 404)?) };
    let given = request.headers().get("authorization")?.unwrap_or_default();
    let given = given.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let given = given.map_or("", |(_, given)| given.trim());
    if !bool::from(Sha256::digest(given.as_bytes()).ct_eq(&Sha256::digest(token.as_bytes()))) {
        let refused = Response::error("/metrics takes the server's METRICS_TOKEN as a bearer token", 401)?;
        refused.headers().set("www-authenticate", "Bearer realm=\"metrics\"")?;
        return Ok(refused);
    }
    let text = scrape(env).await?;
    Ok(no_store(Response::builder())?.with_header("content-type", MEDIA_TYPE)?.fixed(text.into_bytes()))
}

/// Counts a response, and from time to time reports what this isolate has counted, after the response has gone.
pub fn count(status: u16, env: &Env, context: &Context) {
    let now_ms = now_ms();
    let due_ms = TALLY.with_borrow_mut(|tally| {
        tally.count(&RESPONSES, &status.to_string());
        tally.due_ms(now_ms)
    });
    if due_ms > now_ms {
        return;
    }
    let Some(due) = TALLY.with_borrow_mut(|tally| tally.report("", &[], now_ms)) else { return };
    let env = env.clone();
    context.wait_until(async move {
        if let Err(error) = report(&env, &due).await {
            console_error!("metrics: {error}");
            TALLY.with_borrow_mut(|tally| tally.take_back(due));
        }
    });
}
