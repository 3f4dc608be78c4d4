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
    /// When its state last changed.
    pub changed_ms: i64,
    /// When it is lost unless a peer has taken it.
    pub expires_ms: Option<i64>,
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
    pub now_ms: i64,
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

    pub fn attach(&mut self, peer: usize, live: Live, now_ms: i64) {
        self.now_ms = now_ms;
        self.registered.insert(peer);
        if let Some(older) = self.live.insert(peer, live.clone()) {
            self.replaced.insert(peer, older.socket);
        }
        for at in self.expired(|job| job.target == peer) {
            self.finish(at, State::Lost, "");
        }
        for at in self.in_order(peer, State::Delivered) {
            if live.acknowledges {
                self.sent.push((live.socket.clone(), self.jobs[at].id.clone()));
            } else {
                self.jobs[at].state = State::Running;
                self.jobs[at].changed_ms = self.now_ms;
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
            job.changed_ms = self.now_ms;
            job.unsafe_sends += u32::from(!live.acknowledges);
            self.sent.push((live.socket.clone(), job.id.clone()));
        }
    }

    /// Whether it was news.
    pub fn acknowledge(&mut self, at: usize) -> bool {
        let news = matches!(self.jobs[at].state, State::Queued | State::Delivered);
        if news {
            self.jobs[at].state = State::Running;
            self.jobs[at].changed_ms = self.now_ms;
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
        self.finish(at, state, result);
        self.refill(self.jobs[at].target);
    }

    fn finish(&mut self, at: usize, state: State, result: &str) {
        self.jobs[at].state = state;
        self.jobs[at].result = result.to_owned();
        self.hear(at, state.name());
    }

    /// Jobs that nobody has taken in time, in order of arrival.
    fn expired(&self, of: impl Fn(&Job) -> bool) -> Vec<usize> {
        let untaken = |job: &Job| matches!(job.state, State::Queued | State::Delivered);
        let over = |job: &Job| job.expires_ms.is_some_and(|expires_ms| expires_ms <= self.now_ms);
        (0..self.jobs.len())
            .filter(|at| of(&self.jobs[*at]) && untaken(&self.jobs[*at]) && over(&self.jobs[*at]))
            .collect()
    }

    pub fn cancel(&mut self, at: usize) {
        let job = &self.jobs[at];
        let away = !self.live.contains_key(&job.target);
        if job.state == State::Queued || (job.state.is_open() && away) {
            self.end(at, State::Cancelled, "");
        }
    }

    pub fn hear(&mut self, at: usize, status: &str) {
        if self.jobs[at].by_sender {
            self.heard.push((self.jobs[at].id.clone(), status.to_owned()));
        }
    }

    /// What is due happens: the timers are the bus's own, what they lead to is the model's.
    pub fn alarm(&mut self, due: &[(String, String)], now_ms: i64) {
        self.now_ms = now_ms;
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
                "unanswered" => {
                    let (left_ms, uuid) = subject.split_once(' ').unwrap();
                    let left_ms: i64 = left_ms.parse().unwrap();
                    for at in 0..self.jobs.len() {
                        let job = &self.jobs[at];
                        if name(job.target) == uuid && job.state == State::Running && job.changed_ms <= left_ms {
                            self.end(at, State::Lost, "");
                        }
                    }
                }
                "untaken" => {
                    let untaken = |job: &Job| matches!(job.state, State::Queued | State::Delivered);
                    if let Some(at) = (0..self.jobs.len()).find(|at| self.jobs[*at].id == *subject)
                        && untaken(&self.jobs[at])
                    {
                        self.end(at, State::Lost, "");
                    }
                }
                "retention" => {
                    for at in self.expired(|_| true) {
                        self.end(at, State::Lost, "");
                    }
                    let kept = |job: &Job| job.state.is_open() || job.created_ms >= now_ms - jobs::KEPT_MS;
                    self.jobs.retain(kept);
                }
                _ => {}
            }
        }
    }
}
