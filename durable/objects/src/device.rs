//! Sign-ins of devices without a browser (RFC 8628), shared by a few objects.
//!
//! `POST` a `account::device::Question` as JSON, get a `Reply`. Strangers make the rows, so an alarm sweeps them.

use core::time::Duration;

use account::device::{DeviceError, Question, Reply, handle, sweep};
use kernel::json;
use runtime::{WebCrypto, now_ms};
use worker::{DurableObject, Env, Request, Response, Result, State, console_error, durable_object};

use crate::sqlite::ObjectSql;

#[durable_object(alarm)]
pub struct DeviceSignIn {
    state: State,
}

impl DurableObject for DeviceSignIn {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let question: Question = match json::read(&request.bytes().await?) {
            Ok(question) => question,
            Err(error) => return Response::error(format!("not a question: {error}"), 400),
        };
        match handle(&self.sql(), question, now_ms(), &mut WebCrypto) {
            Ok(reply) => {
                // Each lives equally long: a later one never ends sooner than what the alarm is set to.
                if matches!(reply, Reply::Begun { .. }) && self.state.storage().get_alarm().await?.is_none() {
                    self.sweep().await?;
                }
                Response::from_json(&reply)
            }
            Err(error) => {
                console_error!("device sign-in: {error}");
                Response::error("device sign-in unavailable", 500)
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.sweep().await?;
        Response::empty()
    }
}

impl DeviceSignIn {
    fn sql(&self) -> ObjectSql {
        ObjectSql(self.state.storage().sql())
    }

    /// Forgets what has ended, and sets the alarm to when the next one does; where none is left, forgets the tables too.
    async fn sweep(&self) -> Result<()> {
        let now_ms = now_ms();
        let failed = |error| worker::Error::RustError(DeviceError::Storage(error).to_string());
        let Some(ends_ms) = sweep(&self.sql(), now_ms).map_err(failed)? else {
            return self.state.storage().delete_all().await;
        };
        let left_ms = u64::try_from(ends_ms.saturating_sub(now_ms)).unwrap_or(0);
        self.state.storage().set_alarm(Duration::from_millis(left_ms)).await
    }
}
