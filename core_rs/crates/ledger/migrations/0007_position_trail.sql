-- Which verdicts moved a declaration, so that its movements are found without reading those of every
-- license that it drew from. A position names its last verdict itself, so the first one costs nothing.

CREATE TABLE position_trail (
    declaration_number TEXT    NOT NULL,
    verdict_no         INTEGER NOT NULL,
    PRIMARY KEY (declaration_number, verdict_no)
) STRICT, WITHOUT ROWID;

-- Until now each draw was made by one verdict and never changed.
INSERT INTO position_trail SELECT DISTINCT declaration_number, verdict_no FROM draw;

CREATE TRIGGER position_leaves_a_trail AFTER UPDATE OF verdict_no ON position
WHEN OLD.verdict_no <> NEW.verdict_no
BEGIN INSERT OR IGNORE INTO position_trail VALUES (OLD.declaration_number, OLD.verdict_no); END;
