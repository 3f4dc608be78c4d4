//! One object per account name: password, browser sessions, codes and grants.
//!
//! `POST` a `account::accounts::Command` as JSON, get a `Reply`. Only the edge can reach this; it routes by the name
//! at login, and by the object id inside a code, refresh token or session cookie otherwise.

use core::time::Duration;

use account::accounts::{AccountError, Command, Effect, Reply, handle, is_over, open, owed, performed};
use account::key_ring::names::{self, Command as Names};
use account::key_ring::setup::Command as Setup;
use bus::wire::command::{Command as BusCommand, Reply as BusReply, Request as BusRequest};
use files::wire::{Command as FilesCommand, Reply as FilesReply, Request as FilesRequest, Who};
use kernel::json;
use kernel::storage::StorageError;
use kernel::trace::Trace;
use runtime::{WebCrypto, now_ms};
use serde::Serialize;
use thiserror::Error;
use worker::wasm_bindgen::JsValue;
use worker::{
    DurableObject, Env, Headers, Method, Request, RequestInit, Response, Result, State, Stub, console_error,
    durable_object,
};

use crate::sqlite::ObjectSql;

/// How soon an object that could not be told of something is told again.
const RETRY: Duration = Duration::from_secs(5);

#[derive(Debug, Error)]
pub enum Failure {
    #[error("account: {0}")]
    Account(#[from] AccountError),
    #[error("storage: {0}")]
    Storage(#[from] StorageError),
    #[error("runtime: {0}")]
    Runtime(#[from] worker::Error),
    #[error("json: {0}")]
    Json(#[from] serde_json::Error),
    #[error("{0} answered {1}")]
    Object(&'static str, u16),
    #[error("an object has not done what it was told")]
    Undone,
}

#[durable_object(alarm)]
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
        let command: Command = match json::read(&request.bytes().await?) {
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

    /// Tells the other objects, so that a revocation counts before it is answered. The alarm is set first: if one of them
    /// or this object fails meanwhile, it is told later.
    async fn perform(&self, effects: Vec<Effect>) -> core::result::Result<(), Failure> {
        if effects.is_empty() && !is_over(&self.sql())? {
            return Ok(());
        }
        self.state.storage().set_alarm(RETRY).await?;
        for effect in effects {
            match self.tell(&effect).await {
                Ok(()) => performed(&self.sql(), &effect)?,
                Err(error) => console_error!("what is owed to another object will be tried again: {error}"),
            }
        }
        if is_over(&self.sql())? {
            self.state.storage().delete_all().await?;
        }
        if owed(&self.sql())?.is_empty() {
            self.state.storage().delete_alarm().await?;
        }
        Ok(())
    }

    async fn tell(&self, effect: &Effect) -> core::result::Result<(), Failure> {
        match effect {
            Effect::RevokeOnBus { user_id, grant_id } => {
                self.tell_bus(user_id, BusCommand::RevokeGrant { grant_id: grant_id.clone() }).await
            }
            // The bus first: it refuses the user's tokens from then on, so that no file comes after.
            Effect::EraseBus { user_id } => {
                self.tell_bus(user_id, BusCommand::Erase).await?;
                self.erase_files(user_id).await
            }
            Effect::ListName { username } => self.tell_names(&Names::Add { name: username.clone() }).await,
            Effect::UnlistName { username } => self.tell_names(&Names::Remove { name: username.clone() }).await,
            Effect::ReleaseSetup { username } => {
                let key_ring = self.env.durable_object("KEY_RING")?.get_by_name("keys")?;
                let command = Setup::Renew { username: username.clone() };
                post("KeyRing", &key_ring, "https://key-ring/setup", &command).await.map(|_| ())
            }
        }
    }

    async fn tell_names(&self, command: &Names) -> core::result::Result<(), Failure> {
        let names = self.env.durable_object("KEY_RING")?.get_by_name(&names::shard(command.name()))?;
        post("KeyRing", &names, "https://key-ring/names", command).await.map(|_| ())
    }

    async fn erase_files(&self, user_id: &str) -> core::result::Result<(), Failure> {
        let request = FilesRequest { user_id: user_id.to_owned(), who: Who::Owner, command: FilesCommand::Erase };
        let files = self.env.durable_object("FILES_OF_USER")?.get_by_name(user_id)?;
        let answer = post("the files", &files, "https://files/command", &request).await?;
        if answer == serde_json::to_vec(&FilesReply::Done)? { Ok(()) } else { Err(Failure::Undone) }
    }

    async fn tell_bus(&self, user_id: &str, command: BusCommand) -> core::result::Result<(), Failure> {
        let request = BusRequest {
            user_id: user_id.to_owned(),
            caller: None,
            session_id: None,
            trace: Trace::default(),
            command,
        };
        let bus = self.env.durable_object("USER_BUS")?.get_by_name(user_id)?;
        let answer = post("the bus", &bus, "https://bus/command", &request).await?;
        // Compared as text, so that this file need not know every reply.
        if answer == serde_json::to_vec(&BusReply::Done)? { Ok(()) } else { Err(Failure::Undone) }
    }
}

/// Posts JSON to another object. Returns its answer if that is a success.
pub async fn post(
    name: &'static str,
    object: &Stub,
    url: &str,
    body: &impl Serialize,
) -> core::result::Result<Vec<u8>, Failure> {
    let headers = Headers::new();
    headers.set("content-type", "application/json")?;
    let mut init = RequestInit::new();
    let body = JsValue::from_str(&serde_json::to_string(body)?);
    init.with_method(Method::Post).with_headers(headers).with_body(Some(body));
    let mut response = object.fetch_with_request(Request::new_with_init(url, &init)?).await?;
    let status = response.status_code();
    if (200..300).contains(&status) { Ok(response.bytes().await?) } else { Err(Failure::Object(name, status)) }
}
