//! A request with all it takes to answer it, as every method gets it.
use std::rc::Rc;

use bus::wire::command::{Command, Line, Reply};
use futures_channel::mpsc::UnboundedSender;
use kernel::scopes::Scopes;
use worker::Env;

use crate::caller::Caller;
use crate::mcp::era::Client;
use crate::mcp::error::RpcError;
use crate::mcp::message::Request;
use crate::mcp::reports::Reports;
use crate::objects::bus::{Bus, Heard};

/// What is told of a request before its answer.
pub enum Told {
    /// A notification for the client.
    Report(String),
    /// It takes longer than a moment.
    Slow,
}

pub enum Era {
    Modern { client: Client },
    Legacy { session_id: Option<String> },
}

/// A request with all it takes to answer it.
pub struct Asked {
    pub request: Request,
    pub era: Era,
    pub caller: Caller,
    pub bus: Rc<Bus>,
    pub env: Env,
    /// Under which the bus finds the request while it waits, so that it can be given up.
    pub request_key: String,
    /// What the client wants to hear before the answer.
    pub reports: Option<Reports>,
    /// Where it goes, and that the answer takes longer than a moment.
    pub told: UnboundedSender<Told>,
    /// The bus may write the response itself: nothing goes out with it or before it, and no page has to be let read it.
    pub alone: bool,
}

impl Asked {
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

    /// Asks the bus, in the name of the client and within its session.
    ///
    /// # Errors
    /// `RpcError` for what the bus refuses as a whole: a closed session, a revoked grant, a failure.
    pub async fn ask(&self, command: Command) -> Result<Reply, RpcError> {
        self.hear(command).await?.reply().map_err(|error| RpcError::Internal(error.to_string()))
    }

    /// The same for a command that may come with a frame.
    ///
    /// # Errors
    /// As `ask`.
    pub async fn hear(&self, command: Command) -> Result<Heard, RpcError> {
        let (client_name, session_id) = match &self.era {
            Era::Modern { client } => (client.name.as_str(), None),
            Era::Legacy { session_id } => ("", session_id.as_deref()),
        };
        let pass_on = |line: &Line| {
            let told = match line {
                Line::Slow => Some(Told::Slow),
                line => self.reports.as_ref().and_then(|reports| reports.of(line)).map(Told::Report),
            };
            // Fails when the client has gone; the answer is awaited all the same.
            let _ = told.map(|told| self.told.unbounded_send(told));
        };
        match self.bus.hear(client_name, session_id, command, &pass_on).await {
            Ok(Heard::Reply(Reply::NoSession)) => Err(RpcError::NoSession),
            Ok(Heard::Reply(Reply::Revoked)) => Err(RpcError::Unauthenticated),
            Ok(heard) => Ok(heard),
            Err(error) => Err(RpcError::Internal(error.to_string())),
        }
    }

    /// # Errors
    /// `RpcError::InsufficientScope` naming what the caller's token lacks.
    pub fn need(&self, scope: Scopes) -> Result<(), RpcError> {
        // Who may call every tool may read.
        let has = self.caller.scopes;
        let reads = scope == Scopes::BUS_READ && has.contains(Scopes::BUS_DISPATCH);
        if has.contains(scope) || reads { Ok(()) } else { Err(RpcError::InsufficientScope(scope)) }
    }
}
