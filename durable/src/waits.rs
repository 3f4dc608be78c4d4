//! Requests that wait in the object for a job to end. Memory only: they end with the object.

use core::cell::{Cell, RefCell};
use std::collections::HashMap;

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};

type Waiting = HashMap<u64, (String, UnboundedSender<()>)>;

#[derive(Default)]
pub struct Waits {
    waiting: RefCell<Waiting>,
    next: Cell<u64>,
}

/// One wait; it ends when this is dropped.
pub struct Ticket<'a> {
    waits: &'a Waits,
    number: u64,
    /// Yields whenever it is worth looking again.
    pub poked: UnboundedReceiver<()>,
}

impl Waits {
    pub fn begin(&self, job_id: &str) -> Ticket<'_> {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        let (sender, poked) = unbounded();
        self.waiting.borrow_mut().insert(number, (job_id.to_owned(), sender));
        Ticket { waits: self, number, poked }
    }

    /// The job has ended.
    pub fn poke(&self, job_id: &str) {
        for (waited, sender) in self.waiting.borrow().values() {
            if waited == job_id {
                // The receiver lives as long as its entry.
                let _ = sender.unbounded_send(());
            }
        }
    }

    /// A peer has come or gone.
    pub fn poke_all(&self) {
        for (_, sender) in self.waiting.borrow().values() {
            let _ = sender.unbounded_send(());
        }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.waits.waiting.borrow_mut().remove(&self.number);
    }
}
