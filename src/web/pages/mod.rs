//! The templates of the pages. They are compiled in, and escape all values.

pub mod account;
pub mod audit;
pub mod clients;
pub mod dashboard;
pub mod device;
pub mod files;
pub mod home;
pub mod job;
pub mod notifications;
pub mod sharing;
pub mod sign_in;
pub mod tokens;

/// The inline style of all pages. Their Content-Security-Policy allows it by its hash, and no other.
pub const STYLE: &str = include_str!("templates/style.css");

/// An inline script, which the page's Content-Security-Policy allows by its hash. Pages that can be put on a phone's home screen
/// name a manifest beside it.
pub struct Script {
    /// What it begins with, as others do.
    shared: &'static str,
    own: &'static str,
    /// Other directives that it needs, each after `; `.
    pub needs: &'static str,
}

impl Script {
    pub fn text(&self) -> String {
        [self.shared, self.own].concat()
    }
}

const SHARED: &str = include_str!("templates/shared.js");

pub const HOME_SCRIPT: Script = Script { shared: "", own: include_str!("templates/home.js"), needs: "" };
/// It sends requests to this server and shows the pictures in the answers; the icons of the manifest are this server's.
pub const DASHBOARD_SCRIPT: Script = Script {
    shared: SHARED,
    own: include_str!("templates/dashboard.js"),
    needs: "; connect-src 'self'; img-src 'self'; manifest-src 'self'",
};
/// It sends requests to this server, bytes of files among them, and shows pictures of it.
pub const FILES_SCRIPT: Script = Script {
    shared: SHARED,
    own: include_str!("templates/files.js"),
    needs: "; connect-src 'self'; img-src 'self'; manifest-src 'self'",
};
/// It has the browser fetch a service worker of this server's, the only one that there is.
pub const NOTIFICATIONS_SCRIPT: Script = Script {
    shared: "",
    own: include_str!("templates/notifications.js"),
    needs: "; worker-src 'self'; img-src 'self'; manifest-src 'self'",
};
/// It sends requests to this server and shows a picture of it.
pub const GUEST_SCRIPT: Script =
    Script { shared: SHARED, own: include_str!("templates/guest.js"), needs: "; connect-src 'self'; img-src 'self'" };
/// It sends requests to this server.
pub const SHARES_SCRIPT: Script =
    Script { shared: SHARED, own: include_str!("templates/shares.js"), needs: "; connect-src 'self'" };
/// It sends requests to this server and shows a picture of it.
pub const JOB_SCRIPT: Script = Script {
    shared: SHARED,
    own: include_str!("templates/job.js"),
    needs: "; connect-src 'self'; img-src 'self'; manifest-src 'self'",
};
