//! Parameters of queries and forms, each of which may be given once.

use crate::http::error::{Code, Error};

/// The longest query of an authorization request, in bytes.
pub const MAX_QUERY_BYTES: usize = 8 * 1024;
const MAX_PARAMETERS: usize = 64;

/// Parameters of a query or form, in order. An empty value counts as absent, and no parameter may be repeated (RFC 6749
/// section 3.1).
#[derive(Debug, Clone, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn parse(encoded: &str) -> Self {
        let pairs = url::form_urlencoded::parse(encoded.as_bytes()).into_owned();
        Self::of(pairs)
    }

    /// Of pairs that are decoded already.
    pub fn of(pairs: impl Iterator<Item = (String, String)>) -> Self {
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
