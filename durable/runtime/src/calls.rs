//! Calls into the module and out of it that take their time. `shim.js` says what its functions take.

use core::cell::{Cell, RefCell};
use core::future::Future;
use std::collections::HashMap;

use futures_channel::oneshot;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use worker::wasm_bindgen::JsValue;
use worker::web_sys::Response;
use worker::{Env, Error};

use crate::tasks;

#[wasm_bindgen]
extern "C" {
    /// Both ends of the promise that the caller of an export has.
    pub type Ticket;

    #[wasm_bindgen(method)]
    fn resolve(this: &Ticket, value: &JsValue);

    #[wasm_bindgen(method)]
    fn reject(this: &Ticket, error: &JsValue);
}

#[wasm_bindgen(module = "/src/shim.js")]
extern "C" {
    fn answered(ticket: &Ticket, status: u16, text: &str);

    #[wasm_bindgen(catch, js_name = post)]
    fn send(
        env: &Env,
        binding: &str,
        name: &str,
        url: &str,
        text: &str,
        whole: u16,
        number: u32,
        heard: &Closure<dyn FnMut(u32, u16, JsValue)>,
    ) -> Result<(), JsValue>;

    fn completed(response: &Response, always: &str, in_documents: &str);
}

/// What a call of an export ends with.
pub enum Outcome {
    Done,
    Response(Response),
    /// A response of this status with this JSON.
    Json(u16, String),
}

/// Serves a call of an export, whose caller holds the promise of this ticket. What can be done at once is done at once.
pub fn serve(ticket: Ticket, serving: impl Future<Output = Result<Outcome, Error>> + 'static) {
    tasks::begin(async move {
        match serving.await {
            Ok(Outcome::Done) => ticket.resolve(&JsValue::UNDEFINED),
            Ok(Outcome::Response(response)) => ticket.resolve(&response),
            Ok(Outcome::Json(status, text)) => answered(&ticket, status, &text),
            Err(error) => ticket.reject(&error.into()),
        }
    });
}

/// Adds headers that a response lacks, and more if it is an HTML document: JSON arrays of pairs of a name and a value.
pub fn complete(response: &Response, always: &str, in_documents: &str) {
    completed(response, always, in_documents);
}

type Heard = (u16, JsValue);

thread_local! {
    static WAITING: RefCell<HashMap<u32, oneshot::Sender<Heard>>> = RefCell::default();
    static NEXT: Cell<u32> = const { Cell::new(0) };
    /// One for all calls: each costs three calls out of the module to make and to drop.
    static HEARD: Closure<dyn FnMut(u32, u16, JsValue)> = Closure::new(|number, status, value| {
        if let Some(sender) = WAITING.with_borrow_mut(|waiting| waiting.remove(&number)) {
            tasks::during(|| {
                // Fails if nobody waits any more.
                let _ = sender.send((status, value));
            });
        }
    });
}

/// Forgets a call when nobody waits for it any more.
struct Call(u32);

impl Drop for Call {
    fn drop(&mut self) {
        WAITING.with_borrow_mut(|waiting| waiting.remove(&self.0));
    }
}

/// An object by its binding and its name, and the URL that it takes.
pub struct To<'a> {
    pub binding: &'a str,
    pub name: &'a str,
    pub url: &'a str,
}

/// Sends a text to an object. Returns the status of its answer, and the text of one of the status `whole`; of others the
/// `Response`.
///
/// # Errors
/// What the runtime says against it.
pub async fn post(env: &Env, to: To<'_>, text: &str, whole: u16) -> Result<Heard, Error> {
    let number = NEXT.get();
    NEXT.set(number.wrapping_add(1));
    let (sender, receiver) = oneshot::channel();
    WAITING.with_borrow_mut(|waiting| waiting.insert(number, sender));
    let _call = Call(number);
    HEARD.with(|heard| send(env, to.binding, to.name, to.url, text, whole, number, heard))?;
    match receiver.await {
        Ok((0, error)) => Err(Error::from(error)),
        Ok(heard) => Ok(heard),
        Err(_) => Err(Error::RustError("the call was forgotten".to_owned())),
    }
}
