//! OpenMetrics text (<https://prometheus.io/docs/specs/om/open_metrics_spec/>), version 1.0.

use core::fmt::Write;

use crate::families::{ALL, BOUNDS, Family, Kind, REST, SUM};
use crate::store::Totals;
use crate::tally::Series;

/// The media type of a scrape.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The answer to a scrape. Every family is named, with the series that are known beforehand.
pub fn of(totals: &Totals) -> String {
    let mut out = String::new();
    for family in ALL {
        let name = family.name;
        let (kind, suffix, from) = match family.kind {
            Kind::Counter => ("counter", "_total", &totals.counts),
            Kind::Gauge => ("gauge", "", &totals.gauges),
            Kind::Histogram => ("histogram", "", &totals.counts),
        };
        put(&mut out, format_args!("# TYPE blender_bus_{name} {kind}\n"));
        if name.ends_with("_seconds") {
            put(&mut out, format_args!("# UNIT blender_bus_{name} seconds\n"));
        }
        put(&mut out, format_args!("# HELP blender_bus_{name} {}\n", family.help));
        match (family.kind, family.label) {
            (Kind::Histogram, _) => histogram(&mut out, name, from),
            (_, "") => put(&mut out, format_args!("blender_bus_{name}{suffix} {}\n", value(from, name, ""))),
            (_, label) => labelled(&mut out, family, label, suffix, from),
        }
    }
    out.push_str("# EOF\n");
    out
}

fn labelled(out: &mut String, family: &Family, label: &str, suffix: &str, from: &[(Series, i64)]) {
    let name = family.name;
    let counted = from.iter().filter(|(series, _)| series.0 == name).map(|(series, _)| series.1.as_str());
    // Labels come from fixed words and numbers; anything else would break the format.
    let is_plain = |of: &&str| of.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let others = counted.filter(|of| !family.values.contains(of)).filter(is_plain);
    for of in family.values.iter().copied().chain(others) {
        let value = value(from, name, of);
        put(out, format_args!("blender_bus_{name}{suffix}{{{label}=\"{of}\"}} {value}\n"));
    }
}

fn histogram(out: &mut String, name: &str, from: &[(Series, i64)]) {
    let mut count: i64 = 0;
    for bound in BOUNDS.into_iter().map(|(_, bound)| bound).chain([REST]) {
        count = count.saturating_add(value(from, name, bound));
        put(out, format_args!("blender_bus_{name}_bucket{{le=\"{bound}\"}} {count}\n"));
    }
    let sum_ms = value(from, name, SUM);
    let (seconds, rest) = (sum_ms.div_euclid(1_000), sum_ms.rem_euclid(1_000));
    put(out, format_args!("blender_bus_{name}_count {count}\nblender_bus_{name}_sum {seconds}.{rest:03}\n"));
}

fn value(from: &[(Series, i64)], name: &str, label: &str) -> i64 {
    from.iter().find(|(series, _)| series.0 == name && series.1 == label).map_or(0, |(_, value)| *value)
}

fn put(out: &mut String, text: core::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::store::Totals;
    use crate::tally::Series;

    #[test]
    fn buckets_are_cumulative_and_labels_plain() {
        let series = |name: &str, label: &str, value| (Series(name.to_owned(), label.to_owned()), value);
        let text = of(&Totals {
            counts: vec![
                series("calls", "completed", 3),
                series("calls", "\"}\n", 9),
                series("job_seconds", "0.01", 2),
                series("job_seconds", "+Inf", 1),
                series("job_seconds", "sum_ms", 400_015),
            ],
            gauges: vec![series("sockets", "peer", 4)],
        });
        for line in [
            "blender_bus_calls_total{status=\"completed\"} 3",
            "blender_bus_job_seconds_bucket{le=\"0.005\"} 0",
            "blender_bus_job_seconds_bucket{le=\"300.0\"} 2",
            "blender_bus_job_seconds_bucket{le=\"+Inf\"} 3",
            "blender_bus_job_seconds_count 3",
            "blender_bus_job_seconds_sum 400.015",
            "blender_bus_sockets{kind=\"peer\"} 4",
            "blender_bus_jobs_made_total 0",
            "blender_bus_jobs_ended_total{state=\"lost\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.ends_with("# EOF\n") && !text.contains(" 9\n"));
    }
}
