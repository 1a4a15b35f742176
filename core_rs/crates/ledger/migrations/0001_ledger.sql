-- The ledger's first schema. Movements are inserted only; a balance is a derived total that changes only
-- in the transaction that inserts its movement. Quantities are in hundred-thousandths of their unit,
-- values in cents of a US dollar, instants in nanoseconds since 1970.

CREATE TABLE ledger (
    only_row        INTEGER PRIMARY KEY CHECK (only_row = 1),
    ledger_id       TEXT    NOT NULL,
    last_verdict_no INTEGER NOT NULL,
    last_decided_at INTEGER NOT NULL
) STRICT;

CREATE TABLE license (
    license_id          INTEGER PRIMARY KEY,
    agency              TEXT    NOT NULL,
    permit_key          TEXT    NOT NULL,
    permit_number       TEXT    NOT NULL,  -- as its agency writes it
    lookup_number          TEXT    NOT NULL,  -- as it is looked up: no spaces, upper case
    version             INTEGER NOT NULL CHECK (version >= 1),
    status              INTEGER NOT NULL CHECK (status BETWEEN 1 AND 8),
    permit_seq          INTEGER NOT NULL CHECK (permit_seq >= 1),
    discharge_signature TEXT    NOT NULL,
    UNIQUE (permit_key, lookup_number, agency)
) STRICT;

CREATE TABLE license_version (
    license_id    INTEGER NOT NULL REFERENCES license,
    version       INTEGER NOT NULL,
    change_sha256 BLOB    NOT NULL,  -- of the change without its signing time: equal for the same change signed again
    content       BLOB    NOT NULL,  -- serialised License
    envelope      BLOB    NOT NULL,  -- serialised Envelope: the evidence
    verdict_no    INTEGER NOT NULL,
    PRIMARY KEY (license_id, version)
) STRICT;

CREATE TABLE balance (
    license_id           INTEGER NOT NULL REFERENCES license,
    license_line_no      INTEGER NOT NULL,
    unit                 INTEGER NOT NULL,
    authorized_quantity  INTEGER,  -- NULL: this dimension is not limited
    available_quantity   INTEGER,
    reserved_quantity    INTEGER NOT NULL CHECK (reserved_quantity >= 0),
    exercised_quantity   INTEGER NOT NULL CHECK (exercised_quantity >= 0),
    authorized_usd       INTEGER,
    available_usd        INTEGER,
    reserved_usd         INTEGER NOT NULL CHECK (reserved_usd >= 0),
    exercised_usd        INTEGER NOT NULL CHECK (exercised_usd >= 0),
    PRIMARY KEY (license_id, license_line_no),
    CHECK ((authorized_quantity IS NULL) = (available_quantity IS NULL)),
    CHECK ((authorized_usd IS NULL) = (available_usd IS NULL)),
    CHECK (available_quantity IS NULL OR available_quantity >= 0),
    CHECK (available_usd IS NULL OR available_usd >= 0),
    CHECK (authorized_quantity IS NULL
           OR authorized_quantity = available_quantity + reserved_quantity + exercised_quantity),
    CHECK (authorized_usd IS NULL OR authorized_usd = available_usd + reserved_usd + exercised_usd)
) STRICT, WITHOUT ROWID;

CREATE TABLE movement (
    license_id          INTEGER NOT NULL REFERENCES license,
    permit_seq          INTEGER NOT NULL,
    kind                INTEGER NOT NULL,
    version             INTEGER NOT NULL,
    status              INTEGER NOT NULL,
    license_line_no     INTEGER NOT NULL,
    line_no             INTEGER NOT NULL,
    taken_quantity      INTEGER,
    taken_usd           INTEGER,
    returned_quantity   INTEGER,
    returned_usd        INTEGER,
    available_quantity  INTEGER,  -- after the movement
    available_usd       INTEGER,
    reserved_quantity   INTEGER NOT NULL,
    reserved_usd        INTEGER NOT NULL,
    exercised_quantity  INTEGER NOT NULL,
    exercised_usd       INTEGER NOT NULL,
    verdict_no          INTEGER NOT NULL,
    PRIMARY KEY (license_id, permit_seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE draw (
    declaration_number TEXT    NOT NULL,
    shipment_no        INTEGER NOT NULL,  -- 0: the whole declaration
    line_no            INTEGER NOT NULL,
    license_id         INTEGER NOT NULL REFERENCES license,
    license_line_no    INTEGER NOT NULL,
    quantity           INTEGER,
    value_usd          INTEGER,
    state              INTEGER NOT NULL,
    statement_sha256   BLOB    NOT NULL,
    verdict_no         INTEGER NOT NULL,
    PRIMARY KEY (declaration_number, shipment_no, line_no, license_id, license_line_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE position (
    declaration_number TEXT    NOT NULL,
    shipment_no        INTEGER NOT NULL,
    position_no        INTEGER NOT NULL,
    state              INTEGER NOT NULL,
    acceptance_code    TEXT    NOT NULL,
    verdict_no         INTEGER NOT NULL,
    PRIMARY KEY (declaration_number, shipment_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE verdict (
    verdict_no INTEGER PRIMARY KEY,
    caller     TEXT    NOT NULL,
    refused    INTEGER NOT NULL CHECK (refused IN (0, 1)),
    decided_at INTEGER NOT NULL,
    request    BLOB    NOT NULL,
    answer     BLOB    NOT NULL
) STRICT;

-- Refusals are kept within a bound for each caller; this finds the oldest.
CREATE INDEX verdict_refused ON verdict (caller, verdict_no) WHERE refused = 1;

-- Several requests may have one verdict: the same draw stated again under a fresh key, for one.
CREATE TABLE request (
    caller         TEXT    NOT NULL,
    request_id     TEXT    NOT NULL,
    request_sha256 BLOB    NOT NULL,
    verdict_no     INTEGER NOT NULL,
    PRIMARY KEY (caller, request_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX request_verdict ON request (verdict_no);

CREATE TRIGGER movement_never_changes BEFORE UPDATE ON movement
BEGIN SELECT RAISE(ABORT, 'movements are inserted only'); END;
CREATE TRIGGER movement_never_goes BEFORE DELETE ON movement
BEGIN SELECT RAISE(ABORT, 'movements are inserted only'); END;
CREATE TRIGGER license_version_never_changes BEFORE UPDATE ON license_version
BEGIN SELECT RAISE(ABORT, 'license versions are inserted only'); END;
CREATE TRIGGER license_version_never_goes BEFORE DELETE ON license_version
BEGIN SELECT RAISE(ABORT, 'license versions are inserted only'); END;
CREATE TRIGGER license_never_goes BEFORE DELETE ON license
BEGIN SELECT RAISE(ABORT, 'licenses are never deleted'); END;
