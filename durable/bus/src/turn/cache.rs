//! An in-memory cache of the bus's rows. This object is their only writer, and each write goes to the rows first and
//! then here, so the cache is never stale. What is not here is read from the rows: losing all of it costs time and
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crate::turn::job::{Job, State};

/// How many entries of one kind are kept. Beyond that all of them are dropped and read again.
const MAX_ENTRIES: usize = 2_000;

/// Jobs of one client that wait for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    pub queued: i64,
    /// Sent, and not yet acknowledged.
    pub delivered: i64,
}

/// Records that are kept for one client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    pub count: i64,
    pub bytes: i64,
}

#[derive(Debug, Default)]
pub struct Cache {
    /// Open jobs of the whole bus.
    open: Option<i64>,
    backlog: BTreeMap<String, Backlog>,
    /// Jobs that a request waits for, as their rows are now.
    awaited: BTreeMap<String, Job>,
    revoked: Option<BTreeSet<String>>,
    /// The retention timer is set.
    retention: bool,
    /// When `last_seen` of each caller was last written. Unix milliseconds.
    callers: BTreeMap<String, i64>,
    kept: BTreeMap<String, Kept>,
    /// Topics of which every subscribed session is told already, or has a stream, or will be told by its next one.
    marked: BTreeSet<String>,
}

impl Cache {
    /// A request waits for this job, which has just been written.
    pub fn await_job(&mut self, job: Job) {
        if self.awaited.len() < MAX_ENTRIES {
            self.awaited.insert(job.job_id.clone(), job);
        }
    }

    /// Nothing waits for the job any more. Returns its cached state.
    pub fn forget_job(&mut self, job_id: &str) -> Option<Job> {
        self.awaited.remove(job_id)
    }

    /// Rows of ended jobs may have gone.
    pub fn forget_ended_jobs(&mut self) {
        self.awaited.retain(|_, job| job.state.is_open());
    }

    pub fn job(&self, job_id: &str) -> Option<&Job> {
        self.awaited.get(job_id)
    }

    /// The row of a job has changed.
    pub fn change_job(&mut self, job_id: &str, change: impl FnOnce(&mut Job)) {
        if let Some(job) = self.awaited.get_mut(job_id) {
            change(job);
        }
    }

    /// A job of this client was made (`from` is none) or has changed its state.
    pub fn count(&mut self, target_uuid: Option<&str>, from: Option<State>, to: State) {
        let open = |state: State| i64::from(state.is_open());
        let change = open(to).saturating_sub(from.map_or(0, open));
        self.open = self.open.map(|count| count.saturating_add(change));
        if let Some(backlog) = target_uuid.and_then(|uuid| self.backlog.get_mut(uuid)) {
            let is = |state: Option<State>, wanted| i64::from(state == Some(wanted));
            let moved = |wanted| is(Some(to), wanted).saturating_sub(is(from, wanted));
            backlog.queued = backlog.queued.saturating_add(moved(State::Queued));
            backlog.delivered = backlog.delivered.saturating_add(moved(State::Delivered));
        }
    }

    /// Open jobs of the whole bus, if they were counted.
    pub fn open_jobs(&self) -> Option<i64> {
        self.open
    }

    pub fn note_open_jobs(&mut self, count: i64) {
        self.open = Some(count);
    }

    pub fn backlog(&self, client_uuid: &str) -> Option<Backlog> {
        self.backlog.get(client_uuid).copied()
    }

    pub fn note_backlog(&mut self, client_uuid: &str, backlog: Backlog) {
        if self.backlog.len() >= MAX_ENTRIES {
            self.backlog.clear();
        }
        self.backlog.insert(client_uuid.to_owned(), backlog);
    }

    /// Grants whose tokens are refused, if they were read.
    pub fn revoked(&self) -> Option<&BTreeSet<String>> {
        self.revoked.as_ref()
    }

    pub fn note_revoked(&mut self, grants: BTreeSet<String>) {
        self.revoked = Some(grants);
    }

    pub fn retention_is_set(&self) -> bool {
        self.retention
    }

    pub fn note_retention(&mut self, set: bool) {
        self.retention = set;
    }

    /// Whether `last_seen` of this caller was written less than `age_ms` ago.
    pub fn is_noted(&self, uuid: &str, age_ms: i64, now_ms: i64) -> bool {
        self.callers.get(uuid).is_some_and(|noted| (0..age_ms).contains(&now_ms.saturating_sub(*noted)))
    }

    pub fn note_caller(&mut self, uuid: &str, now_ms: i64) {
        if self.callers.len() >= MAX_ENTRIES {
            self.callers.clear();
        }
        self.callers.insert(uuid.to_owned(), now_ms);
    }

    /// A client's row has gone.
    pub fn forget_caller(&mut self, uuid: &str) {
        self.callers.remove(uuid);
    }

    pub fn forget_revoked(&mut self) {
        self.revoked = None;
    }

    /// What is kept for a client, if it was counted.
    pub fn kept(&self, client_uuid: &str) -> Option<Kept> {
        self.kept.get(client_uuid).copied()
    }

    pub fn note_kept(&mut self, client_uuid: &str, kept: Kept) {
        if self.kept.len() >= MAX_ENTRIES && !self.kept.contains_key(client_uuid) {
            self.kept.clear();
        }
        self.kept.insert(client_uuid.to_owned(), kept);
    }

    /// Records of any client may have gone.
    pub fn forget_kept(&mut self) {
        self.kept.clear();
    }

    /// Whether a change of this topic needs no further row to be remembered.
    pub fn is_marked(&self, topic: &str) -> bool {
        self.marked.contains(topic)
    }

    pub fn mark(&mut self, topic: String) {
        if self.marked.len() >= MAX_ENTRIES {
            self.marked.clear();
        }
        self.marked.insert(topic);
    }

    /// A session has subscribed, or has lost its stream.
    pub fn unmark(&mut self) {
        self.marked.clear();
    }
}
