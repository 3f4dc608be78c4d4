//! Notifications about a request before its answer: progress, if it has a `progressToken`, and log messages, if a
//! request of 2026-07-28 sets a level.

use core::cell::Cell;

use bus::wire::command::Line;
use bus::wire::priority::Priority;
use serde_json::{Value, json};

use crate::mcp::wire::error::RpcError;
use crate::mcp::wire::id::Id;
use crate::mcp::wire::message::Request;

const LEVEL_KEY: &str = "io.modelcontextprotocol/logLevel";
/// `logger` in the log messages of a request.
const LOGGER: &str = "jobs";

pub struct Reports {
    token: Option<Id>,
    /// The last percentage sent, -1 before the first: progress must increase.
    percent: Cell<f64>,
    /// The least urgent level to send.
    level: Option<Priority>,
}

impl Reports {
    /// What the request asks for; `None` if it asks for no notifications.
    ///
    /// # Errors
    /// -32602 for an unknown log level.
    pub fn wanted(request: &Request, modern: bool) -> Result<Option<Self>, RpcError> {
        let token = request.progress_token.clone();
        let level = if modern { log_level(request)? } else { None };
        let wanted = token.is_some() || level.is_some();
        Ok(wanted.then(|| Self { token, percent: Cell::new(-1.0), level }))
    }

    /// The notification for a line of the bus, if the client asked for it.
    pub fn of(&self, line: &Line) -> Option<String> {
        match line {
            Line::Progress(report) => self.progress(report),
            Line::Log { level, data } => self.log(*level, data).map(|notification| notification.to_string()),
            Line::Slow | Line::Reply(_) => None,
        }
    }

    fn progress(&self, report: &Value) -> Option<String> {
        let token = self.token.as_ref()?;
        let percent = report.get("percent").and_then(Value::as_f64).unwrap_or(0.0);
        if percent <= self.percent.get() {
            return None;
        }
        self.percent.set(percent);
        let message = report.get("message").filter(|message| message.is_string());
        let message = message.map_or_else(String::new, |message| format!(",\"message\":{message}"));
        Some(format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{{\"progressToken\":{token},\
             \"progress\":{},\"total\":100{message}}}}}",
            Value::from(percent)
        ))
    }

    fn log(&self, level: Priority, data: &Value) -> Option<Value> {
        if level > self.level? {
            return None;
        }
        let params = json!({"level": level.as_level(), "logger": LOGGER, "data": data});
        Some(json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params}))
    }
}

fn log_level(request: &Request) -> Result<Option<Priority>, RpcError> {
    let Some(asked) = request.meta(LEVEL_KEY) else { return Ok(None) };
    match asked.as_str().and_then(Priority::from_level) {
        Some(level) => Ok(Some(level)),
        None => {
            let expected = Priority::LEVELS.join(", ");
            Err(RpcError::invalid_params(format!("params._meta[\"{LEVEL_KEY}\"] must be one of {expected}")))
        }
    }
}
