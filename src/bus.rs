//! The way from the edge to a user's bus: one typed request, one hop.

use bus_core::command::{Caller, Command, Reply, Request as BusRequest};
use bus_core::scopes::Scopes;
use durable::sockets::header;
use thiserror::Error;
use worker::{Env, Headers, Method, Request, RequestInit, Response};

use crate::oauth::Caller as Authenticated;

const BINDING: &str = "USER_BUS";

/// The bus could not be reached, or failed. The text is for the log.
#[derive(Debug, Error)]
#[error("bus: {0}")]
pub struct BusError(#[from] worker::Error);

/// One user's bus.
pub struct Bus {
    stub: worker::durable::Stub,
    user_id: String,
    grant_id: String,
}

impl Bus {
    pub fn of(env: &Env, caller: &Authenticated) -> Result<Self, BusError> {
        Ok(Self {
            stub: env.durable_object(BINDING)?.get_by_name(&caller.user_id)?,
            user_id: caller.user_id.clone(),
            grant_id: caller.grant_id.clone(),
        })
    }

    pub async fn ask(&self, client_name: &str, session_id: Option<&str>, command: Command) -> Result<Reply, BusError> {
        let request = BusRequest {
            user_id: self.user_id.clone(),
            caller: Some(Caller { grant_id: self.grant_id.clone(), client_name: client_name.to_owned() }),
            session_id: session_id.map(str::to_owned),
            command,
        };
        let body = serde_json::to_string(&request).map_err(|error| worker::Error::RustError(error.to_string()))?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_body(Some(body.into()));
        let request = Request::new_with_init("https://bus/command", &init)?;
        let mut response = self.stub.fetch_with_request(request).await?;
        Ok(response.json().await?)
    }

    /// Hands a peer's WebSocket over. Only headers that the edge itself vouches for go along.
    pub async fn open_socket(&self, caller: &Authenticated, subprotocol: bool) -> Result<Response, BusError> {
        let headers = Headers::new();
        let flag = |on: bool| if on { "1" } else { "0" };
        headers.set("Upgrade", "websocket")?;
        headers.set(header::USER_ID, &caller.user_id)?;
        headers.set(header::GRANT_ID, &caller.grant_id)?;
        headers.set(header::MAY_DISPATCH, flag(caller.scopes.contains(Scopes::BUS_DISPATCH)))?;
        headers.set(header::EXPIRES_MS, &caller.expires_at_ms.to_string())?;
        headers.set(header::SUBPROTOCOL, flag(subprotocol))?;
        let mut init = RequestInit::new();
        init.with_method(Method::Get).with_headers(headers);
        Ok(self.stub.fetch_with_request(Request::new_with_init("https://bus/ws", &init)?).await?)
    }
}
