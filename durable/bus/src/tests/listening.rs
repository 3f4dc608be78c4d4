//! Random histories of clients that listen: sessions with their streams and what they subscribed to, and sockets. Whatever
//! is cut, lost, forgotten or killed, each record arrives, in order, and a change of a resource is heard of.
//!
//! `PROPTEST_CASES` sets how many histories; failures are shrunk and kept in `proptest-regressions/listening.txt`.

use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::clients::streams;
use crate::requests::wait::Outcome;
use crate::rows::sessions;
use crate::tests::world::World;
use crate::turn::effect::Effect;
use crate::turn::news::APART_MS;
use crate::turn::presence::{Presence, Stream};
use crate::wire::command::{Command, Reply};
use crate::wire::topics::{Subscription, Topic};

const CASES: u32 = 2_000;
/// Two clients with a session and a stream, one with a socket that confirms and one with a plain one.
const CLIENTS: usize = 4;
const CONFIRMS: usize = 2;
/// More than this is never on its way at once: at 1,000 the bus may drop what is oldest.
const MOST_UNSEEN: usize = 600;

#[derive(Debug, Clone, Copy)]
enum Op {
    Say {
        client: usize,
        count: usize,
    },
    /// A stream or a socket opens.
    Open {
        client: usize,
    },
    /// It is lost, and with it the last of what went out.
    Lose {
        client: usize,
        frames: usize,
    },
    /// The edge says that a stream was read as far as it was asked; or a socket says something, or confirms.
    Speak {
        client: usize,
    },
    Subscribe {
        session: usize,
        to: usize,
    },
    Pass {
        milliseconds: i64,
    },
    /// The object forgets everything but its open sockets.
    Evict,
    /// The process is killed.
    Crash,
}

fn op() -> impl Strategy<Value = Op> {
    let client = 0..CLIENTS;
    let session = 0..CONFIRMS;
    prop_oneof![
        8 => (client.clone(), prop_oneof![4 => 1_usize..4, 1 => 190_usize..210])
            .prop_map(|(client, count)| Op::Say { client, count }),
        5 => client.clone().prop_map(|client| Op::Open { client }),
        3 => (client.clone(), 0_usize..30).prop_map(|(client, frames)| Op::Lose { client, frames }),
        5 => client.prop_map(|client| Op::Speak { client }),
        3 => (session, 0..CLIENTS).prop_map(|(session, to)| Op::Subscribe { session, to }),
        3 => proptest::sample::select(&[1, 100, APART_MS, 70_000][..]).prop_map(|milliseconds| Op::Pass { milliseconds }),
        2 => any::<bool>().prop_map(|crash| if crash { Op::Crash } else { Op::Evict }),
    ]
}

/// A client as it knows itself, and what it should know.
#[derive(Default)]
struct Client {
    session_id: String,
    socket: Option<String>,
    said: i64,
    /// What came over the socket that is open: place or event id, and number.
    came: Vec<(i64, i64)>,
    /// What came before, over sockets that are gone.
    had: Vec<(i64, i64)>,
    /// How much of what came is known to the bus to have arrived.
    proved: usize,
    /// The edge was asked what has been read.
    asked: bool,
    /// Clients whose inbox the session subscribed to, and whether one changed since it was told.
    unheard: [Option<bool>; CLIENTS],
}

impl Client {
    fn seen(&self) -> usize {
        self.numbers().len()
    }

    /// Numbers in the order in which each came first.
    fn numbers(&self) -> Vec<i64> {
        let mut numbers = Vec::new();
        let all = self.had.iter().chain(&self.came);
        // A socket may bring again what it brought before; a record is known by its number here.
        all.for_each(|(_, number)| {
            if numbers.last().is_none_or(|last| last < number) {
                numbers.push(*number);
            }
        });
        numbers
    }
}

struct History {
    world: World,
    clients: [Client; CLIENTS],
    sockets: u32,
}

type Checked = Result<(), TestCaseError>;

fn name(client: usize) -> String {
    format!("c{client}")
}

impl History {
    fn new() -> Self {
        let mut history = Self { world: World::new(), clients: Default::default(), sockets: 0 };
        for client in 0..CONFIRMS {
            let open = Command::OpenSession { protocol_version: "2025-06-18".to_owned(), client_name: name(client) };
            let Outcome::Reply(Reply::Session { session_id, .. }) = history.world.serve(open) else {
                panic!("no session")
            };
            history.world.serve_in(Some(&session_id), Command::SetLogLevel { level: "debug".to_owned() });
            let arguments = json!({"client_uuid": name(client), "client_type": "llm", "is_persistent": true});
            let register = Command::Tool { name: "blender_register_client".to_owned(), arguments };
            history.world.serve_in(Some(&session_id), register);
            history.clients[client].session_id = session_id;
        }
        for client in CONFIRMS..CLIENTS {
            history.register(client, "first");
            history.world.leave("first");
        }
        history.world.effects.clear();
        history
    }

