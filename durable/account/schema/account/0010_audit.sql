CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  what TEXT NOT NULL,
  client TEXT NOT NULL,
  detail TEXT NOT NULL,
  address TEXT NOT NULL,
  times INTEGER NOT NULL
) STRICT;

CREATE INDEX audit_by_time ON audit (at_ms);
