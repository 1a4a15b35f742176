-- Whole declarations: what a position rests on, its payment, its lease and its rectification. Draws that
-- are here already were exercised at once, and so were their positions.

ALTER TABLE position ADD COLUMN clearance_office TEXT NOT NULL DEFAULT '';  -- '': not known
ALTER TABLE position ADD COLUMN statement_sha256 BLOB;         -- of the last whole statement
ALTER TABLE position ADD COLUMN statement_verdict_no INTEGER;  -- the verdict that accepted it
ALTER TABLE position ADD COLUMN paid_on TEXT;                  -- YYYY-MM-DD
ALTER TABLE position ADD COLUMN paid_verdict_no INTEGER;
ALTER TABLE position ADD COLUMN lease_until INTEGER;           -- NULL: it holds nothing
ALTER TABLE position ADD COLUMN selected_at INTEGER;           -- NULL: not exercised
ALTER TABLE position ADD COLUMN rectifies TEXT NOT NULL DEFAULT '';
ALTER TABLE position ADD COLUMN rectified_by TEXT NOT NULL DEFAULT '';

-- Holds whose time is over are looked for again and again; those without a hold are not looked at.
CREATE INDEX position_lease ON position (lease_until) WHERE lease_until IS NOT NULL;

-- What was exercised before is judged, when it is rectified, by the day on which it was.
UPDATE position SET selected_at = (SELECT decided_at FROM verdict WHERE verdict.verdict_no = position.verdict_no);
