//! The context of a request: everything a method needs to answer it.

use std::rc::Rc;

use bus::wire::command::{Command, Line, Reply};
use bus::wire::rights::Need;
use futures_channel::mpsc::UnboundedSender;
use worker::Env;

use crate::caller::Caller;
use crate::catalog::tools::Profile;
use crate::mcp::era::Client;
use crate::mcp::reports::Reports;
use crate::mcp::wire::error::RpcError;
use crate::mcp::wire::message::Request;
use crate::objects::bus::{Bus, BusAnswer};

/// What the client gets to see before the answer.
pub enum Interim {
    /// A notification for the client.
    Notification(String),
    /// The bus needs longer than a moment: the response becomes a stream.
    Slow,
}

pub enum Era {
    Modern { client: Client },
    Legacy { session_id: Option<String> },
}

/// The request with everything needed to answer it.
pub struct RequestContext {
    pub request: Request,
    pub era: Era,
    pub caller: Caller,
    pub bus: Rc<Bus>,
    pub env: Env,
    /// The key under which the request waits on the bus, so that it can be cancelled.
    pub request_key: String,
    /// Which tools are listed.
    pub profile: Profile,
    /// Which notifications the client asked for, if any.
    pub reports: Option<Reports>,
    /// Where notifications and the news that the answer is slow go.
    pub interim: UnboundedSender<Interim>,
    /// The client's revision has links to resources in the content of results (2025-06-18 and later).
    pub takes_links: bool,
    /// The bus may produce the whole HTTP response: no batch, no notifications, no CORS headers.
    pub bus_may_write_response: bool,
}

impl RequestContext {
    pub fn is_modern(&self) -> bool {
        matches!(self.era, Era::Modern { .. })
    }

    /// The client of a modern request.
    pub fn client(&self) -> Option<&Client> {
        match &self.era {
            Era::Modern { client } => Some(client),
            Era::Legacy { .. } => None,
        }
    }

    pub fn knows_tasks(&self) -> bool {
        self.client().is_some_and(|client| client.knows_tasks)
    }

    /// Sends a command to the bus, in the client's name and session, and returns the reply.
    ///
    /// # Errors
    /// `RpcError` for a closed session, a revoked grant, or a failure of the bus.
    pub async fn ask(&self, command: Command) -> Result<Reply, RpcError> {
        self.ask_with_frame(command).await?.reply().map_err(|error| RpcError::failed(&error))
    }

    /// The same for a command that may carry a `Frame`, which lets the bus write the response.
    ///
    /// # Errors
    /// As `ask`.
    pub async fn ask_with_frame(&self, command: Command) -> Result<BusAnswer, RpcError> {
        let (client_name, session_id) = match &self.era {
            Era::Modern { client } => (client.name.as_str(), None),
            Era::Legacy { session_id } => ("", session_id.as_deref()),
        };
        let pass_on = |line: &Line| {
            let told = match line {
                Line::Slow => Some(Interim::Slow),
                line => self.reports.as_ref().and_then(|reports| reports.of(line)).map(Interim::Notification),
            };
            // Fails when the client has disconnected; the answer is awaited all the same.
            let _ = told.map(|told| self.interim.unbounded_send(told));
        };
        match self.bus.ask_with_frame(client_name, session_id, command, &pass_on).await {
            Ok(BusAnswer::Reply(Reply::NoSession)) => Err(RpcError::NoSession),
            Ok(BusAnswer::Reply(Reply::Revoked)) => Err(RpcError::Unauthenticated),
            Ok(heard) => Ok(heard),
            Err(error) => Err(RpcError::failed(&error)),
        }
    }

    /// # Errors
    /// `RpcError::InsufficientScope` naming what the caller's token lacks.
    pub fn need(&self, need: Need) -> Result<(), RpcError> {
        if need.is_met(self.caller.scopes.set, false) { Ok(()) } else { Err(RpcError::InsufficientScope(need.scope())) }
    }
}
