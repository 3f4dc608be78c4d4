//! The stub of the object that collects what is counted.

use metrics::tally::Report;
use worker::{Env, Method, Request, Stub};

use crate::http::error::Error;
use crate::objects::object::post;

fn collector(env: &Env) -> Result<Stub, Error> {
    Ok(env.durable_object("METRICS")?.get_by_name("metrics")?)
}

/// What the server has counted, as OpenMetrics text.
pub async fn scrape(env: &Env) -> Result<String, Error> {
    let mut answer = collector(env)?.fetch_with_request(Request::new("https://metrics/", Method::Get)?).await?;
    if answer.status_code() != 200 {
        return Err(Error::Object("Metrics", answer.status_code()));
    }
    Ok(answer.text().await?)
}

pub async fn report(env: &Env, report: &Report) -> Result<(), Error> {
    post(&collector(env)?, "Metrics", "https://metrics/report", report).await.map(|_| ())
}
