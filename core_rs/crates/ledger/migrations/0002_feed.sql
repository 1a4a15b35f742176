-- The feed reads movements in the order in which they were committed, which is the order of their
-- verdicts: a verdict takes its number inside the transaction that writes its movements, and never
-- earlier. New entries always go to the end of this index, so a batch of draws writes one more page
-- for many movements.
CREATE INDEX movement_verdict ON movement (verdict_no, license_id, permit_seq);

-- Lists go by agency, key and number. Only an issue writes here.
CREATE INDEX license_order ON license (agency, permit_key, lookup_number);
