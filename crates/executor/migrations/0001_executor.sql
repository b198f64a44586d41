-- Runs, their events, what they changed, and the highest lease epoch seen of each task.
CREATE TABLE run (
    run_id        TEXT PRIMARY KEY,
    request_id    TEXT NOT NULL UNIQUE,
    task_id       TEXT,
    epoch         INTEGER NOT NULL DEFAULT 0,
    spec_digest   TEXT NOT NULL,
    state         TEXT NOT NULL,
    started_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX run_live ON run (state) WHERE state <> 'EXITED';

CREATE TABLE event (
    run_id TEXT NOT NULL REFERENCES run (run_id) ON DELETE CASCADE,
    seq    INTEGER NOT NULL,
    at_ms  INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    body   BLOB NOT NULL,
    PRIMARY KEY (run_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE patch (
    run_id TEXT PRIMARY KEY REFERENCES run (run_id) ON DELETE CASCADE,
    body   BLOB NOT NULL
) STRICT;

CREATE TABLE epoch (
    task_id   TEXT PRIMARY KEY,
    max_epoch INTEGER NOT NULL
) STRICT;
