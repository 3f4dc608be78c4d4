//! One object per code of a device that signs in without a browser (RFC 8628).
//!
//! `POST` a `account::device::Command` as JSON, get a `Reply`. Strangers make these objects, so each has an alarm that
//! leaves nothing of it.

use core::time::Duration;

use account::device::{Command, DeviceError, Reply, ends_ms, handle};
use runtime::{WebCrypto, now_ms};
use worker::{DurableObject, Env, Request, Response, Result, State, console_error, durable_object};

use crate::sqlite::ObjectSql;

#[durable_object]
pub struct DeviceSignIn {
    state: State,
}

impl DurableObject for DeviceSignIn {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let command: Command = match serde_json::from_slice(&request.bytes().await?) {
            Ok(command) => command,
            Err(error) => return Response::error(format!("not a command: {error}"), 400),
        };
        match handle(&self.sql(), command, now_ms(), &mut WebCrypto) {
            Ok(reply) => {
                if matches!(reply, Reply::Begun { .. }) {
                    self.end_in_time().await?;
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
        if self.left_ms()? > 0 {
            self.end_in_time().await?;
        } else {
            self.state.storage().delete_all().await?;
        }
        Response::empty()
    }
}

impl DeviceSignIn {
    fn sql(&self) -> ObjectSql {
        ObjectSql(self.state.storage().sql())
    }

    /// Milliseconds until the request ends.
    fn left_ms(&self) -> Result<u64> {
        let failed = |error| worker::Error::RustError(DeviceError::Storage(error).to_string());
        let ends_ms = ends_ms(&self.sql()).map_err(failed)?.unwrap_or(0);
        Ok(u64::try_from(ends_ms.saturating_sub(now_ms())).unwrap_or(0))
    }

    async fn end_in_time(&self) -> Result<()> {
        self.state.storage().set_alarm(Duration::from_millis(self.left_ms()?)).await
    }
}
