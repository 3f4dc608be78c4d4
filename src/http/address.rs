//! Which URLs that others name this server asks: those of client documents and of push services. Whoever opens a page chooses what
//! is asked here.
//!
//! Invariant: an accepted URL is in normal form, so that all parsers read it alike, and has a public host name. If such
//! a name resolves to a private network, the platform's `fetch` refuses to connect.

use thiserror::Error;
use url::{Host, Url};

/// What a URL may be, beside what all of them must.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    pub max_bytes: usize,
    pub may_have_query: bool,
}

/// Top-level labels that never name a public host (RFC 6761, RFC 6762, RFC 7686, RFC 8375, RFC 9476 and ICANN's
/// `internal`), and others that private networks use.
const PRIVATE: [&str; 18] = [
    "alt",
    "arpa",
    "consul",
    "corp",
    "example",
    "home",
    "internal",
    "intra",
    "intranet",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "onion",
    "private",
    "svc",
    "test",
];

#[derive(Debug, Error, PartialEq, Eq)]
pub enum AddressError {
    #[error("must have at most {0} bytes")]
    TooLong(usize),
    #[error("must be an https URL in its normal form")]
    NotNormal,
    #[error("must have a path, and no query, fragment, user name, password or port")]
    Parts,
    #[error("must name a public host, and not by an address")]
    Host,
}

/// `own_host`: whether a host name is this server's.
pub fn check(address: &str, rules: Rules, own_host: impl Fn(&str) -> bool) -> Result<Url, AddressError> {
    if address.len() > rules.max_bytes {
        return Err(AddressError::TooLong(rules.max_bytes));
    }
    let url = Url::parse(address).map_err(|_| AddressError::NotNormal)?;
    let parts = (url.query().is_some() && !rules.may_have_query)
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
        || url.port().is_some()
        || url.path() == "/";
    if parts {
        return Err(AddressError::Parts);
    }
    let Some(Host::Domain(name)) = url.host() else { return Err(AddressError::Host) };
    let is_public = name.rsplit_once('.').is_some_and(|(_, last)| !last.is_empty() && !PRIVATE.contains(&last));
    if !is_public || own_host(name) {
        return Err(AddressError::Host);
    }
    // Dot segments, upper case, `:443`, an empty user name: anything that a parser would normalize.
    if url.scheme() != "https" || url.as_str() != address {
        return Err(AddressError::NotNormal);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::{AddressError, Rules, check};

    const RULES: Rules = Rules { max_bytes: 512, may_have_query: false };

    fn refusal(client_id: &str) -> AddressError {
        check(client_id, RULES, |name| name == "bus.acme.dev").expect_err(client_id)
    }

    #[test]
    fn an_https_url_of_a_public_host_is_taken_as_it_is() {
        for client_id in ["https://app.acme.dev/client.json", "https://xn--mnchen-3ya.de/a/b", "https://a.b/c%20d"] {
            assert_eq!(check(client_id, RULES, |_| false).unwrap().as_str(), client_id);
        }
    }

    #[test]
    fn a_host_in_another_script_is_taken_only_as_browsers_send_it() {
        for host in [
            "m\u{fc}nchen.de",
            "app\u{3002}acme.dev",
            "\u{ff4c}ocalhost",
            "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
            "app.acme.dev\u{ad}",
        ] {
            assert_eq!(refusal(&format!("https://{host}/client.json")), AddressError::NotNormal, "{host}");
        }
    }

    #[test]
    fn a_query_is_taken_where_there_may_be_one() {
        let (address, rules) = ("https://wns.acme.dev/w/?token=a%2fb", Rules { may_have_query: true, ..RULES });
        assert_eq!(check(address, rules, |_| false).unwrap().as_str(), address);
        assert_eq!(check(address, RULES, |_| false), Err(AddressError::Parts));
        assert_eq!(check("https://10.0.0.1/w/?token=a", rules, |_| false), Err(AddressError::Host));
    }

    #[test]
    fn private_hosts_are_refused_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0",
            "10.0.0.1",
            "169.254.169.254",
            "192.168.1.1",
            "100.100.100.200",
            "8.8.8.8",
            "127.0.0.1.",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "[2001:db8::1]",
            "localhost",
            "localhost.",
            "LOCALHOST",
            "app.localhost",
            "app.acme.dev.",
            "metadata.google.internal",
            "printer.local",
            "router.lan",
            "a.intra",
            "web.service.consul",
            "kubernetes.default.svc",
            "nas.home.arpa",
            "intranet",
            "%6cocalhost",
            "bus.acme.dev",
            "BUS.acme.dev",
            "hidden.onion",
        ] {
            assert_eq!(refusal(&format!("https://{host}/client.json")), AddressError::Host, "{host}");
        }
    }

    #[test]
    fn an_address_that_could_be_read_in_two_ways_is_refused() {
        for client_id in [
            "https:/app.acme.dev/c",
            "https:app.acme.dev/c",
            "HTTPS://app.acme.dev/c",
            "https://APP.acme.dev/c",
            "https://app.acme.dev:443/c",
            "https://app.acme.dev/a/../c",
            "https://app.acme.dev/./c",
            "https://app.acme.dev/%2e%2e/c",
            "https://app.acme.dev\\c",
            " https://app.acme.dev/c",
            "https://app.acme.dev/c\n",
            "https://@app.acme.dev/c",
            "https://m\u{fc}nchen.de/c",
            "http://app.acme.dev/c",
            "ftp://app.acme.dev/c",
            "https://",
            "https://app.acme.dev/c\u{0}",
            "https://999.1.1.1/c",
        ] {
            assert_eq!(refusal(client_id), AddressError::NotNormal, "{client_id:?}");
        }
        for client_id in [
            "https://app.acme.dev",
            "https://app.acme.dev/",
            "https://app.acme.dev/c?x=1",
            "https://app.acme.dev/c?",
            "https://app.acme.dev/c#f",
            "https://app.acme.dev:8443/c",
            "https://u@app.acme.dev/c",
            "https://u:p@app.acme.dev/c",
            "https://app.acme.dev@127.0.0.1/c",
        ] {
            assert_eq!(refusal(client_id), AddressError::Parts, "{client_id}");
        }
        assert_eq!(refusal(&format!("https://app.acme.dev/{}", "c".repeat(512))), AddressError::TooLong(512));
    }
}
