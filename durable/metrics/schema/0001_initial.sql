CREATE TABLE counts (
  family TEXT NOT NULL,
  label TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (family, label)
) STRICT, WITHOUT ROWID;

CREATE TABLE gauges (
  source TEXT NOT NULL,
  family TEXT NOT NULL,
  label TEXT NOT NULL,
  value INTEGER NOT NULL,
  PRIMARY KEY (source, family, label)
) STRICT, WITHOUT ROWID;
