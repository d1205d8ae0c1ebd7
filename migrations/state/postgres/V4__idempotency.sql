-- Requests that carried an Idempotency-Key, and what was answered.
CREATE TABLE idempotency (
    principal  TEXT NOT NULL,
    route      TEXT NOT NULL,
    key        TEXT NOT NULL,
    body_hash  TEXT NOT NULL,
    state      TEXT NOT NULL,
    status     BIGINT,
    response   BYTEA,
    created_at TEXT NOT NULL,
    PRIMARY KEY (principal, route, key)
);

CREATE INDEX idempotency_by_age ON idempotency (created_at);
