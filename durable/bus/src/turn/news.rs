//! Resources that have changed and that somebody listens to, until it is time to tell. Memory only.
//!
//! The first change is told at once. What changes within `APART_MS` after that is told once when that time is over, so that
//! a listener hears of a resource a few times a second at most, however often it changes.

use std::collections::BTreeMap;

use crate::wire::topics::Topic;

/// How far apart a listener is told of the same resource.
pub const APART_MS: i64 = 250;

/// How long a notice counts as perhaps not received when its stream is lost.
const DOUBTED_MS: i64 = 60_000;

#[derive(Debug, Default)]
pub struct News {
    /// What is to be told, and when. Unix milliseconds.
    due_ms: BTreeMap<Topic, i64>,
    /// When each was told last, while that matters. Unix milliseconds.
    told_ms: BTreeMap<Topic, i64>,
    /// When each stream of a session was told of a topic, by socket and key of the topic. Unix milliseconds.
    sent_ms: BTreeMap<String, BTreeMap<String, i64>>,
}

impl News {
    /// A resource that somebody listens to has changed.
    pub fn note(&mut self, topic: &Topic, now_ms: i64) {
        if !self.due_ms.contains_key(topic) {
            // A clock that was set back must not silence a resource.
            let told_ms = self.told_ms.get(topic).filter(|told_ms| **told_ms <= now_ms);
            let due_ms = told_ms.map_or(now_ms, |told_ms| told_ms.saturating_add(APART_MS).max(now_ms));
            self.due_ms.insert(topic.clone(), due_ms);
        }
    }

    /// What is to be told now; from then on it counts as told.
    pub fn take_due(&mut self, now_ms: i64) -> Vec<Topic> {
        if self.due_ms.is_empty() {
            return Vec::new();
        }
        self.told_ms.retain(|_, told_ms| (0..APART_MS).contains(&now_ms.saturating_sub(*told_ms)));
        let is_due = |due_ms: i64| due_ms <= now_ms || due_ms.saturating_sub(now_ms) > APART_MS;
        let due: Vec<Topic> =
            self.due_ms.iter().filter(|(_, due_ms)| is_due(**due_ms)).map(|(topic, _)| topic.clone()).collect();
        for topic in &due {
            self.due_ms.remove(topic);
            self.told_ms.insert(topic.clone(), now_ms);
        }
        due
    }

    /// When there is something to tell next. Unix milliseconds.
    pub fn next_due(&self) -> Option<i64> {
        self.due_ms.values().min().copied()
    }

    /// A notice went out on a session's stream.
    pub fn sent(&mut self, socket_id: &str, topic: String, now_ms: i64) {
        self.sent_ms.entry(socket_id.to_owned()).or_default().insert(topic, now_ms);
    }

    /// A session's stream has closed: keys of the topics it may not have heard of, because they were told just now or not yet.
    pub fn unheard(&mut self, socket_id: &str, now_ms: i64) -> Vec<String> {
        let sent_ms = self.sent_ms.remove(socket_id).unwrap_or_default();
        let doubted = sent_ms.into_iter().filter(|(_, sent_ms)| now_ms.saturating_sub(*sent_ms) < DOUBTED_MS);
        self.due_ms.keys().map(Topic::key).chain(doubted.map(|(topic, _)| topic)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{APART_MS, News};
    use crate::wire::topics::Topic;

    #[test]
    fn a_first_change_is_told_at_once_and_the_next_ones_together() {
        let mut news = News::default();
        news.note(&Topic::Clients, 1_000);
        assert_eq!(news.take_due(1_000), [Topic::Clients]);
        for now_ms in [1_000, 1_100, 1_249] {
            news.note(&Topic::Clients, now_ms);
            assert_eq!(news.take_due(now_ms), []);
        }
        assert_eq!(news.next_due(), Some(1_000 + APART_MS));
        assert_eq!(news.take_due(1_000 + APART_MS), [Topic::Clients]);
        assert_eq!(news.next_due(), None);
    }

    #[test]
    fn resources_do_not_wait_for_each_other() {
        let mut news = News::default();
        news.note(&Topic::Clients, 1_000);
        assert_eq!(news.take_due(1_000), [Topic::Clients]);
        news.note(&Topic::Jobs, 1_001);
        assert_eq!(news.take_due(1_001), [Topic::Jobs]);
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nothing() {
        let mut news = News::default();
        news.note(&Topic::Clients, 10_000_000);
        news.take_due(10_000_000);
        news.note(&Topic::Clients, 10_000_001);
        assert_eq!(news.take_due(5_000), [Topic::Clients]);
        news.note(&Topic::Clients, 4_000);
        assert_eq!(news.take_due(4_000), [Topic::Clients]);
    }
}
