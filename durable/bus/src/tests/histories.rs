//! Random histories of a bus against its model (`model.rs`): after every step the rows, what was sent, what who waits
//! is told and what the cache believes must be what the model says.
//!
//! `PROPTEST_CASES` sets how many histories; failures are shrunk and kept in `proptest-regressions/model.txt`.

use std::collections::BTreeSet;

use kernel::params;
use kernel::storage::Sql;
use proptest::test_runner::{Config, FileFailurePersistence, TestCaseError, TestRunner};
use serde_json::{Value, json};

use crate::requests::wait::{Outcome, Verdict, Wait};
use crate::rows::jobs;
use crate::rows::timers::AT_ONCE;
use crate::tests::model::{Job, Live, Model, PEERS, name};
use crate::tests::ops::{Op, op};
use crate::tests::world::World;
use crate::turn::job::State;
use crate::turn::presence::Presence;
use crate::wire::command::Reply;

const CASES: u32 = 10_000;
const SENDER: &str = "c0";

struct History {
    world: World,
    model: Model,
    sockets: u32,
    sends: u32,
    inbox_seen: i64,
}

type Checked = Result<(), TestCaseError>;

impl History {
    fn new() -> Self {
        let mut world = World::new();
        let sender = json!({"client_uuid": SENDER, "client_type": "script", "is_persistent": true});
        world.call("blender_register_client", sender).unwrap();
        Self { world, model: Model::default(), sockets: 0, sends: 0, inbox_seen: 0 }
    }

    fn new_job(&self, id: String, target: usize, priority: u8, by_sender: bool, wait: Option<Wait>) -> Job {
        let created_ms = self.world.now_ms;
        let (state, result) = (State::Queued, String::new());
        let expires_ms = wait.as_ref().map(|_| created_ms + 30_000 + 60_000);
        Job {
            id,
            target,
            priority,
            state,
            result,
            created_ms,
            changed_ms: created_ms,
            expires_ms,
            by_sender,
            wait,
            unsafe_sends: 0,
        }
    }

    fn step(&mut self, op: Op) -> Checked {
        self.world.effects.clear();
        self.model.sent.clear();
        self.model.heard.clear();
        self.model.now_ms = self.world.now_ms;
        match op {
            Op::Attach { peer, acknowledges } => self.attach(peer, acknowledges),
            Op::Leave { peer } => {
                if let Some(live) = self.model.live.remove(&peer) {
                    self.world.leave(&live.socket);
                }
            }
            Op::LeaveReplaced { peer } => {
                if let Some(socket) = self.model.replaced.remove(&peer) {
                    self.world.leave(&socket);
                }
            }
            Op::Dispatch { peer, count } => (0..count).for_each(|_| self.dispatch(peer)),
            Op::Submit { peer, key } => self.submit(peer, key),
            Op::Send { peer, priority } => self.send(peer, priority),
            Op::Acknowledge { peer, job } => self.acknowledge(peer, job),
            Op::Update { peer, job, status } => self.update(peer, job, status)?,
            Op::UpdateByHttp { job, status } => {
                let Some(at) = self.pick(job) else { return Ok(()) };
                let arguments = json!({"job_id": self.model.jobs[at].id, "status": status, "result": "http"});
                self.world.call("blender_job_update", arguments).unwrap();
                self.model.update(at, status, "http");
            }
            Op::Cancel { job } => {
                let Some(at) = self.pick(job) else { return Ok(()) };
                self.world.call("blender_job_cancel", json!({"job_id": self.model.jobs[at].id})).unwrap();
                self.model.cancel(at);
            }
            Op::Evict => self.evict(true),
            Op::Crash => self.evict(false),
            Op::Pass { milliseconds } => {
                self.world.pass(milliseconds);
                self.alarm();
            }
            Op::Alarm => self.alarm(),
        }
        self.check()
    }

    fn pick(&self, job: usize) -> Option<usize> {
        job.checked_rem(self.model.jobs.len())
    }

    fn attach(&mut self, peer: usize, acknowledges: bool) {
        self.sockets += 1;
        let socket = format!("w{}", self.sockets);
        let capabilities: &[&str] = if acknowledges { &["job_ack"] } else { &[] };
        self.world.attach(&socket, &name(peer), capabilities);
        self.model.attach(peer, Live { socket, acknowledges }, self.world.now_ms);
    }

    fn dispatch(&mut self, peer: usize) {
        match self.world.dispatch(Some(&name(peer)), 30_000) {
            Outcome::Wait(wait) => {
                let job = self.new_job(wait.subject.clone(), peer, 6, false, Some(wait));
                self.model.create(job);
            }
            Outcome::Reply(_) => assert!(!self.model.registered.contains(&peer), "a registered peer got no job"),
        }
    }

