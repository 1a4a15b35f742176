-- What rests on a certificate whose key may be in other hands, and what its agency signed again.

CREATE TABLE quarantine (
    verdict_no         INTEGER PRIMARY KEY REFERENCES verdict,  -- the operator's order
    certificate_sha256 BLOB    NOT NULL CHECK (length(certificate_sha256) = 32),
    signed_after       INTEGER NOT NULL,  -- nanoseconds since 1970: what was decided then or later counts
    reason             TEXT    NOT NULL
) STRICT;

-- Versions that rest on the certificate of an order, from this verdict on.
CREATE TABLE license_quarantine (
    license_id INTEGER NOT NULL REFERENCES license,
    version    INTEGER NOT NULL,
    verdict_no INTEGER NOT NULL REFERENCES verdict,
    order_no   INTEGER NOT NULL REFERENCES quarantine,
    PRIMARY KEY (license_id, version, verdict_no)
) STRICT, WITHOUT ROWID;

CREATE INDEX license_quarantine_order ON license_quarantine (order_no, license_id);

-- An order is carried out in many verdicts; this one says that nothing is left to do.
CREATE TABLE quarantine_end (
    order_no   INTEGER PRIMARY KEY REFERENCES quarantine,
    verdict_no INTEGER NOT NULL REFERENCES verdict
) STRICT;

-- A version signed again: it rests on the newest envelope, here or else in `license_version`.
CREATE TABLE license_resigned (
    license_id INTEGER NOT NULL REFERENCES license,
    version    INTEGER NOT NULL,
    verdict_no INTEGER NOT NULL REFERENCES verdict,
    envelope   BLOB    NOT NULL,
    PRIMARY KEY (license_id, version, verdict_no)
) STRICT;

-- Both find what was signed since an instant, in the order of decisions. New entries go to the end.
CREATE INDEX license_version_verdict ON license_version (verdict_no);
CREATE INDEX license_resigned_verdict ON license_resigned (verdict_no);

CREATE TRIGGER quarantine_never_changes BEFORE UPDATE ON quarantine
BEGIN SELECT RAISE(ABORT, 'quarantines are inserted only'); END;
CREATE TRIGGER quarantine_never_goes BEFORE DELETE ON quarantine
BEGIN SELECT RAISE(ABORT, 'quarantines are inserted only'); END;
CREATE TRIGGER license_quarantine_never_changes BEFORE UPDATE ON license_quarantine
BEGIN SELECT RAISE(ABORT, 'quarantines are inserted only'); END;
CREATE TRIGGER license_quarantine_never_goes BEFORE DELETE ON license_quarantine
BEGIN SELECT RAISE(ABORT, 'quarantines are inserted only'); END;
CREATE TRIGGER license_resigned_never_changes BEFORE UPDATE ON license_resigned
BEGIN SELECT RAISE(ABORT, 'envelopes are inserted only'); END;
CREATE TRIGGER license_resigned_never_goes BEFORE DELETE ON license_resigned
BEGIN SELECT RAISE(ABORT, 'envelopes are inserted only'); END;
