//! The one object that holds this server's keys. Any request is answered with all of them, as JSON
//! `{"keys": [bus_core::keys::Key]}`; isolates of the edge keep the answer.

use bus_core::keys::{KeyError, keys};
use bus_core::migrate::{KEY_RING, migrate};
use worker::{DurableObject, Env, Request, Response, Result, State, console_error, durable_object};

use crate::runtime::{WebCrypto, now_ms};
use crate::sqlite::ObjectSql;

#[durable_object]
pub struct KeyRing {
    state: State,
}

impl DurableObject for KeyRing {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, _request: Request) -> Result<Response> {
        let sql = ObjectSql(self.state.storage().sql());
        let keys = migrate(&sql, KEY_RING).map_err(KeyError::from).and_then(|()| keys(&sql, now_ms(), &mut WebCrypto));
        match keys {
            Ok(keys) => Response::from_json(&serde_json::json!({"keys": keys})),
            Err(error) => {
                console_error!("keys: {error}");
                Response::error("keys unavailable", 500)
            }
        }
    }
}
