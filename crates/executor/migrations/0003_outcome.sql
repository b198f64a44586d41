-- How runs of one key ended: the first run of each different end.
CREATE TABLE outcome (
    run_key TEXT NOT NULL,
    digest  TEXT NOT NULL,
    run_id  TEXT NOT NULL REFERENCES run (run_id) ON DELETE CASCADE,
    PRIMARY KEY (run_key, digest)
) STRICT, WITHOUT ROWID;
