//! Sends notifications to the push services of the owner's browsers, after the turn that asked for it. No turn and no job waits
//! for one, and none of what a push service answers is read but its status.

use core::time::Duration;

use bus::push::outbox::{self, Outcome};
use bus::turn::effect::Push;
use runtime::patience::within;
use runtime::subtle::given;
use worker::wasm_bindgen_futures::spawn_local;
use worker::web_sys::Response as RuntimeResponse;
use worker::{AbortSignal, Fetch, Headers, Method, Request, RequestInit, RequestRedirect, Result, Url, console_log};

use super::{Bus, logged};
use crate::push::message;

/// For the answer's status. A message of which nothing is known after a minute is sent again.
const PATIENCE: Duration = Duration::from_secs(10);

impl Bus {
    pub(super) fn push(&self, user_id: &str, push: Push) {
        let Some(bus) = self.me.upgrade() else { return };
        let user_id = user_id.to_owned();
        spawn_local(async move {
            let outcome = bus.outcome_of(&push).await;
            if let Err(error) = bus.turn(&user_id, |turn| outbox::settle(turn, &push.push_id, outcome)).await {
                logged(&error);
            }
        });
    }

    /// Sends it, and says what came of that. The log names the push service alone: the rest of the URL is the browser's secret.
    async fn outcome_of(&self, push: &Push) -> Outcome {
        let (id, later) = (&push.push_id, Outcome::Later { after_ms: None });
        let Ok(url) = Url::parse(&push.endpoint) else { return Outcome::Gone };
        let service = url.origin().ascii_serialization();
        let body = match message::encrypted(&push.payload, &push.p256dh, &push.auth).await {
            Ok(body) => body,
            Err(_) => {
                console_log!("notification {id}: the key of its browser is none");
                return Outcome::Gone;
            }
        };
        let request = match self.request(push, &service, &body).await {
            Ok(request) => request,
            Err(error) => {
                console_log!("notification {id} to {service}: {error}");
                return later;
            }
        };
        match within(PATIENCE, async |signal| status(request, signal).await).await {
            Some(Ok((status, after_ms))) => {
                let outcome = meant(status, after_ms);
                if outcome != Outcome::Accepted {
                    console_log!("notification {id} to {service}: answered with {status}");
                }
                outcome
            }
            Some(Err(_)) => {
                console_log!("notification {id} to {service}: could not be reached");
                later
            }
            None => {
                console_log!("notification {id} to {service}: no answer in time");
                later
            }
        }
    }

    async fn request(&self, push: &Push, service: &str, body: &[u8]) -> Result<Request> {
        let headers = Headers::new();
        headers.set("authorization", &self.tokens.authorization(&self.env, service, &push.site).await?)?;
        headers.set("content-type", "application/octet-stream")?;
        headers.set("content-encoding", "aes128gcm")?;
        headers.set("ttl", &push.ttl_s.to_string())?;
        headers.set("urgency", &push.urgency)?;
        headers.set("user-agent", concat!("Blender-Bus/", env!("CARGO_PKG_VERSION")))?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_headers(headers).with_body(Some(given(body)));
        init.with_redirect(RequestRedirect::Manual);
        Request::new_with_init(&push.endpoint, &init)
    }
}

/// The status of the answer, and for how many milliseconds the push service asks to be left alone. The body is not read.
async fn status(request: Request, signal: &AbortSignal) -> Result<(u16, Option<i64>)> {
    let response = Fetch::Request(request).send_with_signal(signal).await?;
    let after_s: Option<i64> = response.headers().get("retry-after")?.and_then(|text| text.trim().parse().ok());
    let status = response.status_code();
    if let Some(body) = RuntimeResponse::from(response).body() {
        // It fails if the body has ended, which is as well.
        let _ = body.cancel();
    }
    Ok((status, after_s.map(|seconds| seconds.saturating_mul(1_000))))
}

/// RFC 8030 section 5, and what push services answer beside it. A redirect is not followed.
fn meant(status: u16, after_ms: Option<i64>) -> Outcome {
    match status {
        200..=299 => Outcome::Accepted,
        404 | 410 => Outcome::Gone,
        429 | 500..=599 => Outcome::Later { after_ms },
        _ => Outcome::Refused,
    }
}
