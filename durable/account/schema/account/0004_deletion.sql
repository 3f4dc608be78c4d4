CREATE TABLE deletion (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  user_id TEXT NOT NULL,
  administrator TEXT,
  bus_told INTEGER NOT NULL DEFAULT 0
) STRICT;
