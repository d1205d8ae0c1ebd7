-- The log. What is written at once is one segment: a run of events, each its line, byte for byte, and
-- between two lines a line feed, which no line holds. A row for each event, and an entry for it in the
-- index of streams, would cost four times as much of the processor before an event is acknowledged.
CREATE TABLE log_segments (
    first BIGINT PRIMARY KEY,                -- the index of its first event
    upto BIGINT NOT NULL,                    -- the index after its last
    recorded_at TEXT COLLATE "C" NOT NULL,   -- the time that stands in its lines
    streams UUID[] NOT NULL,                 -- of each event the key of its stream
    versions BIGINT[] NOT NULL,              -- and its number in it
    lines TEXT NOT NULL
);

ALTER TABLE log_segments ALTER COLUMN streams SET STORAGE MAIN, ALTER COLUMN versions SET STORAGE MAIN;

-- Lines are alike: a quarter of the bytes to write, to sync and to send to a standby. The other way
-- to compress them takes longer than it saves.
DO $$
BEGIN
    EXECUTE 'ALTER TABLE log_segments ALTER COLUMN lines SET COMPRESSION lz4';
EXCEPTION WHEN feature_not_supported OR syntax_error THEN
    ALTER TABLE log_segments ALTER COLUMN lines SET STORAGE EXTERNAL;
END
$$;

CREATE FUNCTION refuse_to_change_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % of % is refused', lower(TG_OP), TG_TABLE_NAME;
END
$$;

CREATE TRIGGER log_is_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON log_segments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_history();

-- Gives a segment its place. One transaction after the other has the lock, and has it until its
-- commit: so places are given in the order in which readers come to see them, whichever instance
-- appends, and none is left out.
--
-- `first` comes in as how far its writer knows the log. If the log is further, none of the streams may
-- have moved on there: the versions that the writer expects are the true ones.
--
-- The first event of a stream is the only one that may come of a stream its writer knows nothing of:
-- there must be no other before. `upto` comes in as the index from which the writer would know of it.
--
-- Every query costs some hundredths of a millisecond, in which nobody else can append, and every
-- expression one thousandth, as each is made ready anew: so there are few of either, and what is seldom
-- asked stands inside of what is mostly not so.
CREATE FUNCTION log_take_next_places() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    locked TEXT;
    last BIGINT;
    size BIGINT;
    newest TEXT COLLATE "C";
    neighbours UUID[];
    place INT;
    begun UUID[];
BEGIN
    locked := pg_advisory_xact_lock(7809644670);
    SELECT first, upto, recorded_at, streams INTO last, size, newest, neighbours
        FROM log_segments ORDER BY first DESC LIMIT 1;
    IF (NEW.first BETWEEN 0 AND coalesce(size, 0)) IS NOT TRUE THEN
        RAISE EXCEPTION 'the log is append-only: an event takes the place after the last';
    END IF;
    IF cardinality(NEW.streams) = 0 OR cardinality(NEW.streams) <> cardinality(NEW.versions) THEN
        RAISE EXCEPTION 'the log is append-only: a segment says of each event where it belongs';
    END IF;
    -- Mostly there is one segment that its writer does not know yet: its own last.
    IF NEW.first < size AND NEW.streams && neighbours THEN
        RAISE unique_violation USING CONSTRAINT = 'log_stream_version',
            MESSAGE = 'a stream has moved on';
    END IF;
    IF NEW.first < last THEN
        IF EXISTS (
            SELECT FROM log_segments AS later
            WHERE later.first >= NEW.first AND later.first < last AND later.streams && NEW.streams
        ) THEN
            RAISE unique_violation USING CONSTRAINT = 'log_stream_version',
                MESSAGE = 'a stream has moved on';
        END IF;
    END IF;
    FOREACH place IN ARRAY array_positions(NEW.versions, 1::BIGINT) LOOP
        begun := begun || NEW.streams[place];
    END LOOP;
    IF begun IS NOT NULL THEN
        -- One query, so that the places are those of the events before that index.
        IF EXISTS (SELECT FROM log_places WHERE stream = ANY (begun))
            OR coalesce(NEW.upto, size) > (SELECT upto FROM log_indexed WHERE id = 1) AND EXISTS (
                SELECT FROM log_segments AS earlier
                WHERE earlier.first >= (SELECT upto FROM log_indexed WHERE id = 1)
                    AND earlier.first < coalesce(NEW.upto, size) AND earlier.streams && begun
            )
        THEN
            RAISE unique_violation USING CONSTRAINT = 'log_stream_version',
                MESSAGE = 'a stream has begun already';
        END IF;
    END IF;
    -- Clocks differ, and time never goes back. In a line the first such text is the envelope's.
    IF newest > NEW.recorded_at THEN
        SELECT string_agg(
            overlay(line PLACING newest
                FROM position('"recorded_at":"' IN line) + 15 FOR length(NEW.recorded_at)),
            E'\n' ORDER BY nth
        ) INTO NEW.lines
        FROM unnest(string_to_array(NEW.lines, E'\n')) WITH ORDINALITY AS event (line, nth);
        NEW.recorded_at := newest;
    END IF;
    NEW.first := coalesce(size, 0);
    NEW.upto := NEW.first + cardinality(NEW.streams);
    RETURN NEW;
END
$$;

CREATE TRIGGER log_segments_take_next_places
    BEFORE INSERT ON log_segments
    FOR EACH ROW EXECUTE FUNCTION log_take_next_places();

-- For people: a row for each event.
CREATE VIEW events AS
    SELECT first + nth - 1 AS idx, line
    FROM log_segments, unnest(string_to_array(lines, E'\n')) WITH ORDINALITY AS event (line, nth);

-- Where each stream's events stand. It follows from the segments and is filled behind them, and what
-- a stream has in so many of them is one row: most have several events in a row, or none.
CREATE TABLE log_places (
    stream UUID NOT NULL,
    version BIGINT NOT NULL,                 -- the number of the last of them in the stream
    places BIGINT[] NOT NULL,                -- the index of each
    CONSTRAINT log_places_stream_version PRIMARY KEY (stream, version)
);

-- One row: the events before this index are in log_places. Setting it to 0 and emptying log_places
-- has all of them found anew.
CREATE TABLE log_indexed (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    upto BIGINT NOT NULL
);

INSERT INTO log_indexed (id, upto) VALUES (1, 0);

CREATE TRIGGER log_indexed_stays
    BEFORE DELETE OR TRUNCATE ON log_indexed
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_history();

-- Finds the places of at most so many more events; returns how far they are known now, or nothing
-- if somebody else is at it. What a power failure takes of it is found again in the segments, so
-- nobody waits for the disk.
CREATE FUNCTION log_index(most BIGINT) RETURNS BIGINT LANGUAGE plpgsql AS $$
DECLARE
    known BIGINT;
    further BIGINT;
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    SELECT upto INTO known FROM log_indexed WHERE id = 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT upto INTO further FROM log_segments
        WHERE first >= known AND first < known + most ORDER BY first DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN known;
    END IF;
    INSERT INTO log_places (stream, version, places)
        SELECT stream, max(version), array_agg(first + nth - 1 ORDER BY version)
        FROM log_segments,
            unnest(streams, versions) WITH ORDINALITY AS event (stream, version, nth)
        WHERE first >= known AND first < further
        GROUP BY stream
        ORDER BY stream;
    UPDATE log_indexed SET upto = further WHERE id = 1;
    RETURN further;
END
$$;
