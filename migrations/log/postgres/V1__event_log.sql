-- The log. An event is its line, byte for byte, and the place it stands at.

CREATE TABLE events (
    idx BIGINT PRIMARY KEY,
    stream TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    line TEXT NOT NULL,
    CONSTRAINT events_stream_version UNIQUE (stream, version)
);

-- One row: how many events there are and when the newest was taken. Whoever appends changes it in
-- the same statement and holds it until the commit, so places are given in the order in which
-- readers come to see them, whichever instance appends. The room on its page keeps the row's
-- older versions few.
CREATE TABLE log_head (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    size BIGINT NOT NULL,
    recorded_at TEXT COLLATE "C" NOT NULL
) WITH (fillfactor = 10);

INSERT INTO log_head (id, size, recorded_at) VALUES (1, 0, '');

CREATE FUNCTION refuse_to_change_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % of % is refused', lower(TG_OP), TG_TABLE_NAME;
END
$$;

CREATE TRIGGER events_are_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_history();

CREATE TRIGGER log_head_stays
    BEFORE DELETE OR TRUNCATE ON log_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_history();

-- Events come in only together with their places.
CREATE FUNCTION refuse_uncounted_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT size FROM log_head) IS DISTINCT FROM (SELECT max(idx) + 1 FROM events) THEN
        RAISE EXCEPTION 'the log is append-only: an event takes the place after the last';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER events_are_counted
    AFTER INSERT ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_uncounted_events();
