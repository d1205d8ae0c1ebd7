-- Tokens that a provider gave for a link that is not made yet. They are sealed before anything else is
-- done with them, so that a link that never comes about leaves no grant there that nobody knows of:
-- what is still here when it is due is revoked. The account is known once the provider said whose they are.
CREATE TABLE exchanged_grants (
    secret       TEXT NOT NULL PRIMARY KEY,
    provider     TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    account      TEXT,
    exchanged_at TEXT NOT NULL,
    due_at       TEXT NOT NULL,
    tries        BIGINT NOT NULL
);

CREATE INDEX exchanged_grants_due ON exchanged_grants (provider, due_at);
