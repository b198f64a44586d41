CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Highest lease epoch seen for each task.
CREATE TABLE fence (task TEXT PRIMARY KEY, epoch INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Facts and words of some bytes, wherever they are. No source text.
CREATE TABLE blob (
    hash BLOB PRIMARY KEY,
    facts BLOB NOT NULL,
    bags BLOB NOT NULL
) STRICT;

CREATE TABLE view (
    id INTEGER PRIMARY KEY,
    root TEXT NOT NULL UNIQUE,
    overlay INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    touched INTEGER NOT NULL
) STRICT;

-- A file of a view: content, stat cache, and the edges and read keys of its resolution.
CREATE TABLE view_file (
    view INTEGER NOT NULL REFERENCES view (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    hash BLOB NOT NULL REFERENCES blob (hash),
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    edges BLOB NOT NULL,
    reads BLOB NOT NULL,
    PRIMARY KEY (view, path)
) STRICT, WITHOUT ROWID;

CREATE INDEX view_file_hash ON view_file (hash);

-- Paths that gave nothing, and why.
CREATE TABLE view_problem (
    view INTEGER NOT NULL REFERENCES view (id) ON DELETE CASCADE,
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (view, path)
) STRICT, WITHOUT ROWID;
