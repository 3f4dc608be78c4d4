//! Counting in an object, until a report is due.

use core::cell::{Cell, RefCell};

use ::metrics::families::Family;
use ::metrics::tally::Tally;

#[derive(Default)]
pub struct Counting {
    pub tally: RefCell<Tally>,
    /// A report is waited for.
    pub reporting: Cell<bool>,
}

impl Counting {
    pub fn count(&self, family: &Family, label: &str) {
        self.tally.borrow_mut().count(family, label);
    }

    pub fn time(&self, family: &Family, took_ms: i64) {
        self.tally.borrow_mut().time(family, took_ms);
    }
}
