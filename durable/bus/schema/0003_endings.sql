-- Which process of its program a client is, as it said when it registered.
ALTER TABLE clients ADD COLUMN instance_id TEXT;

-- When a job that no Blender has taken is lost; none for one that waits for its Blender.
ALTER TABLE jobs ADD COLUMN expires_at INTEGER;