    fn submit(&mut self, peer: usize, key: Option<u8>) {
        let key_text = key.map(|key| format!("key-{key}"));
        let arguments = json!({"command": "get_scene_info", "params": {}, "target_uuid": name(peer),
                               "idempotency_key": key_text});
        let answer = self.world.call("blender_submit", arguments).unwrap();
        let known = key.and_then(|key| self.model.keys.get(&key).cloned());
        if let Some(known) = known.filter(|id| self.model.jobs.iter().any(|job| job.id == *id)) {
            assert_eq!((&answer["job_id"], &answer["duplicate"]), (&json!(known), &json!(true)));
            return;
        }
        if !self.model.registered.contains(&peer) {
            assert_eq!(answer["status"], "unknown_target");
            return;
        }
        let id = answer["job_id"].as_str().unwrap().to_owned();
        if let Some(key) = key {
            self.model.keys.insert(key, id.clone());
        }
        let job = self.new_job(id, peer, 6, false, None);
        self.model.create(job);
    }

    fn send(&mut self, peer: usize, priority: u8) {
        self.sends += 1;
        let id = format!("own-{}", self.sends);
        let payload = json!({"message_type": "job_dispatch", "job_id": id, "script": "pass"});
        let arguments = json!({"payload": payload, "target_uuid": name(peer), "priority": priority,
                               "from_uuid": SENDER});
        let answer = self.world.call("blender_send_message", arguments).unwrap();
        if self.model.registered.contains(&peer) {
            let job = self.new_job(id, peer, priority, true, None);
            self.model.create(job);
        } else {
            assert_eq!(answer["status"], "unknown_target");
        }
    }

    fn acknowledge(&mut self, peer: usize, job: usize) {
        let (Some(live), Some(at)) = (self.model.live.get(&peer).cloned(), self.pick(job)) else { return };
        self.world.progress(&live.socket, &self.model.jobs[at].id.clone(), 0);
        if self.model.jobs[at].target == peer && self.model.acknowledge(at) {
            self.model.hear(at, "progress");
        }
    }

    fn update(&mut self, peer: usize, job: usize, status: &str) -> Checked {
        let (Some(live), Some(at)) = (self.model.live.get(&peer).cloned(), self.pick(job)) else { return Ok(()) };
        let (id, ended) = (self.model.jobs[at].id.clone(), self.model.jobs[at].state.is_final());
        let result = format!("{id} by {peer}");
        let arguments = json!({"job_id": id, "status": status, "result": result});
        // Unlike `World::tool`, this keeps the effects of the step.
        let frame = json!({"jsonrpc": "2.0", "id": 9, "method": "tools/call",
                           "params": {"name": "blender_job_update", "arguments": arguments}});
        self.world.frame(&live.socket, &frame.to_string());
        let frames = self.world.frames(&live.socket);
        let answer = &frames.iter().find(|frame| frame["id"] == 9).unwrap()["result"];
        if self.model.jobs[at].target == peer {
            same("duplicate", &answer["structuredContent"]["duplicate"].as_bool().unwrap_or(false), &ended)?;
            self.model.update(at, status, &result);
        } else {
            same("refusal of another's update", &answer["isError"], &json!(true))?;
        }
        Ok(())
    }

    fn evict(&mut self, keeps_sockets: bool) {
        let mut presence = Presence::default();
        if keeps_sockets {
            for peer in self.model.live.keys() {
                presence.attach(name(*peer), self.world.presence.get(&name(*peer)).unwrap().clone());
            }
        } else {
            self.model.live.clear();
            self.model.replaced.clear();
        }
        self.world.presence = presence;
    }

    /// The alarm goes off until nothing is left that was due.
    fn alarm(&mut self) {
        loop {
            let statement = "SELECT kind, subject FROM timers WHERE due <= ? ORDER BY due LIMIT ?";
            let rows = self.world.sql.query(statement, params![self.world.now_ms, AT_ONCE]).unwrap();
            let due: Vec<_> = rows.iter().map(|row| (row.text(0).unwrap(), row.text(1).unwrap())).collect();
            self.world.alarm();
            self.model.alarm(&due, self.world.now_ms);
            if due.len() < usize::try_from(AT_ONCE).unwrap() {
                return;
            }
        }
    }

    fn check(&mut self) -> Checked {
        self.check_rows()?;
        self.check_sent()?;
        self.check_heard()?;
        self.check_cache()?;
        self.check_waits()?;
        self.check_timers()
    }

    fn check_rows(&self) -> Checked {
        let statement = "SELECT job_id, state, CASE state WHEN 'lost' THEN '' ELSE result END FROM jobs ORDER BY seq";
        let rows = self.world.sql.query(statement, &[]).unwrap();
        let found: Vec<_> = rows.iter().map(|row| [0, 1, 2].map(|column| row.text(column).unwrap())).collect();
        let expected: Vec<_> = self
            .model
            .jobs
            .iter()
            .map(|job| [job.id.clone(), job.state.name().to_owned(), job.result.clone()])
            .collect();
        same("rows", &found, &expected)?;
        match self.model.jobs.iter().find(|job| job.unsafe_sends > 1) {
            Some(job) => Err(TestCaseError::fail(format!("a peer without job_ack was sent {} twice", job.id))),
            None => Ok(()),
        }
    }

