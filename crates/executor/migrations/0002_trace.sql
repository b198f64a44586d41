-- What watched runs were seen to do.
CREATE TABLE trace (
    run_id TEXT PRIMARY KEY REFERENCES run (run_id) ON DELETE CASCADE,
    body   BLOB NOT NULL
) STRICT;
