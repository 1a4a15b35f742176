"""Refusals are forgotten beyond a bound for each caller; firmas never are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from descargo.v1 import submission_service_pb2, validation_service_pb2
from descargo_server.refused import Refused
from tests.support import books, messages
from tests.support.engines import engine
from tests.support.world import LANE, OTHER_LANE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

KEPT: Final = 10
BETWEEN_LOOKS: Final = 256
"""The bound is looked at once in so many refusals."""


def test_only_the_oldest_refusals_of_the_caller_that_has_too_many_are_forgotten(
    world: World, tmp_path: Path
) -> None:
    lane, other = world.caller(LANE), world.caller(OTHER_LANE)
    with engine(world, tmp_path, refusals_kept_per_caller=KEPT) as live:
        envelope = world.sign(messages.license_submission())
        issued = live.submit(world.caller("se"), messages.submit_request(envelope))
        answer = submission_service_pb2.SubmitLicenseResponse.FromString(issued).answer
        signature = answer.verdict.firma.discharge_signature
        name = messages.license_id()
        draw = messages.validate_request(messages.declaration(name, signature))
        drawn = live.validate(lane, draw)
        elsewhere = messages.validate_request(
            messages.declaration(
                name,
                signature,
                office="400",
                number=messages.declaration_number(1, aduana="40"),
                quantity="0",
            )
        )
        refused_elsewhere = live.validate(other, elsewhere)
        requests = [
            messages.validate_request(
                messages.declaration(
                    name,
                    signature,
                    number=messages.declaration_number(serial),
                    quantity="0",
                )
            )
            for serial in range(2, 2 + BETWEEN_LOOKS)
        ]
        responses = [live.validate(lane, request) for request in requests]

        for request, response in zip(requests[-KEPT:], responses[-KEPT:], strict=True):
            assert live.outcome(lane, messages.outcome_request(request.request_id)) == response
        for request in requests[:-KEPT]:
            with pytest.raises(Refused, match="OUTCOME_UNKNOWN"):
                live.outcome(lane, messages.outcome_request(request.request_id))
        assert live.outcome(lane, messages.outcome_request(draw.request_id)) == drawn
        assert live.outcome(other, messages.outcome_request(elsewhere.request_id)) == (
            refused_elsewhere
        )
        # A forgotten key is a fresh one: decided anew, and again refused.
        again = live.validate(lane, requests[0])
        verdict = validation_service_pb2.ValidateLicenseResponse.FromString(again).answer.verdict
        assert verdict.HasField("error")
        books.audit(live.ledger, thorough=True, all_kept=False)
