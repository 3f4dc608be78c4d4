DROP TABLE request;
CREATE TABLE requests (
  code BLOB PRIMARY KEY,
  network TEXT NOT NULL,
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
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_end ON requests (expires_ms);
CREATE INDEX requests_by_network ON requests (network, expires_ms);
