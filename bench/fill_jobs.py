"""Fill the database of a bus, whose server is stopped, with ended jobs: copies of those that it wrote itself.

python bench/fill_jobs.py FILE.sqlite COUNT

Each copy has an id of its own and a fresh time, in the order of arrival: older ones would be deleted after 24 hours.
"""

from __future__ import annotations

import sqlite3
import sys
import time

SPAN_MS = 12 * 60 * 60 * 1000


def fill(file: str, count: int) -> None:
    """Copy the jobs of the database, in turns, until there are `count` more."""
    with sqlite3.connect(file) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(jobs)")]
        models = database.execute("SELECT * FROM jobs WHERE state = 'completed' ORDER BY seq").fetchall()
        (last,) = database.execute("SELECT MAX(seq) FROM jobs").fetchone()
        first_ms = int(time.time() * 1000) - SPAN_MS

        def copy(number: int) -> list[object]:
            row = dict(zip(columns, models[number % len(models)], strict=True))
            at = first_ms + SPAN_MS * number // count
            old, new = row["job_id"], f"j-{number:024x}"
            ended = at + row["finished_at"] - row["created_at"]
            row |= {"seq": last + 1 + number, "job_id": new, "record": row["record"].replace(old, new)}
            row |= {"created_at": at, "finished_at": ended}
            return [row[name] for name in columns]

        marks = ", ".join("?" * len(columns))
        database.executemany(f"INSERT INTO jobs VALUES ({marks})", (copy(number) for number in range(count)))
    database.close()


if __name__ == "__main__":
    fill(sys.argv[1], int(sys.argv[2]))
