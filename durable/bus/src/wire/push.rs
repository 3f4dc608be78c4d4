//! What the owner asks about the browsers that show notifications (Web Push), and what is answered.

use serde::{Deserialize, Serialize};

/// Of what a browser is told. Times are Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kinds {
    /// A Blender asks whether a job may run.
    pub asks: bool,
    /// A job that took long has ended.
    pub ends: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    List,
    /// Tell this browser from now on. One with the same endpoint is changed.
    Add {
        browser: NewBrowser,
    },
    Choose {
        browser_id: String,
        kinds: Kinds,
    },
    Remove {
        browser_id: String,
    },
    /// Forget every browser but this one.
    RemoveOthers {
        but: Option<String>,
    },
    /// Send it a notification that says that it works.
    Test {
        browser_id: String,
    },
}

/// The edge has checked all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewBrowser {
    /// The URL of its push service for it.
    pub endpoint: String,
    /// Its public key, an uncompressed point of P-256, in base64url.
    pub p256dh: String,
    /// Its 16 bytes of authentication secret, in base64url.
    pub auth: String,
    /// What it is, for its owner, such as `Firefox on Android`.
    pub name: String,
    /// The origin of this server, for the push service.
    pub site: String,
    pub kinds: Kinds,
}

/// A browser, without what is needed to send to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Browser {
    pub browser_id: String,
    pub name: String,
    pub kinds: Kinds,
    pub created_ms: i64,
    /// When its push service last took something for it.
    pub reached_ms: Option<i64>,
    /// Since when its push service has taken nothing.
    pub failing_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    Browsers {
        browsers: Vec<Browser>,
    },
    Added {
        browser_id: String,
    },
    /// Whether there was such a browser.
    Found {
        found: bool,
    },
}
