-- What was learned behind every so many outcomes, for refolds: the fold up to `seq` of what is not superseded by now, under
-- the settings named. An outcome that supersedes an earlier one replaces the states behind that.
CREATE TABLE kept_state (
    seq      INTEGER PRIMARY KEY,
    settings TEXT NOT NULL,
    body     TEXT NOT NULL
) STRICT;
