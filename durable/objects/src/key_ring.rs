//! The one object that holds this server's keys, and the setup code of its first administrator.
//!
//! `POST /keys` is answered with all keys, as JSON `{"keys": [account::key_ring::keys::Key], "names_are_whole": bool}`; isolates of the edge keep the answer.
//! `POST /names` takes a `account::key_ring::names::Command` and is answered `{"done": bool}`; the names are in objects of their own.
//! `POST /push` takes the text of a `account::key_ring::push::Command` and is answered that of an `Answer`, both as JSON.
//! `POST /setup` takes a `account::key_ring::setup::Command` and is answered `{"done": bool}`.

use account::key_ring::keys::{KeyError, keys};
use account::key_ring::names;
use account::key_ring::push;
use account::key_ring::setup::{Command, first_code, perform};
use account::schema::KEY_RING;
use futures_util::FutureExt;
use kernel::json;
use kernel::migrate::migrate;
use runtime::{WebCrypto, now_ms};
use worker::{DurableObject, Env, Error, Request, Response, Result, State, console_error, console_log, durable_object};

use crate::push::vapid;
use crate::sqlite::ObjectSql;

#[durable_object(fetch)]
pub struct KeyRing {
    state: State,
}

impl DurableObject for KeyRing {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        if request.path() == "/setup" {
            let command: Command = json::read(&request.bytes().await?)?;
            return self.set_up(&command);
        }
        if request.path() == "/names" {
            let command: names::Command = json::read(&request.bytes().await?)?;
            return self.about_names(&command);
        }
        if request.path() == "/push" {
            let text: String = json::read(&request.bytes().await?)?;
            return self.about_push(&push::Command::of(&text)).boxed_local().await;
        }
        let sql = self.sql();
        let keys = migrate(&sql, KEY_RING).map_err(KeyError::from).and_then(|()| keys(&sql, now_ms(), &mut WebCrypto));
        match keys {
            Ok(keys) => {
                self.show_setup_code();
                let names_are_whole = names::is_whole(&sql).unwrap_or_default();
                Response::from_json(&serde_json::json!({"keys": keys, "names_are_whole": names_are_whole}))
            }
            Err(error) => {
                console_error!("keys: {error}");
                Response::error("keys unavailable", 500)
            }
        }
    }
}

impl KeyRing {
    fn sql(&self) -> ObjectSql {
        ObjectSql(self.state.storage().sql())
    }

    /// Logged once in the life of a deployment. Only the operator reads the log.
    fn show_setup_code(&self) {
        match first_code(&self.sql(), &mut WebCrypto) {
            Ok(Some(code)) => console_log!("Make the first account at /signup with this setup code: {code}"),
            Ok(None) => {}
            Err(error) => console_error!("setup code: {error}"),
        }
    }

    #[cold]
    fn about_names(&self, command: &names::Command) -> Result<Response> {
        match names::perform(&self.sql(), command) {
            Ok(done) => Response::from_json(&serde_json::json!({"done": done})),
            Err(error) => {
                console_error!("names: {error}");
                Response::error("names unavailable", 500)
            }
        }
    }

    async fn about_push(&self, command: &push::Command) -> Result<Response> {
        match self.push_answer(command).await {
            Ok(answer) => Response::from_json(&answer.text()),
            Err(error) => {
                console_error!("push key: {error}");
                Response::error("push key unavailable", 500)
            }
        }
    }

    async fn push_answer(&self, command: &push::Command) -> Result<push::Answer> {
        let failed = |error: KeyError| Error::RustError(error.to_string());
        let sql = self.sql();
        let kept = migrate(&sql, KEY_RING).and_then(|()| push::key(&sql)).map_err(|error| failed(error.into()))?;
        let key = match kept {
            Some(key) => key,
            None => push::keep(&sql, vapid::new_key().await?, now_ms(), &mut WebCrypto).map_err(failed)?,
        };
        let public_key = push::public_key(&key).ok_or_else(|| Error::RustError("it is no key".to_owned()))?;
        let token = match command {
            push::Command::PublicKey => String::new(),
            push::Command::Token { audience, subject } => {
                vapid::signed(&key, &push::claims(audience, subject, now_ms())).await?
            }
        };
        Ok(push::Answer { public_key, token })
    }

    #[cold]
    fn set_up(&self, command: &Command) -> Result<Response> {
        let sql = self.sql();
        match migrate(&sql, KEY_RING).and_then(|()| perform(&sql, command)) {
            Ok(done) => {
                if matches!(command, Command::Renew { .. }) {
                    self.show_setup_code();
                }
                Response::from_json(&serde_json::json!({"done": done}))
            }
            Err(error) => {
                console_error!("setup: {error}");
                Response::error("setup unavailable", 500)
            }
        }
    }
}
