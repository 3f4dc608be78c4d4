ALTER TABLE grants ADD COLUMN made_by TEXT;
ALTER TABLE grants ADD COLUMN made_by_client TEXT;

CREATE TABLE token_approvals (
  grant_id TEXT NOT NULL,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  days INTEGER NOT NULL,
  audience TEXT NOT NULL,
  until_ms INTEGER NOT NULL,
  PRIMARY KEY (grant_id, name, scopes, days, audience)
) STRICT, WITHOUT ROWID;
