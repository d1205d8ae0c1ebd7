-- How far each projection has read the log, and how far its rebuild has. What else follows the log
-- (the key-sync policy) keeps its place here too.
CREATE TABLE projections (
    name               TEXT NOT NULL PRIMARY KEY,
    version            INTEGER NOT NULL,
    next_index         INTEGER NOT NULL,
    rebuild_next       INTEGER,
    rebuild_generation INTEGER
) STRICT;
