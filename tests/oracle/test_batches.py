"""Requests that are decided in one batch are answered as if they had come one by one.

The lock that processes on one ledger share is held while they queue, so that all of them meet.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from descargo.v1 import submission_service_pb2, validation_service_pb2
from descargo_server.refused import Refused
from tests.support import books, messages
from tests.support.engines import engine
from tests.support.world import LANE, NOON, SAME_OFFICE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from descargo.v1.verdict_pb2 import Verdict
    from tests.support.engines import LiveEngine
    from tests.support.world import World


@contextmanager
def held(live: LiveEngine) -> Iterator[None]:
    """The writer cannot commit meanwhile."""
    with live.ledger.with_name(f"{live.ledger.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def keep_writer_busy(live: LiveEngine, world: World) -> None:
    """One request that the writer takes and cannot commit; what comes after it queues."""
    content = messages.license_content()
    submission = messages.license_submission("SE-BUSY", content=content)
    request = messages.submit_request(world.sign(submission))
    live.core.submit_license(world.caller("se"), request.SerializeToString(), None)


def issued(live: LiveEngine, world: World, number: str = "SE-0001", quantity: str = "10") -> str:
    """A license in force; returns its discharge signature."""
    content = messages.license_content(lines=[messages.license_line(quantity=quantity)])
    submission = messages.license_submission(number, content=content)
    response = live.submit(world.caller("se"), messages.submit_request(world.sign(submission)))
    answer = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer
    signature: str = answer.verdict.firma.discharge_signature
    return signature


def verdict(response: bytes) -> Verdict:
    """The verdict in a response."""
    return validation_service_pb2.ValidateLicenseResponse.FromString(response).answer.verdict


def codes(response: bytes) -> set[str]:
    """The codes that refuse."""
    return {each.code for each in verdict(response).findings if each.code[0] != "W"}


def test_two_declarations_race_for_the_last_unit_and_one_gets_it(
    world: World, tmp_path: Path
) -> None:
    with engine(world, tmp_path) as live:
        signature = issued(live, world, quantity="1")
        with held(live):
            keep_writer_busy(live, world)
            tickets = [
                live.core.validate_license(
                    world.caller(lane),
                    messages.validate_request(
                        messages.declaration(
                            messages.license_id(),
                            signature,
                            number=messages.declaration_number(serial),
                        )
                    ).SerializeToString(),
                    None,
                )
                for serial, lane in enumerate([LANE, SAME_OFFICE] * 20, start=1)
            ]
        responses = [live.answer(ticket) for ticket in tickets]
        assert [verdict(each).HasField("firma") for each in responses] == [True] + [False] * 39
        assert all(codes(each) == {"N421"} for each in responses[1:])
        books.audit(live.ledger)


def test_one_draw_stated_by_two_lanes_at_once_is_drawn_once(world: World, tmp_path: Path) -> None:
    with engine(world, tmp_path) as live:
        signature = issued(live, world)
        declaration = messages.declaration(messages.license_id(), signature)
        with held(live):
            keep_writer_busy(live, world)
            tickets = [
                live.core.validate_license(
                    world.caller(lane),
                    messages.validate_request(declaration).SerializeToString(),
                    None,
                )
                for lane in (LANE, SAME_OFFICE, LANE)
            ]
        assert len({live.answer(ticket) for ticket in tickets}) == 1
        assert books.balances(live.ledger)["SE-0001", 1]["available_quantity"] == 900_000
        books.audit(live.ledger)


def test_a_change_signed_again_gets_its_first_answer_whatever_else_is_in_the_batch(
    world: World, tmp_path: Path
) -> None:
    caller = world.caller("se")
    with engine(world, tmp_path) as live:
        first = messages.license_submission("SE-0001")
        response = live.submit(caller, messages.submit_request(world.sign(first)))
        again, later_version = messages.copy_of(first), messages.copy_of(first)
        again.signed_at.FromDatetime(NOON + timedelta(seconds=1))
        later_version.version = 2
        with held(live):
            keep_writer_busy(live, world)
            wrong, same = (
                live.core.submit_license(
                    caller,
                    messages.submit_request(world.sign(each)).SerializeToString(),
                    None,
                )
                for each in (later_version, again)
            )
            # A third one after it, since the last one in a batch may be seen otherwise.
            wrong_again = live.core.submit_license(
                caller,
                messages.submit_request(world.sign(later_version)).SerializeToString(),
                None,
            )
        assert codes(live.answer(wrong)) == {"E305", "N401"}
        assert live.answer(same) == response
        assert codes(live.answer(wrong_again)) == {"E305", "N401"}


def test_one_key_with_two_contents_in_a_batch_is_refused_the_second_time(
    world: World, tmp_path: Path
) -> None:
    with engine(world, tmp_path) as live:
        signature, key = issued(live, world), messages.request_id()
        with held(live):
            keep_writer_busy(live, world)
            first, other, again = (
                live.core.validate_license(
                    world.caller(LANE),
                    messages.validate_request(
                        messages.declaration(messages.license_id(), signature, quantity=quantity),
                        key,
                    ).SerializeToString(),
                    None,
                )
                for quantity in ("1", "2", "1")
            )
        response = live.answer(first)
        assert verdict(response).HasField("firma")
        with pytest.raises(Refused, match="REQUEST_ID_REUSED"):
            live.answer(other)
        assert live.answer(again) == response


def test_a_license_that_is_submitted_twice_in_a_batch_is_issued_once(
    world: World, tmp_path: Path
) -> None:
    with engine(world, tmp_path) as live:
        envelope = world.sign(messages.license_submission("SE-0001"))
        with held(live):
            keep_writer_busy(live, world)
            tickets = [
                live.core.submit_license(
                    world.caller("se"), messages.submit_request(envelope).SerializeToString(), None
                )
                for _ in range(3)
            ]
        assert len({live.answer(ticket) for ticket in tickets}) == 1
        books.audit(live.ledger)


def test_a_request_whose_deadline_passed_in_the_queue_is_not_decided(
    world: World, tmp_path: Path
) -> None:
    with engine(world, tmp_path) as live:
        signature = issued(live, world)
        request = messages.validate_request(messages.declaration(messages.license_id(), signature))
        caller, content = world.caller(LANE), request.SerializeToString()
        with held(live):
            keep_writer_busy(live, world)
            late = live.core.validate_license(caller, content, 0.0)
            in_time = live.core.validate_license(caller, content, None)
        with pytest.raises(Refused, match="NOT_DECIDED"):
            live.answer(late)
        # Nothing was remembered of it either: the same key is decided now.
        assert verdict(live.answer(in_time)).HasField("firma")
        assert books.balances(live.ledger)["SE-0001", 1]["available_quantity"] == 900_000
        books.audit(live.ledger)
