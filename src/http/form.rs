//! Reading what was sent: bodies with a limit, and parameters that may be given once.

use futures_util::StreamExt;
use worker::{ByteStream, Method, Request};

use crate::http::error::{Code, Error};

/// No request of these endpoints is longer.
pub const MAX_BODY_BYTES: usize = 16 * 1024;
/// A whole authorization request.
pub const MAX_QUERY_BYTES: usize = 8 * 1024;
const MAX_PARAMETERS: usize = 64;

/// Parameters of a query or form, in their order (RFC 6749 section 3.1: an empty value counts as absent, and none may
/// be given twice).
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn parse(encoded: &str) -> Self {
        let pairs = url::form_urlencoded::parse(encoded.as_bytes()).into_owned();
        Self(pairs.filter(|(_, value)| !value.is_empty()).take(MAX_PARAMETERS).collect())
    }

    pub fn optional(&self, name: &str) -> Result<Option<&str>, Error> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Error::new(Code::InvalidRequest, format!("{name} is given more than once"))),
            (value, None) => Ok(value),
        }
    }

    pub fn required(&self, name: &str) -> Result<&str, Error> {
        self.optional(name)?.ok_or_else(|| Error::new(Code::InvalidRequest, format!("{name} is missing")))
    }

    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// The body, at most `MAX_BODY_BYTES`.
pub async fn body(request: &mut Request) -> Result<Vec<u8>, Error> {
    body_within(request, MAX_BODY_BYTES).await
}

async fn body_within(request: &mut Request, limit: usize) -> Result<Vec<u8>, Error> {
    let too_large = || Error::new(Code::TooLarge, format!("the body is larger than the {limit} bytes that are read"));
    let declared = request.headers().get("content-length")?.and_then(|length| length.parse::<usize>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    if declared == Some(0) || request.inner().body().is_none() {
        return Ok(Vec::new());
    }
    bounded(request.stream()?, limit).await?.ok_or_else(too_large)
}

/// All of a stream; nothing if it has more than `limit` bytes, of which no more than one chunk beyond it is ever held.
pub async fn bounded(mut stream: ByteStream, limit: usize) -> worker::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend(chunk?);
        if bytes.len() > limit {
            return Ok(None);
        }
    }
    Ok(Some(bytes))
}

pub async fn form(request: &mut Request) -> Result<Parameters, Error> {
    form_within(request, MAX_BODY_BYTES).await
}

/// A form that may be longer, or must be shorter, than others.
pub async fn form_within(request: &mut Request, limit: usize) -> Result<Parameters, Error> {
    expect_type(request, "application/x-www-form-urlencoded")?;
    let body = String::from_utf8(body_within(request, limit).await?)
        .map_err(|_| Error::new(Code::InvalidRequest, "the body is not UTF-8"))?;
    Ok(Parameters::parse(&body))
}

pub async fn json<T: serde::de::DeserializeOwned>(request: &mut Request, refusal: Code) -> Result<T, Error> {
    expect_type(request, "application/json")?;
    serde_json::from_slice(&body(request).await?)
        .map_err(|error| Error::new(refusal, format!("the body is not the JSON object expected here: {error}")))
}

pub fn expect_method(request: &Request, allowed: &[Method], names: &'static str) -> Result<(), Error> {
    if allowed.contains(&request.method()) {
        return Ok(());
    }
    Err(Error::new(Code::MethodNotAllowed(names), format!("the method must be {names}")))
}

fn expect_type(request: &Request, expected: &str) -> Result<(), Error> {
    let given = request.headers().get("content-type")?.unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Error::new(Code::UnsupportedMediaType, format!("the content type must be {expected}")))
}

#[cfg(test)]
mod tests {
    use super::{MAX_PARAMETERS, Parameters};

    #[test]
    fn a_parameter_may_be_given_once() {
        let parameters = Parameters::parse("a=1&b=2&b=2&c=");
        assert_eq!(parameters.optional("a").unwrap(), Some("1"));
        assert!(parameters.optional("b").is_err());
        assert!(parameters.required("c").is_err());
        assert_eq!(parameters.optional("d").unwrap(), None);
    }

    #[test]
    fn no_more_parameters_are_kept_than_any_request_has() {
        assert_eq!(Parameters::parse(&"a=1&".repeat(5000)).all("a").count(), MAX_PARAMETERS);
    }
}
