CREATE TABLE device_guesses (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  count INTEGER NOT NULL,
  last_ms INTEGER NOT NULL
) STRICT;
