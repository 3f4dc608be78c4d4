//! Sleeping in an object. All sleepers share one timer of the runtime, set for the earliest. Most are woken long before
//! they are due, so setting and clearing a timer for each would cost more than the wait itself.

use core::cell::{Cell, RefCell};
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::Waker;

use runtime::now_ms;
use worker::Delay;
use worker::wasm_bindgen_futures::spawn_local;

/// The timer is never set for longer: an object is not evicted while a timer is set, even if nobody sleeps any more.
const LONGEST_MS: i64 = 2_000;

/// When one is due (Unix milliseconds), and a number that no other has.
type Key = (i64, u64);

#[derive(Default)]
pub struct Sleepers {
    asleep: RefCell<BTreeMap<Key, Waker>>,
    next: Cell<u64>,
    /// For when the timer is set that goes off first. Unix milliseconds.
    armed_ms: Cell<Option<i64>>,
}

/// Sleeps until its time has come; nothing is left of it when it is dropped.
pub struct Sleep {
    sleepers: Rc<Sleepers>,
    key: Key,
    /// Since when it sleeps. Unix milliseconds.
    since_ms: i64,
    has_begun: bool,
}

impl Sleepers {
    /// Sleeps until then, or a little longer, from now on.
    pub fn until(self: &Rc<Self>, due_ms: i64, now_ms: i64) -> Sleep {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        Sleep { sleepers: Rc::clone(self), key: (due_ms, number), since_ms: now_ms, has_begun: false }
    }

    /// Sleeps for so many milliseconds.
    pub fn pause(self: &Rc<Self>, ms: i64) -> Sleep {
        let now_ms = now_ms();
        self.until(now_ms.saturating_add(ms), now_ms)
    }

    /// Makes sure that a timer goes off by then, or earlier and is set again.
    fn arm(self: &Rc<Self>, due_ms: i64, now_ms: i64) {
        let at_ms = due_ms.min(now_ms.saturating_add(LONGEST_MS));
        if self.armed_ms.get().is_some_and(|armed_ms| armed_ms <= at_ms) {
            return;
        }
        self.armed_ms.set(Some(at_ms));
        let sleepers = Rc::clone(self);
        // One more millisecond, so that a timer that fires early does not spin.
        let left = u64::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(0).saturating_add(1);
        spawn_local(async move {
            Delay::from(Duration::from_millis(left)).await;
            sleepers.fired(at_ms);
        });
    }

    fn fired(self: &Rc<Self>, at_ms: i64) {
        if self.armed_ms.get() == Some(at_ms) {
            self.armed_ms.set(None);
        }
        let now_ms = now_ms();
        // The timer has fired and the time is before its due time: the clock was set back. Wake everybody.
        let is_set_back = now_ms.saturating_add(LONGEST_MS) < at_ms;
        let due_ms = if is_set_back { i64::MAX } else { now_ms.saturating_add(1) };
        let later = self.asleep.borrow_mut().split_off(&(due_ms, 0));
        let due = self.asleep.replace(later);
        due.into_values().for_each(Waker::wake);
        let first = self.asleep.borrow().keys().next().copied();
        if let Some((due_ms, _)) = first {
            self.arm(due_ms, now_ms);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // At first the clock shows what it did when this was made, or little more.
        let now_ms = if self.has_begun { now_ms() } else { self.since_ms };
        self.has_begun = true;
        if self.key.0 <= now_ms || now_ms < self.since_ms {
            return Poll::Ready(());
        }
        self.sleepers.asleep.borrow_mut().insert(self.key, context.waker().clone());
        self.sleepers.arm(self.key.0, now_ms);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.sleepers.asleep.borrow_mut().remove(&self.key);
    }
}
