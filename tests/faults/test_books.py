"""The audit that the other tests rest on notices what it must: each tampering makes it fail."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.support import books
from tests.support.engines import LEDGER

KEPT: Final = Path(__file__).parent / "fixtures" / "schema-1" / "ledger-schema-1.sqlite3"

TAMPERINGS: Final = {
    "a draw is gone": "DELETE FROM draw WHERE verdict_no = 2",
    "a draw is there twice": """INSERT INTO draw SELECT declaration_number, shipment_no, 7,
        license_id, license_line_no, quantity, value_usd, state, statement_sha256, verdict_no
        FROM draw LIMIT 1""",
    "a movement is gone": "DELETE FROM movement WHERE permit_seq = 2",
    "the last movement is gone": "DELETE FROM movement WHERE permit_seq = 3",
    "a movement took less": "UPDATE movement SET taken_quantity = 1 WHERE permit_seq = 2",
    "a balance has more": "UPDATE balance SET available_quantity = available_quantity + 1",
    "a balance was exercised less": """UPDATE balance SET exercised_quantity =
        exercised_quantity - 1, available_quantity = available_quantity + 1""",
    "a balance is below zero": "UPDATE balance SET available_quantity = -1",
    "more was granted": "UPDATE balance SET authorized_quantity = authorized_quantity + 1",
    "a sequence number is skipped": "UPDATE license SET permit_seq = permit_seq + 1",
    "a status is another": "UPDATE license SET status = 4",
    "a verdict is gone": "DELETE FROM verdict WHERE verdict_no = 2",
    "a refusal is gone": "DELETE FROM verdict WHERE verdict_no = 4",
    "a refusal says that it is a firma": "UPDATE verdict SET refused = 0 WHERE verdict_no = 4",
    "a request is gone": "DELETE FROM request WHERE verdict_no = 3",
    "a request points elsewhere": "UPDATE request SET verdict_no = 2 WHERE verdict_no = 3",
    "time went back": "UPDATE verdict SET decided_at = decided_at - 1 WHERE verdict_no = 3",
    "a counter lags": "UPDATE ledger SET last_verdict_no = 3",
    "a position is gone": "DELETE FROM position WHERE verdict_no = 2",
    "a position grew": "UPDATE position SET position_no = 2 WHERE verdict_no = 2",
    "a license has no content": "DELETE FROM license_version",
    "an answer is another's": """UPDATE verdict SET answer =
        (SELECT answer FROM verdict WHERE verdict_no = 2) WHERE verdict_no = 3""",
}


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A copy that may be spoilt."""
    copy = tmp_path / LEDGER
    shutil.copy(KEPT, copy)
    return copy


def test_an_untouched_ledger_passes(ledger: Path) -> None:
    books.audit(ledger, thorough=True)


@pytest.mark.parametrize("tampering", TAMPERINGS.values(), ids=TAMPERINGS)
def test_a_ledger_that_was_tampered_with_does_not_pass(tampering: str, ledger: Path) -> None:
    with closing(sqlite3.connect(ledger)) as connection:
        # Whoever tampers takes the locks off first.
        connection.execute("PRAGMA ignore_check_constraints = ON")
        triggers = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        assert connection.execute(tampering).rowcount > 0
        connection.commit()
    with pytest.raises(AssertionError):
        books.audit(ledger)
