//! The one object that collects what buses and isolates of the edge have counted.
//!
//! `POST` takes a `metrics::tally::Report`, `GET` is answered with a scrape. Both come from this server only.

use ::metrics::store::{METRICS, take, totals};
use ::metrics::text;
use kernel::json;
use kernel::migrate::migrate;
use kernel::storage::StorageError;
use worker::{DurableObject, Env, Method, Request, Response, Result, State, console_error, durable_object};

use crate::sqlite::ObjectSql;

#[durable_object(fetch)]
pub struct Metrics {
    state: State,
}

impl DurableObject for Metrics {
    fn new(state: State, _env: Env) -> Self {
        Self { state }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let sql = ObjectSql(self.state.storage().sql());
        let answered = if request.method() == Method::Get {
            migrate(&sql, METRICS).and_then(|()| totals(&sql)).map(|totals| text::of(&totals))
        } else {
            let report = json::read(&request.bytes().await?)?;
            migrate(&sql, METRICS).and_then(|()| take(&sql, &report)).map(|()| String::new())
        };
        answered.map_or_else(failed, Response::ok)
    }
}

fn failed(error: StorageError) -> Result<Response> {
    console_error!("metrics: {error}");
    Response::error("metrics unavailable", 500)
}
