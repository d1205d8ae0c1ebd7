-- How far each webhook's receiver is: behind which change of the log, and how the last try went.
-- The row is its own lease, so that of several instances one sends at a time.
CREATE TABLE webhook_deliveries (
    webhook TEXT NOT NULL PRIMARY KEY,
    seen_index BIGINT NOT NULL,
    seen_notice TEXT NOT NULL,
    revision BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    failing_since TEXT,
    due_at TEXT,
    problem TEXT,
    delivered_at TEXT,
    holder TEXT,
    held_until TEXT
);
