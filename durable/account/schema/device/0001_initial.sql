CREATE TABLE request (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  secret_hash BLOB NOT NULL,
  client_id TEXT NOT NULL,
  client_name TEXT NOT NULL,
  publisher TEXT,
  scopes TEXT NOT NULL,
  audience TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  interval_ms INTEGER NOT NULL,
  polled_ms INTEGER,
  state TEXT NOT NULL CHECK (state IN ('pending', 'allowed', 'denied', 'used')),
  account TEXT
) STRICT;
