-- Browsers that the owner has told to show notifications (Web Push). What `endpoint`, `p256dh` and `auth` say is a secret of
-- the browser: whoever has all three can send to it.
CREATE TABLE push_browsers (
  browser_id TEXT PRIMARY KEY,
  endpoint TEXT NOT NULL UNIQUE,
  p256dh TEXT NOT NULL,
  auth TEXT NOT NULL,
  name TEXT NOT NULL,
  site TEXT NOT NULL,
  asks INTEGER NOT NULL,
  ends INTEGER NOT NULL,
  created_ms INTEGER NOT NULL,
  reached_ms INTEGER,
  failing_ms INTEGER
) STRICT, WITHOUT ROWID;

-- Notifications that no push service has taken yet.
CREATE TABLE push_messages (
  push_id TEXT PRIMARY KEY,
  browser_id TEXT NOT NULL,
  payload TEXT NOT NULL,
  urgency TEXT NOT NULL,
  expires_ms INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX push_messages_by_browser ON push_messages (browser_id);

-- How many notifications of each kind went in the minute that began then, and how many more there were.
CREATE TABLE push_pace (
  kind TEXT PRIMARY KEY,
  since_ms INTEGER NOT NULL,
  told INTEGER NOT NULL,
  more INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Of which the owner was notified already: 1 that it asks, 2 that it has ended.
ALTER TABLE jobs ADD COLUMN notified INTEGER NOT NULL DEFAULT 0;
