//! What happens on a bus and touches the rights of its user is written into the audit log, which the user's account keeps.

use account::accounts::Command;
use account::audit::Event;
use worker::wasm_bindgen_futures::spawn_local;
use worker::{Error, Result, console_error};

use super::Bus;
use crate::account::post;

impl Bus {
    /// Has the account write it down, after the turn. Where that fails, the server's log has it.
    pub(super) fn audit(&self, username: String, event: Event) {
        let Some(bus) = self.me.upgrade() else { return };
        spawn_local(async move {
            if let Err(error) = bus.note_in_account(&username, &event).await {
                console_error!("not in the audit log: {} {}: {error}", event.what, event.detail);
            }
        });
    }

    async fn note_in_account(&self, username: &str, event: &Event) -> Result<()> {
        let account = self.env.durable_object("ACCOUNT")?.get_by_name(username)?;
        let command = Command::Audit { event: event.clone() };
        let noted = post("the account", &account, "https://account/command", &command).await;
        noted.map(|_| ()).map_err(|error| Error::RustError(error.to_string()))
    }
}
