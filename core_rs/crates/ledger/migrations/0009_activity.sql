-- What agencies transmitted, counted as it is decided: refusals are dropped in time, and their counts
-- are not. Exercises are not counted here, so that a lane pays nothing for it; movements tell them.

-- By day in Mexico City. A key that its agency does not have is the empty one, so that nobody can make
-- this grow by inventing some.
CREATE TABLE submission_tally (
    day         TEXT    NOT NULL,  -- YYYY-MM-DD
    agency      TEXT    NOT NULL,
    permit_key  TEXT    NOT NULL,
    transmitted INTEGER NOT NULL CHECK (transmitted >= accepted),
    accepted    INTEGER NOT NULL CHECK (accepted >= resent),
    resent      INTEGER NOT NULL CHECK (resent >= 0),  -- accepted after a refusal of the same version
    PRIMARY KEY (day, agency, permit_key)
) STRICT, WITHOUT ROWID;

-- A refused submission counts once for each of its codes.
CREATE TABLE refusal_tally (
    day         TEXT    NOT NULL,
    agency      TEXT    NOT NULL,
    permit_key  TEXT    NOT NULL,
    code        TEXT    NOT NULL,
    submissions INTEGER NOT NULL,
    PRIMARY KEY (day, agency, permit_key, code)
) STRICT, WITHOUT ROWID;

-- Versions that were refused and not accepted since; kept as long as the refusal that is named.
CREATE TABLE refused_version (
    version_sha256 BLOB    PRIMARY KEY CHECK (length(version_sha256) = 32),  -- agency, key, number, version
    caller         TEXT    NOT NULL,
    verdict_no     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX refused_version_caller ON refused_version (caller, verdict_no);

-- How long licenses took that were issued here; those taken over from elsewhere are not here.
CREATE TABLE license_course (
    verdict_no  INTEGER PRIMARY KEY REFERENCES verdict,  -- the one that accepted it
    license_id  INTEGER NOT NULL REFERENCES license,
    applied_at  INTEGER,           -- NULL: its agency did not say
    ruled_at    INTEGER,           -- NULL: its agency did not say
    accepted_at INTEGER NOT NULL
) STRICT;

-- Since when submissions are counted: the last decision of a ledger that an earlier version wrote, 0
-- when all are.
CREATE TABLE counted_since (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    at       INTEGER NOT NULL
) STRICT;

INSERT INTO counted_since SELECT 1, coalesce((SELECT last_decided_at FROM ledger), 0);
