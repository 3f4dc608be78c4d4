//! Tasks: calls that take their time. One that is begun is polled at once. One that is woken is polled before the call from
//! JavaScript that woke it returns, so that neither costs a promise; where nothing says that such a call is on (`during`), in a
//! promise's reaction.

use core::cell::{Cell, RefCell};
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Waker};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::Wake;

use worker::wasm_bindgen_futures::spawn_local;

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    waker: Waker,
}

thread_local! {
    static WAITING: RefCell<HashMap<u32, Task>> = RefCell::default();
    static WOKEN: RefCell<VecDeque<u32>> = RefCell::default();
    static NEXT: Cell<u32> = const { Cell::new(0) };
    /// Whoever is called will poll what is woken meanwhile.
    static IS_DURING: Cell<bool> = const { Cell::new(false) };
}

/// Wakes the task of this number.
struct Number(u32);

impl Wake for Number {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let is_first = WOKEN.with_borrow_mut(|woken| {
            woken.push_back(self.0);
            woken.len() == 1
        });
        if is_first && !IS_DURING.get() {
            spawn_local(async { during(|| ()) });
        }
    }
}

/// Begins a task, and polls what it wakes.
pub fn begin(future: impl Future<Output = ()> + 'static) {
    let number = NEXT.get();
    NEXT.set(number.wrapping_add(1));
    let task = Task { future: Box::pin(future), waker: Waker::from(Arc::new(Number(number))) };
    during(|| poll(number, task));
}

/// Does this, and polls what it wakes. Calls from JavaScript are not in each other. An exception of JavaScript that leaves one
/// runs none of its destructors, so this trusts no flag that one may have left behind.
pub fn during(call: impl FnOnce()) {
    IS_DURING.set(true);
    call();
    while let Some(number) = WOKEN.with_borrow_mut(VecDeque::pop_front) {
        // None if it has ended: it may be woken several times.
        if let Some(task) = WAITING.with_borrow_mut(|waiting| waiting.remove(&number)) {
            poll(number, task);
        }
    }
    IS_DURING.set(false);
}

fn poll(number: u32, mut task: Task) {
    if task.future.as_mut().poll(&mut Context::from_waker(&task.waker)).is_pending() {
        WAITING.with_borrow_mut(|waiting| waiting.insert(number, task));
    }
}

#[cfg(test)]
mod tests {
    use core::cell::{Cell, RefCell};
    use std::rc::Rc;

    use futures_channel::oneshot::{Sender, channel};

    use super::{IS_DURING, WAITING, WOKEN, begin, during};

    fn left() -> (usize, usize) {
        (WAITING.with_borrow(std::collections::HashMap::len), WOKEN.with_borrow(std::collections::VecDeque::len))
    }

    /// A task that waits for the sender, and then says that it is done.
    fn waiting() -> (Sender<()>, Rc<Cell<bool>>) {
        let (sender, receiver) = channel();
        let done = Rc::new(Cell::new(false));
        let told = Rc::clone(&done);
        begin(async move {
            receiver.await.unwrap();
            told.set(true);
        });
        (sender, done)
    }

    #[test]
    fn a_task_is_polled_at_once() {
        let done = Rc::new(Cell::new(false));
        let told = Rc::clone(&done);
        begin(async move { told.set(true) });
        assert!(done.get());
        assert_eq!(left(), (0, 0));
    }

    #[test]
    fn what_a_call_wakes_is_done_before_it_returns() {
        let said = Rc::new(RefCell::new(Vec::new()));
        let (first, heard_first) = channel::<&str>();
        let (second, heard_second) = channel::<&str>();
        let (one, other) = (Rc::clone(&said), Rc::clone(&said));
        begin(async move {
            let word = heard_second.await.unwrap();
            one.borrow_mut().push(word);
        });
        begin(async move {
            let word = heard_first.await.unwrap();
            other.borrow_mut().push(word);
            second.send("second").unwrap();
        });
        assert_eq!(left(), (2, 0));
        during(|| {
            first.send("first").unwrap();
            assert!(said.borrow().is_empty());
        });
        assert_eq!(*said.borrow(), ["first", "second"]);
        assert_eq!(left(), (0, 0));
    }

    #[test]
    fn a_call_that_was_left_by_an_exception_keeps_no_task_waiting() {
        IS_DURING.set(true);
        let (sender, done) = waiting();
        IS_DURING.set(true);
        sender.send(()).unwrap();
        assert_eq!(left(), (1, 1));
        during(|| ());
        assert!(done.get() && !IS_DURING.get());
    }

    #[test]
    fn a_task_that_wakes_another_as_it_begins_does_not_wait_for_it() {
        let (sender, done) = waiting();
        begin(async move { sender.send(()).unwrap() });
        assert!(done.get());
        assert_eq!(left(), (0, 0));
    }
}
