//! Rate limits by client address. The bindings count per location and approximately; failed logins are counted exactly,
//! by each account.

use core::net::{IpAddr, Ipv6Addr};

use worker::{Env, Method, console_error, console_log};

use crate::http::error::{Code, Error};
use crate::request::Request;

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
    let Some(binding) = limit.binding(&request.method()) else { return Ok(()) };
    count(request, env, binding, &request.path()).await
}

async fn count(request: &Request, env: &Env, binding: &str, path: &str) -> Result<(), Error> {
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

/// Counts a request that came with a secret that is none, as somebody who tries them out would send.
///
/// # Errors
/// 429 if the address has sent too many.
pub async fn check_guess(request: &Request, env: &Env, path: &str) -> Result<(), Error> {
    count(request, env, "OAUTH_LIMIT", path).await
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

/// The network of a request's address, short enough to name nobody: an IPv4 /24 or an IPv6 /56. Empty where the platform
/// names no address.
///
/// # Errors
/// If the headers cannot be read.
pub fn short_address(request: &Request) -> Result<String, Error> {
    Ok(request.headers().get(ADDRESS)?.map(|address| short(&address)).unwrap_or_default())
}

fn short(address: &str) -> String {
    match address.trim().parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/56", Ipv6Addr::new(a, b, c, d & 0xff00, 0, 0, 0, 0))
        }
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{network, short};

    #[test]
    fn an_address_is_kept_as_its_network_only() {
        for (address, expected) in [
            ("203.0.113.77", "203.0.113.0/24"),
            ("::ffff:203.0.113.77", "203.0.113.0/24"),
            ("2001:db8:1:2ff:aaaa::1", "2001:db8:1:200::/56"),
            ("nonsense", ""),
        ] {
            assert_eq!(short(address), expected, "{address}");
        }
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        assert_eq!(network("2001:db8:1:2:aaaa::1"), network("2001:db8:1:2:bbbb::2"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("203.0.113.7"), "203.0.113.7");
    }
}
