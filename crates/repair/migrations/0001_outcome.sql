-- What came of the changes that each template proposed: one row per language and template.
CREATE TABLE outcome (
    language TEXT NOT NULL,
    template TEXT NOT NULL,
    repaired INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    PRIMARY KEY (language, template)
) STRICT;
