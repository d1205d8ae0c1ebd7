-- Whose each provider's lane is, where several instances work on one database: until when, and until when
-- the provider asked to be left alone.
CREATE TABLE lanes (
    provider TEXT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    until TEXT NOT NULL,
    rest_until TEXT
);
