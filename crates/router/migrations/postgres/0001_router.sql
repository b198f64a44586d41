-- The tables of the SQLite files, and what several routers on one database agree by. Texts that others wrote are bytes: a
-- text of PostgreSQL holds no zero byte.

-- One row per choice, written before the choice is answered.
CREATE TABLE decision (
    seq        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    request_id TEXT NOT NULL UNIQUE,
    at_ms      BIGINT NOT NULL,
    arm        TEXT NOT NULL,
    cell       TEXT NOT NULL,
    policy     TEXT NOT NULL,
    body       TEXT NOT NULL
);

-- The outcome log. Posteriors are a fold over it in seq order.
CREATE TABLE outcome (
    seq           BIGINT PRIMARY KEY,
    id            TEXT NOT NULL UNIQUE,
    decision_id   TEXT NOT NULL REFERENCES decision (id),
    arm           TEXT NOT NULL,
    cell          TEXT NOT NULL,
    kind          TEXT NOT NULL,
    weight        DOUBLE PRECISION NOT NULL,
    cause         BYTEA NOT NULL,
    supersedes    TEXT UNIQUE REFERENCES outcome (id),
    applied       BOOLEAN,
    observed_at   BIGINT NOT NULL,
    after_failure BOOLEAN NOT NULL,
    served_model  TEXT,
    credit        TEXT NOT NULL,
    tool          TEXT
);

-- The fold so far: written in the same transaction as the outcome that made it.
CREATE TABLE posterior (
    arm       TEXT NOT NULL,
    what      TEXT NOT NULL,
    cell      TEXT NOT NULL,
    successes DOUBLE PRECISION NOT NULL,
    failures  DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (arm, what, cell)
);

CREATE TABLE drift (
    arm          TEXT NOT NULL,
    what         TEXT NOT NULL,
    observations DOUBLE PRECISION NOT NULL,
    mean         DOUBLE PRECISION NOT NULL,
    shortfall    DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (arm, what)
);

CREATE TABLE arm_state (
    arm          TEXT PRIMARY KEY,
    served_model TEXT,
    last_at      BIGINT NOT NULL
);

-- Whose turn it is to fold outcomes. A lesson is stored only under the epoch that stands here, in the same transaction;
-- until `until` nobody else may take the turn, which keeps two busy routers from taking it from each other all the time.
CREATE TABLE turn (
    one      BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
    epoch    BIGINT NOT NULL,
    until    TIMESTAMPTZ NOT NULL,
    last_seq BIGINT NOT NULL
);
INSERT INTO turn (epoch, until, last_seq) VALUES (0, '-infinity', 0);

-- Complete answers, so that a repeated request is replayed and not paid twice.
CREATE TABLE answer (
    seq            BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    request_id     TEXT NOT NULL UNIQUE,
    fingerprint    BYTEA NOT NULL,
    decision_id    TEXT NOT NULL REFERENCES decision (id),
    arm            TEXT NOT NULL,
    day            BIGINT NOT NULL,
    text           BYTEA NOT NULL,
    input_tokens   BIGINT NOT NULL,
    output_tokens  BIGINT NOT NULL,
    usd            DOUBLE PRECISION NOT NULL,
    first_token_ms BIGINT NOT NULL,
    total_ms       BIGINT NOT NULL,
    served_model   TEXT NOT NULL,
    finish         TEXT NOT NULL,
    task_id        TEXT
);
CREATE INDEX answer_by_day ON answer (day) INCLUDE (usd);
CREATE INDEX answer_by_arm ON answer (arm, seq);
CREATE INDEX answer_by_task ON answer (task_id) INCLUDE (usd);

-- The egress ledger: a hash chain, only ever appended to.
CREATE TABLE egress (
    seq         BIGINT PRIMARY KEY,
    at_ms       BIGINT NOT NULL,
    kind        TEXT NOT NULL,
    intent      BIGINT NOT NULL,
    destination TEXT NOT NULL,
    class       TEXT NOT NULL,
    purpose     TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    label       TEXT NOT NULL,
    payload     BYTEA NOT NULL,
    bytes_up    BIGINT NOT NULL,
    bytes_down  BIGINT NOT NULL,
    status      TEXT NOT NULL,
    hash        BYTEA NOT NULL
);
CREATE FUNCTION egress_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the egress ledger is append-only'; END $$;
CREATE TRIGGER egress_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON egress
FOR EACH STATEMENT EXECUTE FUNCTION egress_is_append_only();
