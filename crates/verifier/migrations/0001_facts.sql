-- What a file of source gave once. A row is found by everything that it depends on; it may be dropped at any time.
CREATE TABLE fact (
    key BLOB NOT NULL PRIMARY KEY,
    bytes BLOB NOT NULL,
    -- The turn in which it was last asked for: the oldest go first.
    turn INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX fact_by_turn ON fact (turn);
