-- Who sent the job, for its Blender: {"grant", "client"} as JSON, or null where the server did by itself.
ALTER TABLE jobs ADD COLUMN sender TEXT;
