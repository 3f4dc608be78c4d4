//! The stub of the `UserBus` object: one typed request, one hop.

use ::objects::sockets::header;
use ::objects::status;
use bus::wire::command::{Caller, Command, Line, Reply, Request as BusRequest, SignIn};
use futures_util::StreamExt;
use kernel::json;
use kernel::trace::Trace;
use runtime::calls::{To, post};
use thiserror::Error;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::web_sys::Response as RuntimeResponse;
use worker::{Env, Headers, Method, Request, RequestInit, Response, WebSocket};

use crate::caller::Caller as Authenticated;

const BINDING: &str = "USER_BUS";

/// The bus's answer to a request.
#[derive(Debug)]
pub enum BusAnswer {
    Reply(Reply),
    /// The whole HTTP response, written into the `Frame` of the request.
    Response(RuntimeResponse),
}

impl BusAnswer {
    /// The reply to a command without a frame.
    ///
    /// # Errors
    /// If the bus wrote a response, which is a fault of the bus.
    pub fn reply(self) -> Result<Reply, BusError> {
        match self {
            Self::Reply(reply) => Ok(reply),
            Self::Response(_) => {
                Err(worker::Error::RustError("it wrote a response that was not asked for".to_owned()).into())
            }
        }
    }
}

/// Whether the bus opens a stream.
pub enum Opened {
    Socket(WebSocket),
    /// The session is closed, the grant revoked, or the user has too many connections open.
    Refused(Reply),
}

