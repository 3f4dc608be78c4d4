CREATE TABLE names_kept (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  from_the_start INTEGER NOT NULL
) STRICT;
INSERT INTO names_kept (one, from_the_start) SELECT 1, NOT EXISTS (SELECT 1 FROM keys);
