//! Where a browser is reached, as its script tells it. Whoever is signed in chooses what this server calls: an https URL of a public
//! host on port 443, which is only ever sent something, without redirects, and of whose answer only the status counts.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bus::wire::push::{Kinds, NewBrowser};

use crate::http::address::{Rules, check};
use crate::http::error::Error;
use crate::http::parameters::Parameters;
use crate::site::Site;

/// Endpoints of today have 150 to 500 bytes, and one push service puts its part into the query.
const ENDPOINT: Rules = Rules { max_bytes: 1024, may_have_query: true };
/// An uncompressed point of P-256.
const KEY_BYTES: usize = 65;
const AUTH_BYTES: usize = 16;

#[derive(Debug, PartialEq, Eq)]
pub struct Address {
    endpoint: String,
    p256dh: String,
    auth: String,
}

impl Address {
    pub fn named(self, name: String, kinds: Kinds, site: &Site) -> NewBrowser {
        let Self { endpoint, p256dh, auth } = self;
        NewBrowser { endpoint, p256dh, auth, name, site: site.issuer.clone(), kinds }
    }
}

/// The fields `endpoint`, `p256dh` and `auth`, or what is wrong with them.
pub fn read(parameters: &Parameters, site: &Site) -> Result<Result<Address, String>, Error> {
    let field = |name| parameters.optional(name).map(Option::unwrap_or_default);
    Ok(checked(field("endpoint")?, field("p256dh")?, field("auth")?, site))
}

fn checked(endpoint: &str, p256dh: &str, auth: &str, site: &Site) -> Result<Address, String> {
    check(endpoint, ENDPOINT, |name| site.is_own_host(name))
        .map_err(|error| format!("The address of the browser's push service {error}."))?;
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    let key = bytes(p256dh);
    if key.len() != KEY_BYTES || key.first() != Some(&4) || bytes(auth).len() != AUTH_BYTES {
        return Err("The browser's keys are not what they must be. Reload this page and try again.".to_owned());
    }
    Ok(Address { endpoint: endpoint.to_owned(), p256dh: p256dh.to_owned(), auth: auth.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::checked;
    use crate::site::Site;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    fn try_endpoint(endpoint: &str) -> Result<(), String> {
        let site = Site::for_tests("https://bus.acme.dev/");
        let key = URL_SAFE_NO_PAD.encode([[4].as_slice(), &[1; 64]].concat());
        checked(endpoint, &key, &URL_SAFE_NO_PAD.encode([1; 16]), &site).map(|_| ())
    }

    #[test]
    fn push_services_are_public_https_servers() {
        for endpoint in [
            "https://fcm.googleapis.com/fcm/send/c1a:APA91b_-x",
            "https://updates.push.services.mozilla.com/wpush/v2/gAAAAA",
            "https://web.push.apple.com/QGx",
            "https://wns2-par02p.notify.windows.com/w/?token=BQYAAAD%2b",
        ] {
            assert_eq!(try_endpoint(endpoint), Ok(()), "{endpoint}");
        }
    }

    #[test]
    fn nothing_else_is_ever_called() {
        for endpoint in [
            "",
            "http://push.acme.dev/x",
            "http://127.0.0.1:8787/x",
            "https://127.0.0.1/x",
            "https://localhost/x",
            "https://10.0.0.1/x",
            "https://[::1]/x",
            "https://169.254.169.254/latest/meta-data",
            "https://metadata.google.internal/x",
            "https://push.acme.dev:8443/x",
            "https://user@push.acme.dev/x",
            "https://push.acme.dev/x#y",
            "https://push.acme.dev/a/../x",
            "https://PUSH.acme.dev/x",
            "https://bus.acme.dev/auth/login",
            "file:///etc/passwd",
            &format!("https://push.acme.dev/{}", "x".repeat(1024)),
        ] {
            assert!(try_endpoint(endpoint).is_err(), "{endpoint}");
        }
    }

    #[test]
    fn keys_are_a_point_and_a_secret_of_their_lengths() {
        let site = Site::for_tests("https://bus.acme.dev/");
        let encoded = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (key, auth) = (encoded(&[4; 65]), encoded(&[1; 16]));
        let sound = |key: &str, auth: &str| checked("https://push.acme.dev/x", key, auth, &site).is_ok();
        assert!(sound(&key, &auth));
        for wrong in ["", "!", &encoded(&[4; 64]), &encoded(&[2; 65]), &encoded(&[4; 66])] {
            assert!(!sound(wrong, &auth), "{wrong}");
        }
        for wrong in ["", "!", &encoded(&[1; 15]), &encoded(&[1; 17])] {
            assert!(!sound(&key, wrong), "{wrong}");
        }
    }
}
