//! How often one address may come: bounds what a stranger can cost this server. The bindings count per location and
//! roughly; exact counting of failed logins is the account's own.

use worker::{Env, Method, Request, console_error, console_log};

use crate::http::error::{Code, Error};

/// Where the runtime says who is at the other end. Without it, as in local runs, there is nobody to tell apart.
const ADDRESS: &str = "cf-connecting-ip";

/// How often one address may come to a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    None,
    /// As often as a client asks for tokens.
    Requests,
    /// As often as a person signs in.
    Logins,
    /// The same; only what is posted counts.
    LoginPosts,
}

/// Refuses a request of an address that has sent too many. A missing binding limits nothing.
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
            // Better served without a limit than not at all.
            console_error!("rate limit: {error}");
            Ok(())
        }
    }
}

impl Limit {
    /// The binding that counts a request by this method, if it is counted.
    const fn binding(self, method: &Method) -> Option<&'static str> {
        match (self, method) {
            (Self::Logins, _) | (Self::LoginPosts, Method::Post) => Some("LOGIN_LIMIT"),
            (Self::Requests, _) => Some("OAUTH_LIMIT"),
            (Self::None | Self::LoginPosts, _) => None,
        }
    }
}

/// An IPv6 customer has a whole /64 of addresses.
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
