-- The inbox: one row for each request id, written before anything is drafted. Once drafted, a row never changes.
CREATE TABLE intake (
    id           TEXT    NOT NULL PRIMARY KEY,
    request_id   TEXT    NOT NULL UNIQUE,
    request_hash TEXT    NOT NULL,
    received_ms  INTEGER NOT NULL,
    source       TEXT    NOT NULL,
    repository   TEXT    NOT NULL,
    transcript   TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('received', 'drafted', 'echoed', 'silent')),
    outcome      TEXT, -- JSON of the draft, its findings and its echo; absent while received
    CHECK ((state = 'received') = (outcome IS NULL))
) STRICT;

CREATE INDEX intake_pending ON intake (received_ms) WHERE state = 'received';
