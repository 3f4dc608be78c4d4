//! Asking other servers for no longer than one is willing to wait.

use core::pin::pin;
use core::time::Duration;

use futures_util::future::{Either, select};
use worker::{AbortController, AbortSignal, Delay};

/// Runs `ask` for at most `patience`. Returns `None` after that, and aborts what `ask` fetches with the signal.
pub async fn within<T>(patience: Duration, ask: impl AsyncFnOnce(&AbortSignal) -> T) -> Option<T> {
    let controller = AbortController::default();
    let signal = controller.signal();
    let answer = pin!(ask(&signal));
    match select(answer, Delay::from(patience)).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => {
            controller.abort();
            None
        }
    }
}
