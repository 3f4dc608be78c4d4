//! Who asked for a turn, as its jobs keep it and as their Blender is told.

use core::cell::OnceCell;

use kernel::secrets::{encoded_hash, hash};
use serde_json::json;

/// Written when a job is made: most turns make none.
pub struct Sender {
    grant_id: String,
    client: String,
    text: OnceCell<String>,
}

impl Sender {
    pub fn new(grant_id: &str, client: &str) -> Self {
        Self { grant_id: grant_id.to_owned(), client: client.to_owned(), text: OnceCell::new() }
    }

    /// As a job has kept it.
    pub fn kept(text: String) -> Self {
        Self { grant_id: String::new(), client: String::new(), text: text.into() }
    }

    /// `{"grant", "client"}` as JSON. The grant is named by a short hash, which identifies it and gives no access.
    pub fn text(&self) -> &str {
        self.text.get_or_init(|| {
            let mut grant = encoded_hash(&hash(&self.grant_id));
            grant.truncate(16);
            kernel::json::text(&json!({"grant": grant, "client": self.client}))
        })
    }
}
