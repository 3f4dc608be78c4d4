//! A call of a bus tool, over HTTP or a socket.

use serde_json::Value;

use crate::clients::registry::{self, Via};
use crate::requests::messages;
use crate::requests::wait::{self, Outcome};
use crate::rows::clients;
use crate::turn::Turn;
use crate::turn::error::Error;
use crate::wire::command::Reply;
use crate::wire::tools::{BusCall, CallError, JobCall};

pub fn perform_tool(turn: &mut Turn<'_>, name: &str, arguments: &Value, via: Via<'_>) -> Result<Outcome, Error> {
    let refused = match BusCall::parse(name, arguments) {
        Ok(call) => return Ok(Reply::Document { document: call_tool(turn, call, via)? }.into()),
        Err(CallError::UnknownTool { .. }) => match JobCall::parse(name, arguments) {
            Ok(call) => return wait::begin(turn, call),
            Err(error) => error,
        },
        Err(error) => error,
    };
    Ok(Reply::Rejected { message: refused.to_string() }.into())
}

/// Calls one of the five bus tools, over HTTP or a socket.
pub fn call_tool(turn: &mut Turn<'_>, call: BusCall, via: Via<'_>) -> Result<Value, Error> {
    match call {
        BusCall::RegisterClient(call) => registry::register(turn, &call, via),
        BusCall::UnregisterClient(call) => registry::unregister(turn, &call.client_uuid),
        BusCall::SendMessage(call) => messages::send(turn, call),
        BusCall::JobUpdate(call) => messages::job_update(turn, call, via),
        BusCall::ListAvailableClients => {
            let mut document = clients::list(turn)?;
            if let Some(fields) = document.as_object_mut() {
                fields.insert("status".to_owned(), Value::from("ok"));
            }
            Ok(document)
        }
    }
}
