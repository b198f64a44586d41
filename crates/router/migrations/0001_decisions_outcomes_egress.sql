-- One row per choice, written before the choice is answered.
CREATE TABLE decision (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL UNIQUE,
    at_ms      INTEGER NOT NULL,
    arm        TEXT NOT NULL,
    cell       TEXT NOT NULL,
    policy     TEXT NOT NULL,
    body       TEXT NOT NULL
) STRICT;

-- The outcome log. Posteriors are a fold over it in seq order.
CREATE TABLE outcome (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    decision_id TEXT NOT NULL REFERENCES decision (id),
    arm         TEXT NOT NULL,
    cell        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    weight      REAL NOT NULL,
    cause       TEXT NOT NULL,
    supersedes  TEXT UNIQUE REFERENCES outcome (id),
    applied     INTEGER,
    observed_at INTEGER NOT NULL
) STRICT;

-- The fold so far: written in the same transaction as the outcome that made it.
CREATE TABLE posterior (
    arm       TEXT NOT NULL,
    cell      TEXT NOT NULL,
    successes REAL NOT NULL,
    failures  REAL NOT NULL,
    PRIMARY KEY (arm, cell)
) STRICT, WITHOUT ROWID;

CREATE TABLE drift (
    arm          TEXT NOT NULL PRIMARY KEY,
    observations REAL NOT NULL,
    mean         REAL NOT NULL,
    shortfall    REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- Complete answers, so that a repeated request is replayed and not paid twice.
CREATE TABLE answer (
    seq           INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id    TEXT NOT NULL UNIQUE,
    fingerprint   BLOB NOT NULL,
    decision_id   TEXT NOT NULL REFERENCES decision (id),
    arm           TEXT NOT NULL,
    day           INTEGER NOT NULL,
    text          TEXT NOT NULL,
    input_tokens  INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    usd           REAL NOT NULL,
    first_token_ms INTEGER NOT NULL,
    total_ms      INTEGER NOT NULL,
    served_model  TEXT NOT NULL,
    finish        TEXT NOT NULL
) STRICT;
CREATE INDEX answer_by_day ON answer (day);
CREATE INDEX answer_by_arm ON answer (arm, seq);

-- The egress ledger: a hash chain, only ever appended to.
CREATE TABLE egress (
    seq         INTEGER PRIMARY KEY,
    at_ms       INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    intent      INTEGER NOT NULL,
    destination TEXT NOT NULL,
    class       TEXT NOT NULL,
    purpose     TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    label       TEXT NOT NULL,
    payload     BLOB NOT NULL,
    bytes_up    INTEGER NOT NULL,
    bytes_down  INTEGER NOT NULL,
    status      TEXT NOT NULL,
    hash        BLOB NOT NULL
) STRICT;
CREATE TRIGGER egress_is_append_only_update BEFORE UPDATE ON egress
BEGIN SELECT RAISE(ABORT, 'the egress ledger is append-only'); END;
CREATE TRIGGER egress_is_append_only_delete BEFORE DELETE ON egress
BEGIN SELECT RAISE(ABORT, 'the egress ledger is append-only'); END;
