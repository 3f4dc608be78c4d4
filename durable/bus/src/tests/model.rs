//! What a bus is meant to do, in a few dozen lines: jobs and peers in memory, without rows, timers or a cache.
use std::collections::{BTreeMap, BTreeSet};

use crate::delivery::window::WINDOW;
use crate::requests::wait::Wait;
use crate::rows::jobs;
use crate::turn::job::State;

pub const PEERS: usize = 3;

/// A job as the model has it.
#[derive(Debug, Clone)]
pub struct Job {
    pub id: String,
    pub target: usize,
    pub priority: u8,
    pub state: State,
    pub result: String,
    pub created_ms: i64,
    pub by_sender: bool,
    pub wait: Option<Wait>,
    /// How often it went out to a peer that does not promise to run nothing twice.
    pub unsafe_sends: u32,
}

#[derive(Debug, Clone)]
pub struct Live {
    pub socket: String,
    pub acknowledges: bool,
}

#[derive(Default)]
pub struct Model {
    pub jobs: Vec<Job>,
    pub live: BTreeMap<usize, Live>,
    pub replaced: BTreeMap<usize, String>,
    pub registered: BTreeSet<usize>,
    pub keys: BTreeMap<u8, String>,
    /// What must go out in this step: socket and job, in order for each socket.
    pub sent: Vec<(String, String)>,
    /// Updates that the sender must hear of in this step: job and status.
    pub heard: Vec<(String, String)>,
}

pub fn name(peer: usize) -> String {
    format!("p{peer}")
}

impl Model {
    pub fn create(&mut self, mut job: Job) {
        let live = self.live.get(&job.target).cloned();
        job.state = match &live {
            None => State::Queued,
            Some(live) if !live.acknowledges => State::Running,
            Some(_) if self.delivered(job.target) < WINDOW => State::Delivered,
            Some(_) => State::Queued,
        };
        if let (Some(live), true) = (&live, job.state != State::Queued) {
            job.unsafe_sends += u32::from(!live.acknowledges);
            self.sent.push((live.socket.clone(), job.id.clone()));
        }
        self.jobs.push(job);
    }

    pub fn delivered(&self, peer: usize) -> i64 {
        let count = self.jobs.iter().filter(|job| job.target == peer && job.state == State::Delivered).count();
        i64::try_from(count).unwrap()
    }

    /// Positions of a peer's jobs in this state, most urgent first.
    pub fn in_order(&self, peer: usize, state: State) -> Vec<usize> {
        let mut found: Vec<usize> =
            (0..self.jobs.len()).filter(|at| self.jobs[*at].target == peer && self.jobs[*at].state == state).collect();
        found.sort_by_key(|at| (self.jobs[*at].priority, *at));
        found
    }

    pub fn attach(&mut self, peer: usize, live: Live) {
        self.registered.insert(peer);
        if let Some(older) = self.live.insert(peer, live.clone()) {
            self.replaced.insert(peer, older.socket);
        }
        for at in self.in_order(peer, State::Delivered) {
            if live.acknowledges {
                self.sent.push((live.socket.clone(), self.jobs[at].id.clone()));
            } else {
                self.jobs[at].state = State::Running;
            }
        }
        self.refill(peer);
    }

    pub fn refill(&mut self, peer: usize) {
        let Some(live) = self.live.get(&peer).cloned() else { return };
        for at in self.in_order(peer, State::Queued) {
            if live.acknowledges && self.delivered(peer) >= WINDOW {
                break;
            }
            let job = &mut self.jobs[at];
            job.state = if live.acknowledges { State::Delivered } else { State::Running };
            job.unsafe_sends += u32::from(!live.acknowledges);
            self.sent.push((live.socket.clone(), job.id.clone()));
        }
    }

    /// Whether it was news.
    pub fn acknowledge(&mut self, at: usize) -> bool {
        let news = matches!(self.jobs[at].state, State::Queued | State::Delivered);
        if news {
            self.jobs[at].state = State::Running;
            self.refill(self.jobs[at].target);
        }
        news
    }

    pub fn update(&mut self, at: usize, status: &str, result: &str) {
        if self.jobs[at].state.is_final() {
            return;
        }
        match State::of_update(status) {
            Some(state) => self.end(at, state, result),
            None => {
                self.acknowledge(at);
                self.hear(at, status);
            }
        }
    }

    pub fn end(&mut self, at: usize, state: State, result: &str) {
        self.jobs[at].state = state;
        self.jobs[at].result = result.to_owned();
        self.hear(at, state.name());
        self.refill(self.jobs[at].target);
    }

    pub fn hear(&mut self, at: usize, status: &str) {
        if self.jobs[at].by_sender {
            self.heard.push((self.jobs[at].id.clone(), status.to_owned()));
        }
    }

    /// What is due happens: the timers are the bus's own, what they lead to is the model's.
    pub fn alarm(&mut self, due: &[(String, String)], now_ms: i64) {
        for (kind, subject) in due {
            match kind.as_str() {
                "lost" => {
                    let Some(peer) = (0..PEERS).find(|peer| name(*peer) == *subject) else { continue };
                    if !self.live.contains_key(&peer) {
                        for at in 0..self.jobs.len() {
                            if self.jobs[at].target == peer && self.jobs[at].state.is_open() {
                                self.end(at, State::Lost, "");
                            }
                        }
                    }
                }
                "retention" => {
                    let kept = |job: &Job| job.state.is_open() || job.created_ms >= now_ms - jobs::KEPT_MS;
                    self.jobs.retain(kept);
                }
                _ => {}
            }
        }
    }
}
