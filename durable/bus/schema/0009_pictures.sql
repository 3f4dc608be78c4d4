-- 1 for a job whose result has a picture that pages show, else null.
ALTER TABLE jobs ADD COLUMN picture INTEGER;

-- All that a page asks of the newest picture of a Blender, so that no row with its result is read.
CREATE INDEX jobs_with_picture ON jobs (target_uuid, seq, job_id, finished_at) WHERE picture = 1;
