//! Requests that wait in the object for news of a job or an inbox. Memory only: they end with the object.

use core::cell::{Cell, RefCell};
use std::collections::HashMap;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};

/// Who waits for what, by the number of the ticket.
type Waiting = HashMap<String, HashMap<u64, UnboundedSender<()>>>;
/// Under which key a request waits, and for what.
type Keys = HashMap<String, String>;

#[derive(Default)]
pub struct Waits {
    waiting: RefCell<Waiting>,
    keys: RefCell<Keys>,
    next: Cell<u64>,
}

/// One wait; it ends when this is dropped.
pub struct Ticket<'a> {
    waits: &'a Waits,
    subject: String,
    number: u64,
    key: Option<String>,
    /// Yields whenever it is worth looking again.
    pub poked: UnboundedReceiver<()>,
}

impl Waits {
    /// A wait for news of the subject, to be found by its key while it lasts.
    pub fn begin(&self, subject: &str, key: Option<String>) -> Ticket<'_> {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        let (sender, poked) = unbounded();
        self.waiting.borrow_mut().entry(subject.to_owned()).or_default().insert(number, sender);
        if let Some(key) = key.clone() {
            self.keys.borrow_mut().insert(key, subject.to_owned());
        }
        Ticket { waits: self, subject: subject.to_owned(), number, key, poked }
    }

    /// What the request of this key waits for, if it still does.
    pub fn subject_of(&self, key: &str) -> Option<String> {
        self.keys.borrow().get(key).cloned()
    }

    /// How many requests wait.
    pub fn count(&self) -> usize {
        self.waiting.borrow().values().map(HashMap::len).fold(0, usize::saturating_add)
    }

    /// There is news of the subject.
    pub fn poke(&self, subject: &str) {
        if let Some(tickets) = self.waiting.borrow().get(subject) {
            poke(tickets);
        }
    }

    /// A peer has come or gone.
    pub fn poke_all(&self) {
        self.waiting.borrow().values().for_each(poke);
    }
}

fn poke(tickets: &HashMap<u64, UnboundedSender<()>>) {
    for sender in tickets.values() {
        // Fails only for a ticket that is just being dropped.
        let _ = sender.unbounded_send(());
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.waits.keys.borrow_mut().remove(key);
        }
        let mut waiting = self.waits.waiting.borrow_mut();
        if let Some(tickets) = waiting.get_mut(&self.subject) {
            tickets.remove(&self.number);
            if tickets.is_empty() {
                waiting.remove(&self.subject);
            }
        }
    }
}
