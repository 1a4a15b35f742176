-- Whose signatures count, beside the server's files. Who said so and when is told by the verdict.
-- Numbers of verdicts only grow, so the greatest one here tells whether anything was added.

CREATE TABLE signer (
    verdict_no         INTEGER PRIMARY KEY REFERENCES verdict,
    rfc                TEXT    NOT NULL,
    name               TEXT    NOT NULL,
    agency             TEXT    NOT NULL,
    permit_keys        TEXT    NOT NULL,  -- separated by commas; empty: all of the agency's
    valid_from         TEXT    NOT NULL,  -- YYYY-MM-DD
    valid_to           TEXT    NOT NULL,  -- YYYY-MM-DD; empty: without end
    certificate_sha256 TEXT    NOT NULL,  -- in lower-case hex; empty: every one of the RFC
    reason             TEXT    NOT NULL
) STRICT;

CREATE TABLE revocation (
    verdict_no         INTEGER PRIMARY KEY REFERENCES verdict,
    certificate_sha256 BLOB    NOT NULL CHECK (length(certificate_sha256) = 32),
    revoked_at         INTEGER NOT NULL,  -- seconds since 1970: what was signed then or later is refused
    reason             TEXT    NOT NULL
) STRICT;

CREATE TRIGGER signer_never_changes BEFORE UPDATE ON signer
BEGIN SELECT RAISE(ABORT, 'signers are inserted only'); END;
CREATE TRIGGER signer_never_goes BEFORE DELETE ON signer
BEGIN SELECT RAISE(ABORT, 'signers are inserted only'); END;
CREATE TRIGGER revocation_never_changes BEFORE UPDATE ON revocation
BEGIN SELECT RAISE(ABORT, 'revocations are inserted only'); END;
CREATE TRIGGER revocation_never_goes BEFORE DELETE ON revocation
BEGIN SELECT RAISE(ABORT, 'revocations are inserted only'); END;
