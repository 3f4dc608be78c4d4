//! Counting in memory, until a report is due. What was counted after the last report is lost when a process is killed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::families::{Family, SUM, bucket};

/// How often a source reports at most.
pub const REPORT_EVERY_MS: i64 = 10_000;

/// One series: the family's name and the label's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Series(pub String, pub String);

impl Series {
    fn of(family: &Family, label: &str) -> Self {
        Self(family.name.to_owned(), label.to_owned())
    }
}

/// What a source says: how much was added to each counter since its last report, and its gauges as they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whose gauges they are; no name of a user can be told from it.
    pub source: String,
    pub added: Vec<(Series, i64)>,
    pub gauges: Vec<(Series, i64)>,
}

/// What one object or isolate has counted.
#[derive(Debug, Default)]
pub struct Tally {
    added: BTreeMap<Series, i64>,
    /// As they were last reported; none before the first report.
    reported: Option<Vec<(Series, i64)>>,
    /// When the last report was made. Unix milliseconds.
    reported_ms: Option<i64>,
}

impl Tally {
    pub fn count(&mut self, family: &Family, label: &str) {
        self.add(Series::of(family, label), 1);
    }

    /// Puts a duration into a histogram.
    pub fn time(&mut self, family: &Family, took_ms: i64) {
        self.add(Series::of(family, bucket(took_ms)), 1);
        self.add(Series::of(family, SUM), took_ms.max(0));
    }

    fn add(&mut self, series: Series, more: i64) {
        let value = self.added.entry(series).or_default();
        *value = value.saturating_add(more);
    }

    /// When the next report is due, at most `REPORT_EVERY_MS` from now.
    pub fn due_ms(&self, now_ms: i64) -> i64 {
        let latest_ms = now_ms.saturating_add(REPORT_EVERY_MS);
        self.reported_ms.map_or(now_ms, |last_ms| last_ms.saturating_add(REPORT_EVERY_MS).clamp(now_ms, latest_ms))
    }

    /// The report that is due; what is counted from now on goes into the next one. None if there is nothing new.
    pub fn report(&mut self, source: &str, gauges: &[(&Family, &str, i64)], now_ms: i64) -> Option<Report> {
        let gauges: Vec<(Series, i64)> =
            gauges.iter().map(|(family, label, value)| (Series::of(family, label), *value)).collect();
        self.reported_ms = Some(now_ms);
        if self.added.is_empty() && self.reported.as_ref() == Some(&gauges) {
            return None;
        }
        self.reported = Some(gauges.clone());
        let added = core::mem::take(&mut self.added).into_iter().collect();
        Some(Report { source: source.to_owned(), added, gauges })
    }

    /// The report could not be delivered: its counts go into the next one.
    pub fn take_back(&mut self, report: Report) {
        for (series, more) in report.added {
            self.add(series, more);
        }
        self.reported = None;
    }
}

#[cfg(test)]
mod tests {
    use super::{REPORT_EVERY_MS, Series, Tally};
    use crate::families::{CALL_SECONDS, CALLS, WAITS};

    fn series(name: &str, label: &str) -> Series {
        Series(name.to_owned(), label.to_owned())
    }

    #[test]
    fn a_report_has_what_was_added_since_the_last_and_the_gauges_as_they_are() {
        let mut tally = Tally::default();
        tally.count(&CALLS, "completed");
        tally.count(&CALLS, "completed");
        tally.time(&CALL_SECONDS, 7);
        let report = tally.report("a", &[(&WAITS, "", 3)], 0).unwrap();
        let added = [
            (series("call_seconds", "0.01"), 1),
            (series("call_seconds", "sum_ms"), 7),
            (series("calls", "completed"), 2),
        ];
        assert_eq!((report.added.as_slice(), report.gauges.as_slice()), (&added[..], &[(series("waits", ""), 3)][..]));
        assert_eq!(tally.report("a", &[(&WAITS, "", 3)], 1), None);
        assert_eq!(tally.report("a", &[(&WAITS, "", 2)], 2).unwrap().added, []);
    }

    #[test]
    fn what_could_not_be_delivered_is_in_the_next_report() {
        let mut tally = Tally::default();
        tally.count(&CALLS, "failed");
        let lost = tally.report("a", &[], 0).unwrap();
        tally.count(&CALLS, "failed");
        tally.take_back(lost);
        assert_eq!(tally.report("a", &[], 1).unwrap().added, [(series("calls", "failed"), 2)]);
    }

    #[test]
    fn reports_are_some_seconds_apart_whatever_the_clock_does() {
        let mut tally = Tally::default();
        assert_eq!(tally.due_ms(5), 5);
        tally.report("a", &[], 1_000);
        assert_eq!(tally.due_ms(1_500), 1_000 + REPORT_EVERY_MS);
        assert_eq!(tally.due_ms(60_000), 60_000);
        assert_eq!(tally.due_ms(0), REPORT_EVERY_MS);
    }
}
