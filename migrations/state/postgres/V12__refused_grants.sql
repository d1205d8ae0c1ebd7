-- Tokens that were got because the ones before were refused: how many in a row, up to this generation.
CREATE TABLE refused_grants (
    secret TEXT NOT NULL PRIMARY KEY,
    generation BIGINT NOT NULL,
    refusals BIGINT NOT NULL
);
