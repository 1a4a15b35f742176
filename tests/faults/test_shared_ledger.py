"""Several processes may write to one ledger: together they answer as one would.

Here they are several cores in this process, which share nothing but the file and its lock.
"""

from __future__ import annotations

import itertools
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest

from descargo.v1 import submission_service_pb2, validation_service_pb2
from descargo_server.refused import Refused
from tests.support import books, messages
from tests.support.engines import engine
from tests.support.world import LANE, OTHER_LANE, SAME_OFFICE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from descargo.v1.verdict_pb2 import Verdict
    from tests.support.engines import LiveEngine
    from tests.support.world import World

CORES: Final = 3
UNITS: Final = 200
"""Fewer than are asked for, so that the last one is raced for."""
ASKED_EACH: Final = 100
JOIN_MAX_S: Final = 60.0
NAME: Final = messages.license_id()


@pytest.fixture
def cores(world: World, tmp_path: Path) -> Iterator[list[LiveEngine]]:
    """Several cores on one file."""
    with ExitStack() as stack:
        yield [stack.enter_context(engine(world, tmp_path)) for _ in range(CORES)]


def issue(live: LiveEngine, world: World) -> str:
    """A license of UNITS; returns its discharge signature."""
    content = messages.license_content(lines=[messages.license_line(quantity=str(UNITS))])
    envelope = world.sign(messages.license_submission(content=content))
    response = live.submit(world.caller("se"), messages.submit_request(envelope))
    answer = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer
    signature: str = answer.verdict.firma.discharge_signature
    return signature


def verdict_of(response: bytes) -> Verdict:
    """The verdict in a response."""
    return validation_service_pb2.ValidateLicenseResponse.FromString(response).answer.verdict


def test_cores_that_race_for_one_license_never_give_more_than_there_is(
    cores: list[LiveEngine], world: World
) -> None:
    signature = issue(cores[0], world)
    responses: list[bytes] = []

    def draw(live: LiveEngine, serials: Iterator[int]) -> None:
        tickets = [
            live.core.validate_license(
                world.caller(LANE),
                messages.validate_request(
                    messages.declaration(
                        NAME, signature, number=messages.declaration_number(serial)
                    )
                ).SerializeToString(),
                None,
            )
            for serial in itertools.islice(serials, ASKED_EACH)
        ]
        responses.extend(live.answer(ticket) for ticket in tickets)

    serials = itertools.count(1)
    threads = [threading.Thread(target=draw, args=(live, serials)) for live in cores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(JOIN_MAX_S)
    assert len(responses) == CORES * ASKED_EACH
    verdicts = [verdict_of(response) for response in responses]
    drawn = [verdict for verdict in verdicts if verdict.HasField("firma")]
    assert len(drawn) == UNITS
    assert sorted(verdict.firma.movements[0].permit_seq for verdict in drawn) == list(
        range(2, UNITS + 2)
    )
    assert books.balances(cores[0].ledger)["SE-0001", 1]["available_quantity"] == 0
    books.audit(cores[0].ledger, thorough=True)


def test_a_request_and_a_draw_are_the_same_at_every_core(
    cores: list[LiveEngine], world: World
) -> None:
    signature = issue(cores[0], world)
    declaration = messages.declaration(NAME, signature)
    request = messages.validate_request(declaration)
    first = cores[1].validate(world.caller(LANE), request)
    for live in cores:
        assert live.validate(world.caller(LANE), request) == first
        outcome = messages.outcome_request(request.request_id)
        assert live.outcome(world.caller(LANE), outcome) == first
        again = messages.validate_request(declaration)
        assert live.validate(world.caller(SAME_OFFICE), again) == first
        other = messages.declaration(NAME, signature, quantity="2")
        codes = {
            finding.code
            for finding in verdict_of(
                live.validate(world.caller(LANE), messages.validate_request(other))
            ).findings
        }
        assert codes == {"E341"}
        with pytest.raises(Refused, match="REQUEST_ID_REUSED"):
            live.validate(world.caller(LANE), messages.validate_request(other, request.request_id))
    books.audit(cores[0].ledger, thorough=True)


def test_what_one_core_issued_the_others_know_at_once(
    cores: list[LiveEngine], world: World
) -> None:
    signature = issue(cores[0], world)
    read = cores[2].license(world.caller("auditor"), messages.get_license_request(NAME))
    record = submission_service_pb2.GetLicenseResponse.FromString(read).record
    assert record.discharge_signature == signature
    draw = messages.declaration(
        NAME, signature, office="400", number=messages.declaration_number(1, aduana="40")
    )
    response = cores[1].validate(world.caller(OTHER_LANE), messages.validate_request(draw))
    answer = validation_service_pb2.ValidateLicenseResponse.FromString(response).answer
    # A read at the revision of an answer sees it, whichever process is asked.
    told = cores[2].check(world.caller(OTHER_LANE), messages.check_request(draw, answer.revision))
    preview = validation_service_pb2.CheckLicenseResponse.FromString(told).answer.verdict
    assert preview.HasField("preview")
    assert not preview.preview.movements
