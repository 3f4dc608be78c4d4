//! What the collecting object keeps.

use kernel::migrate::Migrations;
use kernel::params;
use kernel::storage::{MAX_INTEGER, Sql, StorageError};

use crate::tally::{Report, Series};

pub const METRICS: Migrations = &[include_str!("../schema/0001_initial.sql")];

/// Everything that was counted, and each gauge added up over its sources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    pub counts: Vec<(Series, i64)>,
    pub gauges: Vec<(Series, i64)>,
}

/// Takes a report in.
///
/// # Errors
/// `StorageError` if a statement fails; the rest of the report is then not taken.
pub fn take(sql: &dyn Sql, report: &Report) -> Result<(), StorageError> {
    for (Series(family, label), more) in &report.added {
        sql.query(
            "INSERT INTO counts (family, label, value) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET value = MIN(value + excluded.value, ?)",
            params![family.as_str(), label.as_str(), (*more).clamp(0, MAX_INTEGER), MAX_INTEGER],
        )?;
    }
    for (Series(family, label), value) in &report.gauges {
        let key = params![report.source.as_str(), family.as_str(), label.as_str()];
        if *value == 0 {
            sql.query("DELETE FROM gauges WHERE source = ? AND family = ? AND label = ?", key)?;
            continue;
        }
        let row = params![report.source.as_str(), family.as_str(), label.as_str(), *value];
        sql.query(
            "INSERT INTO gauges (source, family, label, value) VALUES (?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET value = excluded.value",
            row,
        )?;
    }
    Ok(())
}

/// # Errors
/// `StorageError` if a statement fails.
pub fn totals(sql: &dyn Sql) -> Result<Totals, StorageError> {
    let read = |statement: &str| -> Result<Vec<(Series, i64)>, StorageError> {
        let rows = sql.query(statement, &[])?;
        rows.iter().map(|row| Ok((Series(row.text(0)?, row.text(1)?), row.integer(2)?))).collect()
    };
    Ok(Totals {
        counts: read("SELECT family, label, value FROM counts ORDER BY family, label")?,
        gauges: read("SELECT family, label, SUM(value) FROM gauges GROUP BY family, label ORDER BY family, label")?,
    })
}

#[cfg(test)]
mod tests {
    use kernel::migrate::migrate;
    use kernel::testing::Memory;

    use super::{METRICS, take, totals};
    use crate::tally::{Report, Series};

    fn one(name: &str, value: i64) -> Vec<(Series, i64)> {
        vec![(Series(name.to_owned(), String::new()), value)]
    }

    #[test]
    fn counts_add_up_and_gauges_replace_those_of_their_source() {
        let sql = Memory::new();
        migrate(&sql, METRICS).unwrap();
        for (source, added, gauge) in [("a", 2, 5), ("b", 3, 1), ("a", 4, 0), ("b", 1, 7)] {
            let report =
                Report { source: source.to_owned(), added: one("jobs_made", added), gauges: one("waits", gauge) };
            take(&sql, &report).unwrap();
        }
        let totals = totals(&sql).unwrap();
        assert_eq!((totals.counts, totals.gauges), (one("jobs_made", 10), one("waits", 7)));
    }
}