    fn check_sent(&self) -> Checked {
        let sockets: BTreeSet<&String> = self.model.sent.iter().map(|(socket, _)| socket).collect();
        let live = self.model.live.values().map(|live| &live.socket);
        for socket in sockets.into_iter().chain(live) {
            let of_socket = self.model.sent.iter().filter(|(to, _)| to == socket);
            let expected: Vec<String> = of_socket.map(|(_, job)| job.clone()).collect();
            same("jobs sent", &self.world.jobs_sent(socket), &expected)?;
        }
        Ok(())
    }

    fn check_heard(&mut self) -> Checked {
        let statement = "SELECT seq, message FROM inbox WHERE client_uuid = ? AND seq > ? ORDER BY seq";
        let rows = self.world.sql.query(statement, params![SENDER, self.inbox_seen]).unwrap();
        let mut found = Vec::new();
        for row in &rows {
            self.inbox_seen = row.integer(0).unwrap();
            let message: Value = serde_json::from_str(&row.text(1).unwrap()).unwrap();
            let payload = &message["params"]["data"]["payload"];
            let text = |name: &str| payload[name].as_str().unwrap().to_owned();
            let status = if payload["kind"] == "progress" { "kind" } else { "status" };
            found.push((text("job_id"), text(status)));
        }
        same("updates that the sender hears of", &found, &self.model.heard)
    }

    fn check_cache(&mut self) -> Checked {
        for job in &self.model.jobs {
            let known = self.world.turn(|turn| jobs::find(turn, &job.id)).unwrap().unwrap();
            same("a job as the cache has it", &(known.state, known.result), &(job.state, job.result.clone()))?;
        }
        let open = self.model.jobs.iter().filter(|job| job.state.is_open()).count();
        same("open jobs", &self.world.turn(jobs::open_jobs).unwrap(), &i64::try_from(open).unwrap())?;
        for peer in 0..PEERS {
            let backlog = self.world.turn(|turn| jobs::backlog(turn, &name(peer))).unwrap();
            let queued = i64::try_from(self.model.in_order(peer, State::Queued).len()).unwrap();
            same("backlog", &(backlog.queued, backlog.delivered), &(queued, self.model.delivered(peer)))?;
        }
        Ok(())
    }

    /// Who waits is told the end, once there is one, and never another.
    fn check_waits(&mut self) -> Checked {
        for at in 0..self.model.jobs.len() {
            let job = self.model.jobs[at].clone();
            let Some(wait) = &job.wait else { continue };
            if let Verdict::Answer(Reply::Envelope { envelope }) = self.world.look(wait) {
                self.model.jobs[at].wait = None;
                let status = serde_json::to_value(envelope.status).unwrap();
                let expected = match job.state {
                    State::Lost => "disconnected",
                    state if state.is_final() => state.name(),
                    _ if self.world.now_ms >= wait.deadline_ms => "timeout",
                    _ => "disconnected",
                };
                same("answer", &(status, envelope.result), &(json!(expected), job.result))?;
            } else if !job.state.is_open() {
                return Err(TestCaseError::fail(format!("{} has ended and who waits is not told", job.id)));
            }
        }
        Ok(())
    }

    /// A job that is open has something that will end it or look after it.
    fn check_timers(&self) -> Checked {
        let rows = self.world.sql.query("SELECT kind, subject FROM timers", &[]).unwrap();
        let set: BTreeSet<_> = rows.iter().map(|row| (row.text(0).unwrap(), row.text(1).unwrap())).collect();
        for job in
            self.model.jobs.iter().filter(|job| job.state.is_open() && !self.model.live.contains_key(&job.target))
        {
            let looked_after = set.contains(&("lost".to_owned(), name(job.target)))
                || set.contains(&("retention".to_owned(), String::new()));
            if !looked_after {
                return Err(TestCaseError::fail(format!("{} stays open for ever", job.id)));
            }
        }
        Ok(())
    }
}

fn same<T: PartialEq + core::fmt::Debug>(what: &str, found: &T, expected: &T) -> Checked {
    if found == expected {
        return Ok(());
    }
    Err(TestCaseError::fail(format!("{what}: found {found:?}, the model says {expected:?}")))
}

fn run(history: &[Op]) -> Checked {
    let mut bus = History::new();
    for (number, op) in history.iter().enumerate() {
        bus.step(*op).map_err(|error| TestCaseError::fail(format!("step {number}, {op:?}: {error}")))?;
    }
    Ok(())
}

#[test]
fn no_history_of_a_bus_departs_from_the_model() {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES);
    let kept = FileFailurePersistence::Direct("proptest-regressions/model.txt");
    let config = Config { cases, failure_persistence: Some(Box::new(kept)), ..Config::default() };
    let histories = proptest::collection::vec(op(), 1..24);
    let outcome = TestRunner::new(config).run(&histories, |history| run(&history));
    assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
}
