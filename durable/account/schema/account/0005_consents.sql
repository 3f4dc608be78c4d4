CREATE TABLE consents (
  client_id TEXT NOT NULL,
  redirect_uri TEXT NOT NULL,
  audience TEXT NOT NULL,
  client_name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  given_ms INTEGER NOT NULL,
  used_ms INTEGER NOT NULL,
  PRIMARY KEY (client_id, redirect_uri, audience)
) STRICT, WITHOUT ROWID;
