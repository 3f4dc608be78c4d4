//! Clients that leave: by closing their socket, or because the bus lets them go.

use bus::clients::sockets;
use bus::delivery::proof;
use bus::turn::effect::close;
use bus::turn::error::Error as CoreError;
use worker::wasm_bindgen_futures::spawn_local;
use worker::{Result, WebSocket, console_warn};

use super::{Bus, logged};
use crate::sockets::{Opened, last_ping};

/// How often silent peers are looked for, while there are requests.
pub const LOOK_EVERY_MS: i64 = 10_000;
const SILENT: &str = "too slow: no ping has come for a long time";

impl Bus {
    /// A socket was closed as too slow: whoever is attached by it has left.
    pub(super) fn leave_behind(&self, slow: Opened) {
        self.count_close(close::TOO_SLOW, 1);
        let Some(bus) = self.me.upgrade() else { return };
        spawn_local(async move {
            if let Err(error) = bus.left(&slow, None).await {
                logged(&error);
            }
        });
    }

    /// A socket sends more than it may: what it has sent beyond that is not looked at.
    pub(super) async fn end_flood(&self, opened: &Opened) -> Result<()> {
        let reason = format!("too fast: more than {} frames a second", self.presence.borrow().limits.frames_per_second);
        if let Some(opened) = self.sockets.end(&opened.socket_id, close::TOO_FAST, &reason) {
            console_warn!("{} of {} is {reason}", opened.socket_id, opened.user_id);
            self.count_close(close::TOO_FAST, 1);
            self.left(&opened, None).await.map_err(|error| logged(&error))?;
        }
        Ok(())
    }

    /// Lets clients go that have promised to send `ping` and have not: a process that hangs never closes its socket.
    pub(super) async fn let_silent_go(&self, now_ms: i64) {
        let looked_ms = self.looked_ms.get();
        if (looked_ms..looked_ms.saturating_add(LOOK_EVERY_MS)).contains(&now_ms) {
            return;
        }
        self.looked_ms.set(now_ms);
        let pings = self.sockets.pings(&self.state);
        let silent = {
            let mut presence = self.presence.borrow_mut();
            for (socket_id, pinged_ms) in &pings {
                presence.pinged(socket_id, *pinged_ms);
            }
            presence.silent(now_ms)
        };
        for socket_id in silent {
            let pinged_ms = pings.iter().find(|(pinged, _)| *pinged == socket_id).map(|(_, at_ms)| *at_ms);
            let Some(opened) = self.sockets.end(&socket_id, close::TOO_SLOW, SILENT) else { continue };
            self.count_close(close::TOO_SLOW, 1);
            if let Err(error) = self.left(&opened, pinged_ms).await {
                logged(&error);
            }
        }
    }

    pub(super) async fn gone(&self, socket: &WebSocket) -> Result<()> {
        let Some(opened) = Opened::of(socket) else { return Ok(()) };
        let pinged_ms = last_ping(&self.state, socket);
        self.sockets.forget(&opened.socket_id);
        self.left(&opened, pinged_ms).await.map_err(|error| logged(&error))
    }

    /// Whoever was attached by this socket has left.
    async fn left(&self, opened: &Opened, pinged_ms: Option<i64>) -> core::result::Result<(), CoreError> {
        let left = self.turn(&opened.user_id, |turn| {
            if let Some(pinged_ms) = pinged_ms {
                proof::pinged(turn, &opened.socket_id, pinged_ms)?;
            }
            sockets::socket_closed(turn, &opened.socket_id)
        });
        left.await?;
        self.waits.poke_all();
        Ok(())
    }
}
