//! A bus to take turns on: a database, a clock that only moves when told, and what the sockets were sent.

use kernel::scopes::Scopes;
use kernel::testing::{Counter, Memory};
use kernel::trace::Trace;
use serde_json::{Value, json};

use crate::clients::sockets;
use crate::peer::{self, Frame, Socket};
use crate::requests::wait::{self, Outcome, Verdict, Wait};
use crate::turn::Turn;
use crate::turn::effect::Effect;
use crate::turn::error::Error;
use crate::turn::news::APART_MS;
use crate::turn::presence::Presence;
use crate::wire::command::{Caller, Command, Reply, Request};
use crate::wire::envelope::Envelope;
use crate::{alarm, announce, schema, serve};

pub const START_MS: i64 = 1_790_000_000_000;

pub struct World {
    pub sql: Memory,
    pub presence: Presence,
    pub entropy: Counter,
    pub now_ms: i64,
    pub effects: Vec<Effect>,
}

impl World {
    pub fn new() -> Self {
        let sql = Memory::new();
        schema::migrate(&sql).unwrap();
        let (presence, entropy) = (Presence::default(), Counter::default());
        Self { sql, presence, entropy, now_ms: START_MS, effects: Vec::new() }
    }

    pub fn turn<T>(&mut self, decide: impl FnOnce(&mut Turn<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let mut turn = Turn::new(&self.sql, &mut self.presence, &mut self.entropy, self.now_ms, "ada");
        let decided = decide(&mut turn);
        announce::settle(&mut turn)?;
        self.effects.append(&mut turn.effects);
        decided
    }

    pub fn pass(&mut self, milliseconds: i64) {
        self.now_ms += milliseconds;
    }

    /// The time is over for which news of a resource waits after it was told last.
    pub fn pass_news(&mut self) {
        self.pass(APART_MS);
        self.turn(|_| Ok(())).unwrap();
    }

    pub fn serve(&mut self, command: Command) -> Outcome {
        self.serve_in(None, command)
    }

    pub fn serve_in(&mut self, session_id: Option<&str>, command: Command) -> Outcome {
        self.serve_as(&caller("g-000001"), session_id, command)
    }

    pub fn serve_as(&mut self, caller: &Caller, session_id: Option<&str>, command: Command) -> Outcome {
        self.serve_request(Some(caller.clone()), session_id, command)
    }

    /// The owner asks by the dashboard.
    pub fn serve_owner(&mut self, command: Command) -> Outcome {
        self.serve_request(None, None, command)
    }

    fn serve_request(&mut self, caller: Option<Caller>, session_id: Option<&str>, command: Command) -> Outcome {
        let session_id = session_id.map(str::to_owned);
        let request = Request { user_id: "ada".to_owned(), caller, session_id, trace: Trace::default(), command };
        self.turn(|turn| serve::serve(turn, request)).unwrap()
    }

    /// Calls a bus tool over HTTP; its document, or the reason it was refused.
    pub fn call(&mut self, name: &str, arguments: Value) -> Result<Value, String> {
        self.call_as(&caller("g-000001"), name, arguments)
    }

    pub fn call_as(&mut self, caller: &Caller, name: &str, arguments: Value) -> Result<Value, String> {
        match self.serve_as(caller, None, Command::Tool { name: name.to_owned(), arguments }) {
            Outcome::Reply(Reply::Document { document }) => Ok(document),
            Outcome::Reply(Reply::Rejected { message }) => Err(message),
            other => panic!("a tool call was answered with {other:?}"),
        }
    }

    pub fn dispatch(&mut self, target_uuid: Option<&str>, timeout_ms: i64) -> Outcome {
        self.serve(dispatch_command(target_uuid, timeout_ms))
    }

    /// A dispatch that finds its peer.
    pub fn dispatch_to(&mut self, target_uuid: &str) -> Wait {
        match self.dispatch(Some(target_uuid), 30_000) {
            Outcome::Wait(wait) => wait,
            Outcome::Reply(reply) => panic!("expected a job, got {reply:?}"),
        }
    }

    /// A dispatch that is answered at once.
    pub fn dispatch_in_vain(&mut self, target_uuid: Option<&str>) -> Envelope {
        match self.dispatch(target_uuid, 30_000) {
            Outcome::Reply(Reply::Envelope { envelope }) => *envelope,
            other => panic!("expected an envelope, got {other:?}"),
        }
    }

    /// What a wait comes to that is known to be slow.
    pub fn look(&mut self, wait: &Wait) -> Verdict {
        let mut wait = Wait { is_slow: true, ..wait.clone() };
        self.turn(|turn| wait::look(turn, &mut wait)).unwrap()
    }

    /// The envelope of a wait that is over.
    pub fn answer(&mut self, wait: &Wait) -> Envelope {
        match self.look(wait) {
            Verdict::Answer(Reply::Envelope { envelope }) => *envelope,
            Verdict::Answer(reply) => panic!("expected an envelope, got {reply:?}"),
            Verdict::Slow => panic!("slow a second time"),
            Verdict::Sleep { until_ms } => panic!("still waiting, until {until_ms}"),
        }
    }

    /// A text frame comes in.
    pub fn frame(&mut self, socket_id: &str, text: &str) -> Frame {
        self.frame_as(&caller("g-000001"), socket_id, text)
    }

    pub fn frame_as(&mut self, caller: &Caller, socket_id: &str, text: &str) -> Frame {
        let socket = Socket { socket_id, caller };
        self.turn(|turn| peer::receive(turn, socket, text)).unwrap()
    }

    /// A tool call comes in over a socket; its result.
    pub fn tool(&mut self, socket_id: &str, name: &str, arguments: Value) -> Value {
        self.tool_as(&caller("g-000001"), socket_id, name, arguments)
    }

    pub fn tool_as(&mut self, caller: &Caller, socket_id: &str, name: &str, arguments: Value) -> Value {
        self.effects.clear();
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
                          "params": {"name": name, "arguments": arguments}});
        self.frame_as(caller, socket_id, &call.to_string());
        let answers = self.frames(socket_id);
        answers.iter().find(|frame| frame["id"] == 7).expect("an answer")["result"].clone()
    }

    /// A Blender attaches over a socket and registers.
    pub fn attach(&mut self, socket_id: &str, uuid: &str, capabilities: &[&str]) -> Value {
        let arguments = json!({"client_uuid": uuid, "client_type": "blender", "is_persistent": true,
                               "capabilities": capabilities});
        self.tool(socket_id, "blender_register_client", arguments)["structuredContent"].clone()
    }

    pub fn update(&mut self, socket_id: &str, job_id: &str, status: &str, result: &str) -> Value {
        let arguments = json!({"job_id": job_id, "status": status, "result": result});
        self.tool(socket_id, "blender_job_update", arguments)
    }

    pub fn progress(&mut self, socket_id: &str, job_id: &str, percent: u8) {
        let params = json!({"progressToken": job_id, "progress": percent});
        let frame = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params});
        self.frame(socket_id, &frame.to_string());
    }

    pub fn leave(&mut self, socket_id: &str) {
        self.turn(|turn| sockets::socket_closed(turn, socket_id)).unwrap();
    }

    pub fn alarm(&mut self) {
        self.turn(alarm::alarm).unwrap();
    }

    /// The object was evicted and wakes with the sockets it still has.
    pub fn evict(&mut self, keep: &[(&str, &str)]) {
        let mut presence = Presence::default();
        for (uuid, socket_id) in keep {
            let attached = self.presence.get(uuid).expect("attached before").clone();
            assert_eq!(attached.socket_id, *socket_id);
            presence.attach((*uuid).to_owned(), attached);
        }
        self.presence = presence;
    }

    /// What a socket was sent since effects were last cleared.
    pub fn frames(&self, socket_id: &str) -> Vec<Value> {
        let of_socket = |effect: &Effect| match effect {
            Effect::Send { socket_id: to, frame } if to == socket_id => Some(serde_json::from_str(frame).unwrap()),
            _ => None,
        };
        self.effects.iter().filter_map(of_socket).collect()
    }

    /// The job ids of the records a socket was sent, in order.
    pub fn jobs_sent(&self, socket_id: &str) -> Vec<String> {
        let job = |frame: &Value| frame["params"]["data"]["job_id"].as_str().map(str::to_owned);
        self.frames(socket_id).iter().filter_map(job).collect()
    }
}

/// A caller with every scope, whose grant is no sign-in.
pub fn caller(grant_id: &str) -> Caller {
    Caller {
        grant_id: grant_id.to_owned(),
        username: "ada".to_owned(),
        client_name: "Test Client".to_owned(),
        scopes: Scopes::ALL.into(),
        sign_in: None,
    }
}

pub fn dispatch_command(target_uuid: Option<&str>, timeout_ms: i64) -> Command {
    Command::Dispatch {
        command: "get_scene_info".to_owned(),
        params: json!({}),
        target_uuid: target_uuid.map(str::to_owned),
        timeout_ms,
        or_busy: false,
        request_key: None,
        in_lines: false,
        frame: None,
        task_after_ms: None,
    }
}
