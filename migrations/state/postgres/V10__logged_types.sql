-- Which types of events the log has, each with the schema of its data, and the first program that
-- met one. So a program that is older than its data can say so before it writes anything, without
-- reading the history.
CREATE TABLE logged_types (
    type    TEXT   NOT NULL,
    schema  BIGINT NOT NULL,
    program TEXT   NOT NULL,
    PRIMARY KEY (type, schema)
);
