"""A ledger that an earlier version wrote is served by this one: same answers, and draws go on."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from descargo.v1 import submission_service_pb2, validation_service_pb2, verdict_pb2
from tests.faults.make_old_ledger import ANSWERS, RECEIPT_KEY, OldAnswer, OldLedger, make
from tests.support import books, changes, messages
from tests.support.engines import LEDGER, engine
from tests.support.world import LANE, SAME_OFFICE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.engines import LiveEngine
    from tests.support.world import World

FIXTURES: Final = Path(__file__).parent / "fixtures"
SCHEMAS: Final = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
SIZE_MAX: Final = 150_000


@pytest.fixture(params=SCHEMAS)
def kept(request: pytest.FixtureRequest) -> Path:
    """The folder of one earlier schema."""
    return FIXTURES / str(request.param)


@pytest.fixture
def told(kept: Path) -> OldLedger:
    """What was answered then."""
    table: dict[str, Any] = json.loads((kept / ANSWERS).read_text(encoding="utf-8"))
    table["answers"] = [OldAnswer(**each) for each in table["answers"]]
    return OldLedger(**table)


@pytest.fixture
def live(kept: Path, told: OldLedger, world: World, tmp_path: Path) -> Iterator[LiveEngine]:
    """Today's core on a copy of the old file. Its keys are today's: the old ones are gone."""
    shutil.copy(kept / f"ledger-schema-{told.schema}.sqlite3", tmp_path / LEDGER)
    with engine(world, tmp_path) as opened:
        yield opened


def test_old_answers_are_served_byte_for_byte(
    live: LiveEngine, told: OldLedger, kept: Path, world: World
) -> None:
    key = load_pem_public_key((kept / RECEIPT_KEY).read_bytes())
    assert isinstance(key, EllipticCurvePublicKey)
    outcomes = []
    for old in told.answers:
        response = live.outcome(world.caller(old.caller), messages.outcome_request(old.request_id))
        assert hashlib.sha256(response).hexdigest() == old.response_sha256
        answer = validation_service_pb2.GetOutcomeResponse.FromString(response).answer
        key.verify(answer.receipt.signature, answer.receipt.payload, ECDSA(SHA256()))
        outcomes.append(answer.verdict.WhichOneof("outcome"))
    assert outcomes == ["firma", "firma", "firma", "error"]
    assert outcomes == [old.outcome for old in told.answers]


def test_an_old_balance_is_right_and_is_drawn_to_its_end(
    live: LiveEngine, told: OldLedger, world: World
) -> None:
    name = messages.license_id(told.number)
    request = messages.get_license_request(name)
    read = submission_service_pb2.GetLicenseResponse.FromString(
        live.license(world.caller("se"), request)
    )
    (balance,) = read.record.standing.balances
    assert balance.available.quantity == told.available_quantity
    assert balance.exercised.quantity == told.exercised_quantity
    assert read.record.discharge_signature == told.discharge_signature
    assert read.record.standing.permit_seq == 3
    draw = messages.declaration(
        name,
        told.discharge_signature,
        number=messages.declaration_number(told.last_declaration + 1),
        quantity=told.available_quantity,
    )
    response = live.validate(world.caller(LANE), messages.validate_request(draw))
    verdict = validation_service_pb2.ValidateLicenseResponse.FromString(response).answer.verdict
    (movement,) = verdict.firma.movements
    assert movement.permit_seq == 4
    assert movement.balance_after.available.quantity == "0"
    books.audit(live.ledger, thorough=True)


def test_an_old_draw_stated_again_draws_nothing(
    live: LiveEngine, told: OldLedger, world: World
) -> None:
    first = told.answers[1]
    draw = messages.declaration(
        messages.license_id(told.number),
        told.discharge_signature,
        number=messages.declaration_number(1),
    )
    response = live.validate(world.caller(SAME_OFFICE), messages.validate_request(draw))
    assert hashlib.sha256(response).hexdigest() == first.response_sha256
    books.audit(live.ledger, thorough=True)


def test_an_old_license_is_suspended_and_reinstated(
    kept: Path, told: OldLedger, world: World, tmp_path: Path
) -> None:
    draw = messages.declaration(
        messages.license_id(told.number),
        told.discharge_signature,
        number=messages.declaration_number(told.last_declaration + 1),
        quantity=told.available_quantity,
    )

    shutil.copy(kept / f"ledger-schema-{told.schema}.sqlite3", tmp_path / LEDGER)
    # The officials who sign today are not those whose keys the folder had then.
    with engine(world, tmp_path) as today:

        def exercised() -> verdict_pb2.Verdict:
            response = today.validate(world.caller(LANE), messages.validate_request(draw))
            outcome = validation_service_pb2.ValidateLicenseResponse.FromString(response)
            return outcome.answer.verdict

        suspension = changes.change(told.number, 2, suspension=changes.stop())
        assert changes.submit(today, world, suspension).HasField("firma")
        assert [finding.code for finding in exercised().findings] == ["N419"]
        end = changes.change(told.number, 3, reinstatement=changes.end_of(2))
        assert changes.submit(today, world, end).HasField("firma")
        assert exercised().firma.movements[0].permit_seq == 6
        books.audit(today.ledger, thorough=True)


def test_the_kept_files_are_small(kept: Path) -> None:
    assert sum(path.stat().st_size for path in kept.iterdir()) < SIZE_MAX


def test_the_fixture_of_the_newest_schema_can_be_made_by_this_version(
    world: World, tmp_path: Path
) -> None:
    # The firmas differ with the keys; what happened does not.
    made = make(world, tmp_path)
    kept: Any = json.loads((FIXTURES / SCHEMAS[-1] / ANSWERS).read_text(encoding="utf-8"))
    assert made.schema == kept["schema"]
    assert [old.outcome for old in made.answers] == [each["outcome"] for each in kept["answers"]]
    assert [old.request_id for old in made.answers] == [
        each["request_id"] for each in kept["answers"]
    ]
