-- How far each agency's stream of submissions is answered. A position moves only in the transaction
-- that holds the answers, so that whoever resumes behind it misses none.

CREATE TABLE stream_position (
    caller            TEXT    NOT NULL,
    stream_id         TEXT    NOT NULL,
    epoch             INTEGER NOT NULL CHECK (epoch >= 1),  -- grows with each opening; only the newest may go on
    answered_sequence INTEGER NOT NULL CHECK (answered_sequence >= 0),
    opened_at         INTEGER NOT NULL,
    PRIMARY KEY (caller, stream_id)
) STRICT, WITHOUT ROWID;

-- Positions are kept within a bound for each caller; this finds those opened longest ago.
CREATE INDEX stream_position_opened ON stream_position (caller, opened_at);
