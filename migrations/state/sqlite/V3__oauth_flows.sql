-- OAuth flows under way, under the SHA-256 of their `state`. The box holds what the callback needs
-- (the PKCE verifier); the rest is what the callback must agree with.
CREATE TABLE oauth_flows (
    state_hash  TEXT NOT NULL PRIMARY KEY,
    provider    TEXT NOT NULL,
    user_id     TEXT NOT NULL,
    session_id  TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    box         BLOB NOT NULL,
    created_at  TEXT NOT NULL,
    expires_at  TEXT NOT NULL,
    consumed_at TEXT
) STRICT;

CREATE INDEX oauth_flows_by_expiry ON oauth_flows (expires_at);
