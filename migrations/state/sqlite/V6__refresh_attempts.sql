-- Refreshes that were sent and not answered: the tokens of this generation may be used up.
CREATE TABLE refresh_attempts (
    secret TEXT NOT NULL PRIMARY KEY,
    generation INTEGER NOT NULL,
    begun_at TEXT NOT NULL
) STRICT;