/// The bus could not be reached or failed. The text is for the log.
#[derive(Debug, Error)]
#[error("bus: {0}")]
pub struct BusError(#[from] worker::Error);

impl From<BusError> for worker::Error {
    fn from(error: BusError) -> Self {
        error.0
    }
}

/// One user's bus.
pub struct Bus {
    env: Env,
    user_id: String,
    /// Whose token it is, but for what the client calls itself; `None` for the owner's own browser.
    caller: Option<Caller>,
    /// What the owner calls the guest whose share link it is.
    guest_name: Option<String>,
    trace: Trace,
}

impl Bus {
    pub fn of(env: &Env, caller: &Authenticated) -> Result<Self, BusError> {
        Ok(Self {
            env: env.clone(),
            user_id: caller.user_id.clone(),
            caller: Some(Caller {
                grant_id: caller.grant_id.clone(),
                username: caller.username.clone(),
                client_name: String::new(),
                scopes: caller.scopes.clone(),
                sign_in: caller.sign_in.clone(),
            }),
            guest_name: caller.guest_name.clone(),
            trace: Trace::default(),
        })
    }

    /// The bus of a signed-in owner, who is no client.
    pub fn of_owner(env: &Env, user_id: &str) -> Result<Self, BusError> {
        Ok(Self {
            env: env.clone(),
            user_id: user_id.to_owned(),
            caller: None,
            guest_name: None,
            trace: Trace::default(),
        })
    }

    /// Attaches the trace of the request.
    #[must_use]
    pub fn traced(self, trace: Trace) -> Self {
        Self { trace, ..self }
    }

    /// Sends a command and waits for the reply. Lines before the reply go to `pass_on` as they arrive.
    pub async fn ask(
        &self,
        client_name: &str,
        session_id: Option<&str>,
        command: Command,
        pass_on: &dyn Fn(&Line),
    ) -> Result<Reply, BusError> {
        self.ask_with_frame(client_name, session_id, command, pass_on).await?.reply()
    }

    /// The same for a command that may carry a `Frame`, which lets the bus write the response.
    pub async fn ask_with_frame(
        &self,
        client_name: &str,
        session_id: Option<&str>,
        command: Command,
        pass_on: &dyn Fn(&Line),
    ) -> Result<BusAnswer, BusError> {
        let (client_name, command) = match command {
            Command::OpenSession { protocol_version, client_name } => {
                let client_name = self.named(&client_name);
                (client_name.clone(), Command::OpenSession { protocol_version, client_name })
            }
            command => (self.named(client_name), command),
        };
        let request = BusRequest {
            user_id: self.user_id.clone(),
            caller: self.caller.clone().map(|caller| Caller { client_name, ..caller }),
            session_id: session_id.map(str::to_owned),
            trace: self.trace.clone(),
            command,
        };
        let body = serde_json::to_string(&request).map_err(|error| worker::Error::RustError(error.to_string()))?;
        let to = To { binding: BINDING, name: &self.user_id, url: "https://bus/command" };
        let (status, answered) = post(&self.env, to, &body, status::REPLY).await?;
        let response = || answered.clone().dyn_into::<RuntimeResponse>().map_err(failed);
        match status {
            status::FINISHED => Ok(BusAnswer::Response(response()?)),
            status::REPLY => {
                let text = answered.as_string().unwrap_or_default();
                let reply = serde_json::from_str(&text).map_err(worker::Error::from)?;
                Ok(BusAnswer::Reply(reply))
            }
            status::LINES => read_lines(&mut Response::from(response()?), pass_on).await.map(BusAnswer::Reply),
            other => Err(worker::Error::RustError(format!("answered {other}")).into()),
        }
    }

    /// A client's name as the owner reads it: a guest's begins with what the owner calls that guest.
    fn named(&self, client_name: &str) -> String {
        match (&self.guest_name, client_name) {
            (None, name) => name.to_owned(),
            (Some(guest), "") => format!("{guest} (share link)"),
            (Some(guest), name) => format!("{guest} (share link), {name}"),
        }
    }

    /// Opens a peer's WebSocket.
    pub async fn open_socket(&self, caller: &Authenticated, subprotocol: bool) -> Result<Response, BusError> {
        self.upgrade(identity_headers(caller, subprotocol)?).await
    }

    /// Opens the event stream of a session; its frames are `<event id>\n<message>`.
    pub async fn open_stream(
        &self,
        caller: &Authenticated,
        session_id: &str,
        last_event_id: Option<&str>,
    ) -> Result<Opened, BusError> {
        let headers = identity_headers(caller, false)?;
        headers.set(header::SESSION_ID, session_id)?;
        if let Some(last_event_id) = last_event_id {
            headers.set(header::LAST_EVENT_ID, last_event_id)?;
        }
        self.open(headers).await
    }

    /// Opens a stream of changes for a `Listener`, given as JSON; its frames are `\n<message>`.
    pub async fn open_listener(&self, caller: &Authenticated, listener: &str) -> Result<Opened, BusError> {
        let headers = identity_headers(caller, false)?;
        headers.set(header::LISTENER, listener)?;
        self.open(headers).await
    }

    async fn open(&self, headers: Headers) -> Result<Opened, BusError> {
        let mut response = self.upgrade(headers).await?;
        let status = response.status_code();
        if status == 404 {
            return Ok(Opened::Refused(json::read(&response.bytes().await?).map_err(worker::Error::from)?));
        }
        if status == 429 {
            return Ok(Opened::Refused(Reply::Rejected { message: response.text().await? }));
        }
        let refused = || worker::Error::RustError(format!("the bus opened no stream: {status}"));
        Ok(Opened::Socket(response.websocket().ok_or_else(refused)?))
    }

    async fn upgrade(&self, headers: Headers) -> Result<Response, BusError> {
        let mut init = RequestInit::new();
        init.with_method(Method::Get).with_headers(headers);
        let request = Request::new_with_init("https://bus/ws", &init)?;
        let stub = self.env.durable_object(BINDING)?.get_by_name(&self.user_id)?;
        Ok(stub.fetch_with_request(request).await?)
    }
}

/// Reads an answer of one JSON document a line.
async fn read_lines(response: &mut Response, pass_on: &dyn Fn(&Line)) -> Result<Reply, BusError> {
    let mut stream = response.stream()?;
    let mut buffer = Vec::new();
    while let Some(chunk) = stream.next().await {
        buffer.extend_from_slice(&chunk?);
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            match json::read(&line).map_err(worker::Error::from)? {
                Line::Reply(reply) => return Ok(reply),
                line => pass_on(&line),
            }
        }
    }
    Err(worker::Error::RustError("the bus ended its answer without a reply".to_owned()).into())
}

fn failed(error: JsValue) -> BusError {
    BusError(worker::Error::from(error))
}

/// The headers that tell the bus whose socket it is. The client's own headers are not forwarded.
fn identity_headers(caller: &Authenticated, subprotocol: bool) -> Result<Headers, BusError> {
    let headers = Headers::new();
    let flag = |on: bool| if on { "1" } else { "0" };
    headers.set("Upgrade", "websocket")?;
    headers.set(header::USER_ID, &caller.user_id)?;
    headers.set(header::GRANT_ID, &caller.grant_id)?;
    headers.set(header::USERNAME, &caller.username)?;
    headers.set(header::SCOPES, &caller.scopes.to_string())?;
    if let Some(SignIn { client_key, at_ms }) = &caller.sign_in {
        headers.set(header::SIGN_IN, &format!("{at_ms} {client_key}"))?;
    }
    headers.set(header::EXPIRES_MS, &caller.expires_at_ms.to_string())?;
    headers.set(header::SUBPROTOCOL, flag(subprotocol))?;
    Ok(headers)
}
