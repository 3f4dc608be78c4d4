-- What a user has put here, or is about to.
CREATE TABLE files (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  file_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  mime_type TEXT NOT NULL,
  -- 'open' while it is an upload, 'stored' once it is whole.
  state TEXT NOT NULL,
  blob INTEGER NOT NULL,
  -- What was said when the upload was made.
  declared_bytes INTEGER,
  declared_sha256 TEXT,
  -- Who made it: the grant, and the Blender where a job of one did.
  grant_id TEXT NOT NULL,
  blender TEXT,
  job_id TEXT,
  -- 'upload' for what somebody sent, 'result' for the long result of the job.
  kind TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  expires_ms INTEGER NOT NULL,
  pinned INTEGER NOT NULL
) STRICT;
CREATE INDEX files_of_blob ON files (blob);
CREATE INDEX files_of_job ON files (job_id) WHERE job_id IS NOT NULL;

-- Content. Files with the same content share it. One that no file has is cleaned away.
CREATE TABLE blobs (
  blob INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Set once it is whole.
  sha256 TEXT UNIQUE,
  bytes INTEGER NOT NULL,
  -- How many bytes an upload is to have, where that is known.
  expected INTEGER,
  -- 'sqlite' or 'r2'.
  place TEXT NOT NULL,
  -- Of an upload: the running SHA-256, and when the last bytes came.
  hash_state BLOB,
  touched_ms INTEGER NOT NULL,
  -- In R2: the multipart upload, and how many bytes are in its parts. The bytes after those are in `chunks`.
  multipart TEXT,
  parted INTEGER NOT NULL
) STRICT;

-- Bytes of content: `chunk` is blob * 2^20 + number, and each but the last of a blob has 1 MiB.
CREATE TABLE chunks (
  chunk INTEGER PRIMARY KEY,
  bytes BLOB NOT NULL
) STRICT;

-- Parts of multipart uploads in R2.
CREATE TABLE parts (
  blob INTEGER NOT NULL,
  number INTEGER NOT NULL,
  etag TEXT NOT NULL,
  PRIMARY KEY (blob, number)
) STRICT;
