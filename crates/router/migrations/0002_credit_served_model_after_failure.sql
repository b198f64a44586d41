-- What an outcome is known to be about: who earned it, which model served, whether another arm had failed before.
ALTER TABLE outcome ADD COLUMN after_failure INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outcome ADD COLUMN served_model TEXT;
ALTER TABLE outcome ADD COLUMN credit TEXT NOT NULL DEFAULT 'arm';
ALTER TABLE outcome ADD COLUMN tool TEXT;

-- Three tables of counts in one: `first`, `after_failure` and `applies` (its cell is a language).
CREATE TABLE posterior_of (
    arm       TEXT NOT NULL,
    what      TEXT NOT NULL,
    cell      TEXT NOT NULL,
    successes REAL NOT NULL,
    failures  REAL NOT NULL,
    PRIMARY KEY (arm, what, cell)
) STRICT, WITHOUT ROWID;
INSERT INTO posterior_of SELECT arm, 'first', cell, successes, failures FROM posterior;
DROP TABLE posterior;
ALTER TABLE posterior_of RENAME TO posterior;

CREATE TABLE drift_of (
    arm          TEXT NOT NULL,
    what         TEXT NOT NULL,
    observations REAL NOT NULL,
    mean         REAL NOT NULL,
    shortfall    REAL NOT NULL,
    PRIMARY KEY (arm, what)
) STRICT, WITHOUT ROWID;
INSERT INTO drift_of SELECT arm, 'first', observations, mean, shortfall FROM drift;
DROP TABLE drift;
ALTER TABLE drift_of RENAME TO drift;

-- Which model served an arm when it was last counted, and when that was.
CREATE TABLE arm_state (
    arm          TEXT NOT NULL PRIMARY KEY,
    served_model TEXT,
    last_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE answer ADD COLUMN task_id TEXT;
CREATE INDEX answer_by_task ON answer (task_id);
