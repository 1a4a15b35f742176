"""A ledger that an older version wrote: it opens, keeps what it said, and lives on.

`fixtures/ledger-schema-1.sqlite3` is of the version before licenses could be changed: three
licenses of SE, two draws and a refusal, with the keys of test messages 100-102 and 200-202.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from descargo.v1 import license_pb2, validation_service_pb2
from tests.support import messages
from tests.support.changes import change, end_of, record_of, stamp, stop, submit
from tests.support.engines import LEDGER, engine
from tests.support.world import LANE, NOON

if TYPE_CHECKING:
    from tests.support.world import World

OLD: Final = Path(__file__).parent / "fixtures" / "ledger-schema-1.sqlite3"


def schema_of(ledger: Path) -> int:
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro&immutable=1", uri=True)) as connection:
        number: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return number


def test_an_old_ledger_opens_answers_and_takes_changes(world: World, tmp_path: Path) -> None:
    assert schema_of(OLD) == 1
    shutil.copy(OLD, tmp_path / LEDGER)
    with closing(sqlite3.connect(tmp_path / LEDGER)) as connection:
        said = dict(
            connection.execute(
                "SELECT request_id, answer FROM request JOIN verdict USING (verdict_no)"
            )
        )
    assert len(said) == 6
    with engine(world, tmp_path) as live:
        for number, caller in [(100, "se"), (101, "se"), (102, "se"), (200, LANE), (202, LANE)]:
            key = messages.request_id(number)
            response = live.outcome(world.caller(caller), messages.outcome_request(key))
            outcome = validation_service_pb2.GetOutcomeResponse.FromString(response)
            assert outcome.answer.SerializeToString(deterministic=True) == said[key]
        record = record_of(live, world, "SE-0001")
        assert record.standing.balances[0].available.quantity == "600"
        assert (record.standing.permit_seq, record.standing.version) == (2, 1)
        statuses = [record_of(live, world, f"SE-000{n}").standing.status for n in (1, 2, 3)]
        assert statuses == [
            license_pb2.LICENSE_STATUS_ACTIVE,
            license_pb2.LICENSE_STATUS_AWAITING_NOTIFICATION,
            license_pb2.LICENSE_STATUS_EXHAUSTED,
        ]
        assert submit(live, world, change("SE-0002", 2, notification=stamp(NOON))).HasField("firma")
        assert submit(live, world, change("SE-0001", 2, suspension=stop())).HasField("firma")
        draw = messages.declaration(
            messages.license_id("SE-0001"),
            record.discharge_signature,
            number=messages.declaration_number(9),
            quantity="600",
        )
        told = live.validate(world.caller(LANE), messages.validate_request(draw))
        verdict = validation_service_pb2.ValidateLicenseResponse.FromString(told).answer.verdict
        assert [finding.code for finding in verdict.findings] == ["N419"]
        assert submit(live, world, change("SE-0001", 3, reinstatement=end_of(2))).HasField("firma")
        told = live.validate(world.caller(LANE), messages.validate_request(draw))
        verdict = validation_service_pb2.ValidateLicenseResponse.FromString(told).answer.verdict
        assert verdict.firma.movements[0].permit_seq == 5
    assert schema_of(tmp_path / LEDGER) > 1
