CREATE TABLE account (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  user_id TEXT NOT NULL,
  username TEXT NOT NULL,
  dev INTEGER NOT NULL,
  created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE password (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  salt BLOB NOT NULL,
  hash BLOB NOT NULL,
  memory_kib INTEGER NOT NULL,
  passes INTEGER NOT NULL,
  lanes INTEGER NOT NULL,
  changed_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE browser_sessions (
  hash BLOB PRIMARY KEY,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE grants (
  grant_id TEXT PRIMARY KEY,
  client_id TEXT NOT NULL,
  client_name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  audience TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  used_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  revoked_ms INTEGER,
  bus_told INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE codes (
  hash BLOB PRIMARY KEY,
  client_id TEXT NOT NULL,
  client_name TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  code_challenge TEXT NOT NULL,
  scopes TEXT NOT NULL,
  audience TEXT NOT NULL,
  issued_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  grant_id TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE refresh_tokens (
  hash BLOB PRIMARY KEY,
  grant_id TEXT NOT NULL,
  issued_ms INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('live', 'spent', 'retired')),
  spent_ms INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX refresh_tokens_of_grant ON refresh_tokens (grant_id, issued_ms);