    fn register(&mut self, client: usize, socket: &str) {
        let capabilities: &[&str] = if client == CONFIRMS { &["record_ack"] } else { &[] };
        let arguments = json!({"client_uuid": name(client), "client_type": "script", "is_persistent": true,
                               "capabilities": capabilities});
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
                          "params": {"name": "blender_register_client", "arguments": arguments}});
        self.world.frame(socket, &call.to_string());
    }

    fn step(&mut self, op: Op) -> Checked {
        match op {
            Op::Say { client, count } => self.say(client, count),
            Op::Open { client } => self.open(client),
            Op::Lose { client, frames } => self.lose(client, frames),
            Op::Speak { client } => self.speak(client),
            Op::Subscribe { session, to } => self.subscribe(session, to),
            Op::Pass { milliseconds } => {
                self.world.pass(milliseconds);
                self.world.turn(|_| Ok(())).unwrap();
            }
            Op::Evict => self.forget(true),
            Op::Crash => self.forget(false),
        }
        self.take();
        self.check()
    }

    fn say(&mut self, client: usize, count: usize) {
        for _ in 0..count {
            if usize::try_from(self.clients[client].said).unwrap() - self.clients[client].seen() >= MOST_UNSEEN {
                return;
            }
            let payload = json!({"n": self.clients[client].said});
            let arguments = json!({"payload": payload, "target_uuid": name(client)});
            self.world.call("blender_send_message", arguments).unwrap();
            self.clients[client].said += 1;
            for session in &mut self.clients[..CONFIRMS] {
                session.unheard[client] = session.unheard[client].map(|_| true);
            }
        }
    }

    fn open(&mut self, client: usize) {
        if self.clients[client].socket.is_some() {
            return;
        }
        self.sockets += 1;
        let socket = format!("w{}", self.sockets);
        self.clients[client].socket = Some(socket.clone());
        if client >= CONFIRMS {
            return self.register(client, &socket);
        }
        let last_event_id = self.clients[client].had.last().map(|(seq, _)| *seq);
        let session_id = self.clients[client].session_id.clone();
        let open = self.world.turn(|turn| {
            let session = sessions::find(turn, &session_id, "g-000001")?.expect("the session is open");
            streams::open(turn, &socket, &session, last_event_id)
        });
        open.unwrap();
    }

    fn lose(&mut self, client: usize, frames: usize) {
        let Some(socket) = self.clients[client].socket.take() else { return };
        self.world.leave(&socket);
        self.gone(client, frames);
    }

    /// The socket is gone, and the last of what went out over it never came. A stream can only be resumed by an event id.
    fn gone(&mut self, client: usize, frames: usize) {
        let known = &mut self.clients[client];
        let least = if client < CONFIRMS { usize::from(known.had.is_empty()) } else { known.proved };
        let kept = known.came.len().saturating_sub(frames).max(least.min(known.came.len()));
        known.came.truncate(kept);
        known.had.append(&mut known.came);
        (known.proved, known.asked) = (0, false);
    }

    fn speak(&mut self, client: usize) {
        let Some(socket) = self.clients[client].socket.clone() else { return };
        if client < CONFIRMS {
            if core::mem::take(&mut self.clients[client].asked) {
                self.world.turn(|turn| streams::read(turn, &socket)).unwrap();
            }
            return;
        }
        let came = self.clients[client].came.len();
        let (frame, proved) = if client == CONFIRMS {
            // Not always all of it.
            let Some((place, _)) = self.clients[client].came.get(came / 2) else { return };
            let params = json!({"place": place.to_string()});
            (json!({"jsonrpc": "2.0", "method": "notifications/received", "params": params}), came / 2 + 1)
        } else {
            (json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}), came)
        };
        self.world.frame(&socket, &frame.to_string());
        self.clients[client].proved = self.clients[client].proved.max(proved);
    }

    fn subscribe(&mut self, session: usize, to: usize) {
        let subscription = Subscription { topic: Topic::Inbox(name(to)), uri: format!("blender://inbox/{to}") };
        let known = &mut self.clients[session];
        known.unheard[to].get_or_insert(false);
        self.world.serve_in(Some(&known.session_id), Command::Subscribe { subscription });
    }

    fn forget(&mut self, keeps_sockets: bool) {
        if keeps_sockets {
            // An object with something to tell is not evicted: its timer keeps it.
            self.world.pass(APART_MS);
            self.world.turn(|_| Ok(())).unwrap();
            self.take();
        }
        let mut presence = Presence::default();
        for client in 0..CLIENTS {
            let Some(socket) = self.clients[client].socket.clone() else { continue };
            if !keeps_sockets {
                self.clients[client].socket = None;
                self.gone(client, 5);
                // What was told to a stream that died with the process may not have arrived, and nobody knows.
                self.clients[client].unheard = self.clients[client].unheard.map(|unheard| unheard.map(|_| false));
            } else if client < CONFIRMS {
                let stream = self.world.presence.stream(&socket).unwrap().clone();
                presence.open_stream(Stream { is_behind: false, ..stream });
            } else {
                presence.attach(name(client), self.world.presence.get(&name(client)).unwrap().clone());
            }
        }
        self.world.presence = presence;
        self.world.turn(streams::wake).unwrap();
    }

    /// What went out comes to whom it was for.
    fn take(&mut self) {
        for effect in core::mem::take(&mut self.world.effects) {
            match effect {
                Effect::Send { socket_id, frame } => self.take_frame(&socket_id, &frame),
                Effect::AskRead { socket_id } => {
                    if let Some(client) = self.of_socket(&socket_id) {
                        self.clients[client].asked = true;
                    }
                }
                _ => {}
            }
        }
    }

    fn of_socket(&self, socket_id: &str) -> Option<usize> {
        self.clients.iter().position(|client| client.socket.as_deref() == Some(socket_id))
    }

    fn take_frame(&mut self, socket_id: &str, frame: &str) {
        let Some(client) = self.of_socket(socket_id) else { return };
        let (id, text) = frame.split_once('\n').unwrap_or(("", frame));
        let message: Value = serde_json::from_str(text).unwrap();
        if message["method"] == "notifications/resources/updated" {
            let of = message["params"]["uri"].as_str().unwrap().strip_prefix("blender://inbox/").unwrap();
            self.clients[client].unheard[of.parse::<usize>().unwrap()] = Some(false);
        }
        let Some(number) = message["params"]["data"]["payload"]["n"].as_i64() else { return };
        let place = message["params"]["_meta"]["blender-bus/place"].as_str().unwrap_or(id);
        self.clients[client].came.push((place.parse().unwrap_or(0), number));
    }

    fn check(&self) -> Checked {
        for (index, client) in self.clients.iter().enumerate() {
            let numbers = client.numbers();
            let expected: Vec<i64> = (0..i64::try_from(numbers.len()).unwrap()).collect();
            if numbers != expected {
                return Err(TestCaseError::fail(format!("{index} got {numbers:?}")));
            }
            let all: Vec<i64> = client.had.iter().chain(&client.came).map(|(_, number)| *number).collect();
            if index < CONFIRMS && all != expected {
                return Err(TestCaseError::fail(format!("stream {index} brought something twice: {all:?}")));
            }
        }
        Ok(())
    }

    /// With a stream or a socket, and time, everybody has everything and has heard of every change.
    fn settle(&mut self) -> Checked {
        for client in 0..CLIENTS {
            self.step(Op::Open { client })?;
            while self.clients[client].asked {
                self.step(Op::Speak { client })?;
            }
        }
        self.step(Op::Pass { milliseconds: APART_MS })?;
        for (index, client) in self.clients.iter().enumerate() {
            if i64::try_from(client.seen()).unwrap() != client.said {
                let (seen, said) = (client.seen(), client.said);
                return Err(TestCaseError::fail(format!("{index} has {seen} of {said} records")));
            }
            if client.unheard.contains(&Some(true)) {
                return Err(TestCaseError::fail(format!("{index} was not told: {:?}", client.unheard)));
            }
        }
        Ok(())
    }
}

fn run(history: &[Op]) -> Checked {
    let mut bus = History::new();
    for (number, op) in history.iter().enumerate() {
        bus.step(*op).map_err(|error| TestCaseError::fail(format!("step {number}, {op:?}: {error}")))?;
    }
    bus.settle()
}

#[test]
fn nothing_is_lost_to_whoever_listens() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let kept = FileFailurePersistence::Direct("proptest-regressions/listening.txt");
    let config = Config { cases, failure_persistence: Some(Box::new(kept)), ..Config::default() };
    let histories = proptest::collection::vec(op(), 1..40);
    let outcome = TestRunner::new(config).run(&histories, |history| run(&history));
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}
