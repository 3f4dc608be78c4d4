//! The stub of the `Files` object: typed commands, and streams that are passed on unread.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use files::wire::{ASK, Ask, Command, Reply, Request, Who};
use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::Promise;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{ReadableStream, RequestInit as RuntimeRequestInit, Response as RuntimeResponse};
use worker::{Env, Headers, Stub};

use crate::http::error::Error;
use crate::objects::object;

const BINDING: &str = "FILES_OF_USER";

#[wasm_bindgen]
extern "C" {
    /// The stub's `fetch` with URL and options, which the crate does not have.
    type Fetcher;

    #[wasm_bindgen(method, catch)]
    fn fetch(this: &Fetcher, url: &str, init: &RuntimeRequestInit) -> Result<Promise, JsValue>;
}

/// One user's files.
pub struct Files {
    stub: Stub,
    user_id: String,
}

impl Files {
    pub fn of(env: &Env, user_id: &str) -> Result<Self, Error> {
        Ok(Self { stub: env.durable_object(BINDING)?.get_by_name(user_id)?, user_id: user_id.to_owned() })
    }

    pub async fn ask(&self, who: Who, command: Command) -> Result<Reply, Error> {
        let request = Request { user_id: self.user_id.clone(), who, command };
        object::ask(&self.stub, "Files", "https://files/command", &request).await
    }

    /// Sends or gets bytes. The body goes through as it comes; its length, where the client has announced one, too.
    pub async fn stream(
        self,
        method: &str,
        file_id: &str,
        ask: &Ask,
        body: Option<ReadableStream>,
    ) -> Result<RuntimeResponse, Error> {
        let headers = Headers::new();
        headers.set(ASK, &URL_SAFE_NO_PAD.encode(serde_json::to_vec(ask)?))?;
        let init = RuntimeRequestInit::new();
        init.set_method(method);
        init.set_headers(&headers.0);
        if let Some(body) = body {
            init.set_body(&body);
        }
        let stub = JsValue::from(self.stub.into_rpc::<worker::worker_sys::DurableObject>());
        let fetched = stub.unchecked_ref::<Fetcher>().fetch(&format!("https://files/{file_id}"), &init);
        let answered = JsFuture::from(fetched.map_err(worker::Error::from)?).await.map_err(worker::Error::from)?;
        Ok(answered.dyn_into::<RuntimeResponse>().map_err(worker::Error::from)?)
    }
}
