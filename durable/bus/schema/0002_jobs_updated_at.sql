-- When a job last changed without ending.
ALTER TABLE jobs ADD COLUMN updated_at INTEGER;
