//! What a bus counts for `/metrics`. Nothing is counted unless an operator has set a token for it.

use ::metrics::families::{
    BUS_ERRORS, CALL_SECONDS, CALLS, JOB_SECONDS, JOBS_ENDED, JOBS_MADE, OPEN_JOBS, SOCKET_CLOSES, SOCKETS, WAITS,
};
use bus::rows::jobs;
use bus::turn::Turn;
use bus::turn::effect::Effect;
use bus::wire::command::Reply;
use runtime::{WebCrypto, now_ms};
use worker::wasm_bindgen_futures::spawn_local;
use worker::{Error, Result, console_error};

use super::Bus;
use crate::account::post;

impl Bus {
    pub(super) fn count_job(&self, effect: &Effect) {
        match (&self.counting, effect) {
            (Some(counting), Effect::CountMade) => counting.count(&JOBS_MADE, ""),
            (Some(counting), Effect::CountEnded { state, took_ms }) => {
                counting.count(&JOBS_ENDED, state);
                counting.time(&JOB_SECONDS, *took_ms);
            }
            _ => {}
        }
    }

    /// A request, a frame or an alarm failed.
    pub(super) fn count_error(&self) {
        if let Some(counting) = &self.counting {
            counting.count(&BUS_ERRORS, "");
        }
    }

    pub(super) fn count_close(&self, code: u16, sockets: usize) {
        if let Some(counting) = &self.counting {
            (0..sockets).for_each(|_| counting.count(&SOCKET_CLOSES, &code.to_string()));
        }
    }

    /// A call that came at this time (Unix milliseconds) has its answer. Only calls of Blender tools have an envelope.
    pub(super) fn count_call(&self, reply: &Reply, came_ms: i64) {
        if let (Some(counting), Reply::Envelope { envelope }) = (&self.counting, reply) {
            counting.count(&CALLS, envelope.status.name());
            counting.time(&CALL_SECONDS, now_ms().saturating_sub(came_ms));
        }
    }

    /// Has a report made once one is due. The object stays awake until then, at most some seconds.
    pub(super) fn report_later(&self) {
        let (Some(counting), Some(bus)) = (&self.counting, self.me.upgrade()) else { return };
        if counting.reporting.replace(true) {
            return;
        }
        let due_ms = counting.tally.borrow().due_ms(now_ms());
        spawn_local(async move {
            bus.sleepers.until(due_ms, now_ms()).await;
            if let Err(error) = bus.report().await {
                console_error!("metrics: {error}");
            }
        });
    }

    async fn report(&self) -> Result<()> {
        let Some(counting) = &self.counting else { return Ok(()) };
        counting.reporting.set(false);
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let (peers, streams) = self.sockets.count();
        let gauges = [
            (&OPEN_JOBS, "", self.open_jobs()?),
            (&WAITS, "", count(self.waits.count())),
            (&SOCKETS, "peer", count(peers)),
            (&SOCKETS, "stream", count(streams)),
        ];
        let source = self.state.id().to_string();
        let Some(report) = counting.tally.borrow_mut().report(&source, &gauges, now_ms()) else { return Ok(()) };
        let collector = self.env.durable_object("METRICS")?.get_by_name("metrics")?;
        let told = post("Metrics", &collector, "https://metrics/report", &report).await;
        told.map(|_| ()).map_err(|error| {
            counting.tally.borrow_mut().take_back(report);
            Error::RustError(error.to_string())
        })
    }

    fn open_jobs(&self) -> Result<i64> {
        if !self.awake.get() {
            return Ok(0);
        }
        let (mut presence, mut entropy) = (self.presence.borrow_mut(), WebCrypto);
        let mut turn = Turn::new(&self.sql, &mut presence, &mut entropy, now_ms(), "");
        jobs::open_jobs(&mut turn).map_err(|error| Error::RustError(error.to_string()))
    }
}
