-- A session is told of a resource once, however often it changed: what it is still to be told is a mark on its subscription
-- and no longer a kept event.
ALTER TABLE subscriptions ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;

UPDATE subscriptions SET pending = 1 WHERE session_id IN (SELECT client_uuid FROM inbox);

DELETE FROM inbox WHERE client_uuid IN (SELECT session_id FROM sessions)
  AND client_uuid NOT IN (SELECT uuid FROM clients);

CREATE INDEX subscriptions_told ON subscriptions (topic) WHERE pending = 0;
