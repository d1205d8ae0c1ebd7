-- One row is one event: its place and its line. Nothing else is written when an event is taken;
-- which stream an event belongs to is in the line, and in the index beside this file.
CREATE TABLE events (
    idx  INTEGER PRIMARY KEY,
    line TEXT NOT NULL
) STRICT;

CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only: an event is never changed');
END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only: an event is never deleted');
END;

-- Also what refuses INSERT OR REPLACE, which fires no trigger of DELETE.
CREATE TRIGGER events_have_no_gaps BEFORE INSERT ON events
WHEN NEW.idx IS NOT (SELECT coalesce(max(idx), -1) + 1 FROM events)
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only: an event takes the place after the last');
END;
