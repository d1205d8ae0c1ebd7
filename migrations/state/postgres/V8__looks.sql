-- When the keys of each account are looked at next. What a quiet look found is not history, so it
-- stands here and not in the log: the validator of the provider's list (RFC 9110 section 8.8), and
-- the account's version that the list agreed with.
CREATE TABLE looks (
    account  TEXT NOT NULL PRIMARY KEY,
    provider TEXT NOT NULL,
    due_at   TEXT NOT NULL,
    tag      TEXT,
    version  BIGINT NOT NULL
);

CREATE INDEX looks_due ON looks (provider, due_at);
