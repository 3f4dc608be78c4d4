//! Requests that wait in the object for news of a job or an inbox. Memory only: they end with the object.

use core::cell::{Cell, RefCell};
use std::collections::HashMap;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};

/// Who waits for what, by the number of the ticket.
type Waiting = HashMap<String, HashMap<u64, UnboundedSender<()>>>;

#[derive(Default)]
pub struct Waits {
    waiting: RefCell<Waiting>,
    next: Cell<u64>,
}

/// One wait; it ends when this is dropped.
pub struct Ticket<'a> {
    waits: &'a Waits,
    subject: String,
    number: u64,
    /// Yields whenever it is worth looking again.
    pub poked: UnboundedReceiver<()>,
}

impl Waits {
    pub fn begin(&self, subject: &str) -> Ticket<'_> {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        let (sender, poked) = unbounded();
        self.waiting.borrow_mut().entry(subject.to_owned()).or_default().insert(number, sender);
        Ticket { waits: self, subject: subject.to_owned(), number, poked }
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
        let mut waiting = self.waits.waiting.borrow_mut();
        if let Some(tickets) = waiting.get_mut(&self.subject) {
            tickets.remove(&self.number);
            if tickets.is_empty() {
                waiting.remove(&self.subject);
            }
        }
    }
}
