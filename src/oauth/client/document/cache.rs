//! This isolate's cache of metadata documents. Their servers say how long they may be cached (RFC 9111).

use core::cell::RefCell;
use std::collections::HashMap;

use crate::oauth::client::Client;

/// The default lifetime, in seconds.
const UNSAID_S: i64 = 300;
const LONGEST_S: i64 = 86_400;
const MAX_KEPT: usize = 64;

thread_local! {
    static KEPT: RefCell<Documents> = RefCell::new(Documents::default());
}

#[derive(Default)]
struct Documents(HashMap<String, (i64, Client)>);

impl Documents {
    fn find(&self, client_id: &str, now_ms: i64) -> Option<Client> {
        self.0.get(client_id).filter(|(until_ms, _)| now_ms < *until_ms).map(|(_, client)| client.clone())
    }

    fn keep(&mut self, client: &Client, lifetime_s: i64, now_ms: i64) {
        self.0.retain(|client_id, (until_ms, _)| now_ms < *until_ms && *client_id != client.id);
        if lifetime_s <= 0 {
            return;
        }
        if self.0.len() >= MAX_KEPT
            && let Some(soonest) = self.0.iter().min_by_key(|(_, (until_ms, _))| *until_ms).map(|(id, _)| id.clone())
        {
            self.0.remove(&soonest);
        }
        let until_ms = now_ms.saturating_add(lifetime_s.min(LONGEST_S).saturating_mul(1000));
        self.0.insert(client.id.clone(), (until_ms, client.clone()));
    }
}

pub fn find(client_id: &str, now_ms: i64) -> Option<Client> {
    KEPT.with_borrow(|documents| documents.find(client_id, now_ms))
}

pub fn store(client: &Client, lifetime_s: i64, now_ms: i64) {
    KEPT.with_borrow_mut(|documents| documents.keep(client, lifetime_s, now_ms));
}

/// For how many seconds a shared cache may use a response with these headers; 0 for not at all.
pub fn lifetime_s(header: impl Fn(&str) -> Option<String>) -> i64 {
    let control = header("cache-control").unwrap_or_default().to_ascii_lowercase();
    let directives: Vec<_> = control.split(',').map(str::trim).collect();
    let is_ours = |directive: &&str| {
        let name = directive.split('=').next().unwrap_or_default();
        matches!(name, "no-store" | "no-cache" | "private")
    };
    if directives.iter().any(is_ours) {
        return 0;
    }
    let seconds = |name: &str| {
        let value = directives.iter().find_map(|directive| directive.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim_matches('"').parse().unwrap_or(0))
    };
    // `Expires` needs synchronized clocks, so its value is not used: it only rules out the default lifetime.
    let unsaid = if header("expires").is_some() { 0 } else { UNSAID_S };
    let said = seconds("s-maxage").or_else(|| seconds("max-age")).unwrap_or(unsaid);
    let age = header("age").and_then(|age| age.trim().parse::<i64>().ok()).unwrap_or(0);
    said.saturating_sub(age.max(0)).clamp(0, LONGEST_S)
}

#[cfg(test)]
mod tests {
    use super::{Documents, LONGEST_S, MAX_KEPT, lifetime_s};
    use crate::oauth::client::{Client, Secret};

    fn lifetime(headers: &[(&str, &str)]) -> i64 {
        lifetime_s(|name| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
    }

    fn client(number: usize) -> Client {
        let id = format!("https://app.acme.dev/{number}");
        Client { id, name: String::new(), redirect_uris: Vec::new(), secret: Secret::None, publisher: None }
    }

    #[test]
    fn a_document_lives_as_long_as_its_server_says() {
        for (headers, seconds) in [
            (&[][..], 300),
            (&[("cache-control", "public, max-age=60")], 60),
            (&[("cache-control", "max-age=60, s-maxage=\"10\"")], 10),
            (&[("cache-control", "Max-Age=60"), ("age", "50")], 10),
            (&[("cache-control", "max-age=60"), ("age", "70")], 0),
            (&[("cache-control", "max-age=60, no-store")], 0),
            (&[("cache-control", "no-cache=\"x\"")], 0),
            (&[("cache-control", "private, max-age=60")], 0),
            (&[("cache-control", "max-age=soon")], 0),
            (&[("cache-control", "max-age=-1")], 0),
            (&[("cache-control", "max-age=99999999999")], LONGEST_S),
            (&[("expires", "Sat, 21 Nov 2026 10:00:30 GMT")], 0),
            (&[("expires", "Sat, 21 Nov 2026 10:00:30 GMT"), ("cache-control", "max-age=5")], 5),
        ] {
            assert_eq!(lifetime(headers), seconds, "{headers:?}");
        }
    }

    #[test]
    fn no_more_documents_are_kept_than_there_is_room_for_and_none_past_its_time() {
        let mut documents = Documents::default();
        for number in 0..1000 {
            documents.keep(&client(number), i64::try_from(number).unwrap() + 1, 0);
        }
        assert_eq!(documents.0.len(), MAX_KEPT);
        assert_eq!(documents.find(&client(999).id, 999_999), Some(client(999)));
        assert_eq!(documents.find(&client(999).id, 1_000_000), None);
        documents.keep(&client(999), 0, 1);
        assert_eq!(documents.find(&client(999).id, 2), None, "the newer answer may not be kept");
    }
}
