-- Data keys, each wrapped by the key-encryption key. A destroyed one keeps its row without the key:
-- what it sealed stays known as sealed, and can never be opened again.
CREATE TABLE vault_keys (
    owner        TEXT NOT NULL,
    purpose      TEXT NOT NULL,
    version      BIGINT NOT NULL,
    wrapped      BYTEA,
    kek_id       TEXT NOT NULL,
    created_at   TEXT NOT NULL,
    destroyed_at TEXT,
    PRIMARY KEY (owner, purpose, version),
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

-- Secrets. The box binds every other column but the times: see src/vault/envelope.rs.
CREATE TABLE vault_secrets (
    ref          TEXT NOT NULL PRIMARY KEY,
    owner        TEXT NOT NULL,
    purpose      TEXT NOT NULL,
    subject      TEXT NOT NULL,
    generation   BIGINT NOT NULL,
    key_version  BIGINT NOT NULL,
    box          BYTEA,
    created_at   TEXT NOT NULL,
    destroyed_at TEXT,
    CHECK ((box IS NULL) = (destroyed_at IS NOT NULL))
);

CREATE INDEX vault_secrets_by_owner ON vault_secrets (owner);

-- One known text, sealed under the key-encryption key: opens only with the right one.
CREATE TABLE vault_canary (
    name       TEXT NOT NULL PRIMARY KEY,
    kek_id     TEXT NOT NULL,
    box        BYTEA NOT NULL,
    created_at TEXT NOT NULL
);
