-- Times are Unix milliseconds. SCHEMA.md says what each table holds, how long, and what in it is secret.

CREATE TABLE clients (
  uuid TEXT PRIMARY KEY,
  client_type TEXT NOT NULL,
  is_persistent INTEGER NOT NULL,
  capabilities TEXT NOT NULL,
  group_id TEXT,
  connected_at INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  dropped INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
  seq INTEGER PRIMARY KEY,
  job_id TEXT NOT NULL UNIQUE,
  command TEXT NOT NULL,
  target_uuid TEXT,
  from_uuid TEXT NOT NULL,
  priority INTEGER NOT NULL,
  state TEXT NOT NULL,
  record TEXT NOT NULL,
  result TEXT NOT NULL DEFAULT '',
  error TEXT NOT NULL DEFAULT '',
  progress TEXT,
  batch_id TEXT,
  idempotency_key TEXT,
  created_at INTEGER NOT NULL,
  finished_at INTEGER
) STRICT;

CREATE INDEX jobs_open ON jobs (target_uuid, state, priority, seq)
  WHERE state IN ('queued', 'delivered', 'running');

CREATE INDEX jobs_by_batch ON jobs (batch_id) WHERE batch_id IS NOT NULL;

CREATE UNIQUE INDEX jobs_by_key ON jobs (idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE inbox (
  seq INTEGER PRIMARY KEY,
  client_uuid TEXT NOT NULL,
  record TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  created_at INTEGER NOT NULL
) STRICT;

CREATE INDEX inbox_by_client ON inbox (client_uuid, seq);

CREATE TABLE sessions (
  session_id TEXT PRIMARY KEY,
  grant_id TEXT NOT NULL,
  protocol_version TEXT NOT NULL,
  client_name TEXT NOT NULL,
  log_level TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  last_seen INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE timers (
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  due INTEGER NOT NULL,
  PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;

CREATE INDEX timers_by_due ON timers (due);

CREATE TABLE revoked_grants (
  grant_id TEXT PRIMARY KEY,
  until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
