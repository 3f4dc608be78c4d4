-- The few jobs that ended, but not well: a list of them need not look through all the others.
CREATE INDEX jobs_not_completed ON jobs (state, seq) WHERE state IN ('failed', 'cancelled', 'lost');
