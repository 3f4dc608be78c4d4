CREATE TABLE setup (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  hash BLOB NOT NULL,
  claimed_by TEXT
) STRICT;
