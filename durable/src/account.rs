//! One object per account name: password, browser sessions, codes and grants.
//!
//! `POST` a `bus_core::accounts::Command` as JSON, get a `Reply`. Only the edge can reach this; it routes by the name
//! at login, and by the object id inside a code, refresh token or session cookie otherwise.

use core::time::Duration;

use bus_core::accounts::{AccountError, Command, Effect, Reply, handle, open, owed};
use bus_core::command::{Command as BusCommand, Request as BusRequest};
use bus_core::grants::told;
use bus_core::storage::StorageError;
use bus_core::trace::Trace;
use thiserror::Error;
use worker::{
    DurableObject, Env, Headers, Method, Request, RequestInit, Response, Result, State, console_error, durable_object,
    wasm_bindgen::JsValue,
};

use crate::runtime::{WebCrypto, now_ms};
use crate::sqlite::ObjectSql;

/// How soon a bus that could not be told of a revocation is told again.
const RETRY: Duration = Duration::from_secs(5);

#[derive(Debug, Error)]
enum Failure {
    #[error("account: {0}")]
    Account(#[from] AccountError),
    #[error("storage: {0}")]
    Storage(#[from] StorageError),
    #[error("runtime: {0}")]
    Runtime(#[from] worker::Error),
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the bus answered {0}")]
    Bus(u16),
}

#[durable_object]
pub struct Account {
    state: State,
    env: Env,
}

impl DurableObject for Account {
    fn new(state: State, env: Env) -> Self {
        let account = Self { state, env };
        if let Err(error) = open(&account.sql()) {
            console_error!("account could not be opened: {error}");
        }
        account
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let command: Command = match serde_json::from_slice(&request.bytes().await?) {
            Ok(command) => command,
            Err(error) => return Response::error(format!("not a command: {error}"), 400),
        };
        match self.answer(command).await {
            Ok(reply) => Response::from_json(&reply),
            Err(error) => {
                console_error!("{error}");
                Response::error("account unavailable", 500)
            }
        }
    }

    async fn alarm(&self) -> Result<Response> {
        let effects = owed(&self.sql()).map_err(|error| worker::Error::RustError(error.to_string()))?;
        if let Err(error) = self.perform(effects).await {
            console_error!("{error}");
        }
        Response::empty()
    }
}

impl Account {
    fn sql(&self) -> ObjectSql {
        ObjectSql(self.state.storage().sql())
    }

    async fn answer(&self, command: Command) -> core::result::Result<Reply, Failure> {
        let (reply, effects) = handle(&self.sql(), command, now_ms(), &mut WebCrypto)?;
        self.perform(effects).await?;
        Ok(reply)
    }

    /// Tells the bus, so that a revocation counts before it is answered. The alarm is set first: if the bus or this
    /// object fails meanwhile, it is told later.
    async fn perform(&self, effects: Vec<Effect>) -> core::result::Result<(), Failure> {
        if effects.is_empty() {
            return Ok(());
        }
        self.state.storage().set_alarm(RETRY).await?;
        for Effect::RevokeOnBus { user_id, grant_id } in effects {
            match self.revoke_on_bus(&user_id, &grant_id).await {
                Ok(()) => told(&self.sql(), &grant_id)?,
                Err(error) => console_error!("the bus was not told of a revoked grant, it will be again: {error}"),
            }
        }
        if owed(&self.sql())?.is_empty() {
            self.state.storage().delete_alarm().await?;
        }
        Ok(())
    }

    async fn revoke_on_bus(&self, user_id: &str, grant_id: &str) -> core::result::Result<(), Failure> {
        let command = BusRequest {
            user_id: user_id.to_owned(),
            caller: None,
            session_id: None,
            trace: Trace::default(),
            command: BusCommand::RevokeGrant { grant_id: grant_id.to_owned() },
        };
        let headers = Headers::new();
        headers.set("content-type", "application/json")?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post)
            .with_headers(headers)
            .with_body(Some(JsValue::from_str(&serde_json::to_string(&command)?)));
        let request = Request::new_with_init("https://bus/command", &init)?;
        let bus = self.env.durable_object("USER_BUS")?.get_by_name(user_id)?;
        let status = bus.fetch_with_request(request).await?.status_code();
        if (200..300).contains(&status) { Ok(()) } else { Err(Failure::Bus(status)) }
    }
}
