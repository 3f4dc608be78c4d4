//! Rate limits by client address. The bindings count per location and approximately; failed logins are counted exactly,
//! by each account.

use worker::{Env, Method, Request, console_error, console_log};

use crate::http::error::{Code, Error};

/// The header with the client's address, set by the platform. Local runs have none, so nothing is limited there.
const ADDRESS: &str = "cf-connecting-ip";

/// How often one address may request a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    None,
    /// Counted by the binding `OAUTH_LIMIT`, for what programs ask often.
    Requests,
    /// Counted by the binding `LOGIN_LIMIT`, which is stricter, for what a person does.
    Logins,
    /// The same, counting only POST requests.
    LoginPosts,
}

/// Counts a request against its limit. Without the binding nothing is limited.
///
/// # Errors
/// 429 if the address has sent too many.
pub async fn check(request: &Request, env: &Env, limit: Limit) -> Result<(), Error> {
    let path = request.path();
    let Some(binding) = limit.binding(&request.method()) else { return Ok(()) };
    let Some(address) = request.headers().get(ADDRESS)? else { return Ok(()) };
    let Ok(limiter) = env.rate_limiter(binding) else { return Ok(()) };
    match limiter.limit(format!("{path} {}", network(&address))).await {
        Ok(outcome) if !outcome.success => {
            console_log!("too many requests of one address to {path}");
            Err(Error::new(Code::TooMany, "too many requests from your address: wait a minute"))
        }
        Ok(_) => Ok(()),
        Err(error) => {
            // Serving without a limit is better than not serving.
            console_error!("rate limit: {error}");
            Ok(())
        }
    }
}

impl Limit {
    /// The rate limit binding for a request by this method, if it is counted.
    const fn binding(self, method: &Method) -> Option<&'static str> {
        match (self, method) {
            (Self::Logins, _) | (Self::LoginPosts, Method::Post) => Some("LOGIN_LIMIT"),
            (Self::Requests, _) => Some("OAUTH_LIMIT"),
            (Self::None | Self::LoginPosts, _) => None,
        }
    }
}

/// The key that an address is counted under. IPv6 addresses count by their /64, since one customer has a whole one.
fn network(address: &str) -> String {
    match address.parse::<core::net::Ipv6Addr>() {
        Ok(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::")
        }
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        assert_eq!(network("2001:db8:1:2:aaaa::1"), network("2001:db8:1:2:bbbb::2"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("203.0.113.7"), "203.0.113.7");
    }
}
