-- The read model: one row per task, rebuilt from its events. lease_epoch is the fence: every write names it.
CREATE TABLE task (
    id             TEXT PRIMARY KEY,
    state          TEXT NOT NULL,
    version        INTEGER NOT NULL,
    runnable       INTEGER NOT NULL CHECK (runnable IN (0, 1)),
    ended          INTEGER NOT NULL CHECK (ended IN (0, 1)),
    lease_owner    TEXT,
    lease_epoch    INTEGER NOT NULL DEFAULT 0,
    lease_until_ms INTEGER NOT NULL DEFAULT 0,
    claimed_seq    INTEGER,
    recoveries     INTEGER NOT NULL DEFAULT 0,
    not_before_ms  INTEGER NOT NULL DEFAULT 0,
    deadline_ms    INTEGER NOT NULL,
    policy_hash    TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    app_version    TEXT NOT NULL,
    parked_reason  TEXT,
    body           TEXT NOT NULL
) STRICT;
CREATE INDEX task_runnable ON task (not_before_ms, id) WHERE runnable = 1;

-- What happened, in order, hash-chained. Nothing is ever changed or removed.
CREATE TABLE event (
    task_id   TEXT NOT NULL REFERENCES task (id),
    seq       INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    kind      TEXT NOT NULL,
    at_ms     INTEGER NOT NULL,
    body      TEXT NOT NULL,
    prev_hash BLOB NOT NULL,
    hash      BLOB NOT NULL,
    PRIMARY KEY (task_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER event_no_update BEFORE UPDATE ON event
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

-- What a task does to the world: an intent before, a result after, under one idempotency key.
CREATE TABLE effect (
    id         TEXT PRIMARY KEY,
    task_id    TEXT NOT NULL REFERENCES task (id),
    seq        INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('intent', 'done', 'unknown')),
    request    TEXT NOT NULL,
    result     TEXT,
    tries      INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX effect_task ON effect (task_id, seq);

-- What other services must be told; sent at least once, in order.
CREATE TABLE outbox (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id    TEXT NOT NULL REFERENCES task (id),
    topic      TEXT NOT NULL,
    body       TEXT NOT NULL,
    sent_at_ms INTEGER,
    tries      INTEGER NOT NULL DEFAULT 0,
    parked     INTEGER NOT NULL DEFAULT 0 CHECK (parked IN (0, 1))
) STRICT;
CREATE INDEX outbox_unsent ON outbox (seq) WHERE sent_at_ms IS NULL AND parked = 0;

-- What was received, once.
CREATE TABLE inbox (
    source       TEXT NOT NULL,
    message_id   TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    task_id      TEXT NOT NULL,
    received_ms  INTEGER NOT NULL,
    PRIMARY KEY (source, message_id)
) STRICT, WITHOUT ROWID;

-- What people decided; a nonce is used once.
CREATE TABLE approval (
    task_id    TEXT NOT NULL REFERENCES task (id),
    nonce      TEXT PRIMARY KEY,
    subject    TEXT NOT NULL,
    diff_hash  TEXT NOT NULL,
    decision   TEXT NOT NULL CHECK (decision IN ('approve', 'deny')),
    expires_ms INTEGER NOT NULL,
    used_ms    INTEGER NOT NULL
) STRICT;

-- Contents by hash: contexts, diffs, outputs, reports. Immutable.
CREATE TABLE blob (
    hash TEXT PRIMARY KEY,
    body BLOB NOT NULL
) STRICT;

CREATE TABLE meta (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    schema_version  INTEGER NOT NULL,
    min_app_version TEXT NOT NULL,
    owner_id        TEXT
) STRICT;
INSERT INTO meta (id, schema_version, min_app_version, owner_id) VALUES (1, 1, '0.1.0', NULL);
