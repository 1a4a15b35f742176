-- The life of a license after its issue: what stops its exercise, for a time or for good.

-- Stops without an end by reinstatement; 0 spares every exercise a look into `stop`.
ALTER TABLE license ADD COLUMN open_stops INTEGER NOT NULL DEFAULT 0 CHECK (open_stops >= 0);

CREATE TABLE stop (
    license_id       INTEGER NOT NULL REFERENCES license,
    version          INTEGER NOT NULL,  -- of the license: the one that the stop made
    kind             INTEGER NOT NULL CHECK (kind IN (4, 6, 7)),  -- a MovementKind
    lines            BLOB    NOT NULL,  -- serialised Extent
    offices          BLOB    NOT NULL,  -- serialised Extent
    start_at         INTEGER NOT NULL,
    end_at           INTEGER,           -- NULL: until it is ended
    reason           TEXT    NOT NULL,
    legal_basis      TEXT    NOT NULL,
    ended_by_version INTEGER,           -- NULL: no reinstatement ended it
    PRIMARY KEY (license_id, version),
    CHECK (end_at IS NULL OR end_at > start_at),
    CHECK (kind = 4 OR (end_at IS NULL AND ended_by_version IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER stop_only_ends BEFORE UPDATE ON stop
WHEN OLD.ended_by_version IS NOT NULL OR NEW.ended_by_version IS NULL
     OR NEW.version <> OLD.version OR NEW.license_id <> OLD.license_id OR NEW.kind <> OLD.kind
     OR NEW.lines <> OLD.lines OR NEW.offices <> OLD.offices OR NEW.start_at <> OLD.start_at
     OR NEW.end_at IS NOT OLD.end_at OR NEW.reason <> OLD.reason
     OR NEW.legal_basis <> OLD.legal_basis
BEGIN SELECT RAISE(ABORT, 'a stop changes only by being ended, once'); END;
CREATE TRIGGER stop_never_goes BEFORE DELETE ON stop
BEGIN SELECT RAISE(ABORT, 'stops are never deleted'); END;
