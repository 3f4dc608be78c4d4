-- The grant of the share link by which a job came, or null.
ALTER TABLE jobs ADD COLUMN guest TEXT;

-- Whether such a job may run: 'asked' while it waits for the owner, 'given' once the owner has agreed, null where none is needed.
ALTER TABLE jobs ADD COLUMN consent TEXT;

CREATE INDEX jobs_guest ON jobs (guest) WHERE guest IS NOT NULL;
