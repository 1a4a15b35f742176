"""The life of whole declarations, step by step: every firma, every finding, every balance."""

from __future__ import annotations

import tomllib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from descargo.v1 import (
    declaration_pb2,
    submission_service_pb2,
    validation_service_pb2,
    verdict_pb2,
)
from descargo_server._core import Caller
from tests.support.engines import engine
from tests.support.messages import (
    declaration,
    declaration_number,
    get_license_request,
    license_id,
    license_submission,
    mexico_day,
    request_id,
    submit_request,
)
from tests.support.world import NOON

if TYPE_CHECKING:
    from tests.support.engines import LiveEngine
    from tests.support.world import World

CASES: Final = tomllib.loads(
    (Path(__file__).parents[1] / "vectors" / "findings" / "declarations.toml").read_text("utf-8")
)["case"]
SE: Final = Caller("se", "agency", agency="SE")
LANE: Final = Caller("lane", "lane", office="240")
PREVALIDATOR: Final = Caller("prevalidator", "prevalidator")


class Play:
    """One case on a core of its own."""

    def __init__(self, live: LiveEngine, world: World) -> None:
        """Issues the licenses."""
        self.live = live
        self.firmas = [self._issue(world, "SE-1"), self._issue(world, "SE-2")]
        self.acuses: dict[int, str] = {}
        self.answers: list[bytes] = []
        self.keys: dict[str, str] = {}

    def _issue(self, world: World, number: str) -> str:
        request = submit_request(world.sign(license_submission(number)), request_id())
        response = self.live.submit(SE, request)
        answer = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer
        return answer.verdict.firma.discharge_signature

    def stated(self, step: dict[str, Any]) -> declaration_pb2.Declaration:
        """The declaration of a step."""
        serial = step.get("serial", 1)
        whole = declaration(license_id(), "", number=declaration_number(serial))
        pattern = whole.lines[0]
        del whole.lines[:]
        for index, amounts in enumerate(step["lines"]):
            line = whole.lines.add()
            line.CopyFrom(pattern)
            del line.draws[:]
            line.line_no = 1 if step.get("same_line_no") else index + 1
            quantity = step["whole"][index] if "whole" in step else amounts[0]
            line.umt.quantity = line.umc.quantity = quantity
            for license_no, amount in enumerate(amounts):
                which = 0 if step.get("twice") else license_no
                draw = line.draws.add(discharge_signature=self.firmas[which])
                draw.license.CopyFrom(license_id(f"SE-{which + 1}", agency=""))
                draw.amount.quantity = amount
        if "shipment" in step:
            whole.shipment_no = step["shipment"]
        whole.acceptance_code = self._acuse(step.get("acuse", ""), serial)
        return whole

    def _acuse(self, written: str, serial: int) -> str:
        return self.acuses.get(serial, "") if written == "last" else written

    def _reference(self, written: str, serial: int) -> declaration_pb2.DeclarationRef:
        number = declaration_number(serial)
        acuse = self._acuse(written, serial)
        return declaration_pb2.DeclarationRef(declaration_number=number, acceptance_code=acuse)

    def call(self, step: dict[str, Any]) -> bytes:
        """Makes a step; returns the response's bytes, which are alike for every call."""
        key = self.keys.setdefault(step["key"], request_id()) if "key" in step else request_id()
        core, serial = self.live.core, step.get("serial", 1)
        v1 = validation_service_pb2
        if step["do"] == "check":
            request = v1.CheckDeclarationRequest(declaration=self.stated(step))
            return core.check_declaration(PREVALIDATOR, request.SerializeToString())
        if step["do"] == "pay":
            paid_on = step.get("paid_on", mexico_day(NOON).isoformat())
            named = self._reference(step.get("acuse", "last"), serial)
            pay = v1.PayDeclarationRequest(request_id=key, declaration=named, paid_on=paid_on)
            ticket = core.pay_declaration(PREVALIDATOR, pay.SerializeToString(), None)
        elif step["do"] == "release":
            named = self._reference(step.get("acuse", "last"), serial)
            release = v1.ReleaseDeclarationRequest(
                request_id=key, declaration=named, ground=step["ground"]
            )
            ticket = core.release_declaration(PREVALIDATOR, release.SerializeToString(), None)
        elif step["do"] == "rectify":
            named = self._reference(step.get("acuse_rectified", "last"), step["rectified"])
            rectify = v1.RectifyDeclarationRequest(
                request_id=key, declaration=self.stated(step), rectified=named
            )
            ticket = core.rectify_declaration(PREVALIDATOR, rectify.SerializeToString(), None)
        elif step["do"] == "reserve":
            reserve = v1.ReserveDeclarationRequest(request_id=key, declaration=self.stated(step))
            ticket = core.reserve_declaration(PREVALIDATOR, reserve.SerializeToString(), None)
        elif step["do"] == "validate":
            whole = v1.ValidateDeclarationRequest(request_id=key, declaration=self.stated(step))
            ticket = core.validate_declaration(LANE, whole.SerializeToString(), None)
        else:
            assert step["do"] == "license", step
            lone = v1.ValidateLicenseRequest(request_id=key, declaration=self.stated(step))
            ticket = core.validate_license(LANE, lone.SerializeToString(), None)
        return self.live.answer(ticket)

    def balance(self) -> verdict_pb2.Balance:
        """The balance of SE-1, which must add up."""
        response = self.live.license(SE, get_license_request(license_id("SE-1"), None))
        record = submission_service_pb2.GetLicenseResponse.FromString(response).record
        balance = record.standing.balances[0]
        parts = (balance.available, balance.reserved, balance.exercised)
        assert sum(float(part.quantity) for part in parts) == float(balance.authorized.quantity)
        return balance


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_declaration_lives_as_its_case_says(
    case: dict[str, Any], world: World, tmp_path: Path
) -> None:
    with engine(world, tmp_path) as live:
        play = Play(live, world)
        for number, step in enumerate(case["steps"]):
            live.clock.move(timedelta(hours=step.get("hours", 0)))
            response = play.call(step)
            play.answers.append(response)
            # Every response of these calls is `{answer = 1}`.
            verdict = validation_service_pb2.ValidateLicenseResponse.FromString(
                response
            ).answer.verdict
            told = [f"{each.code} {each.locator.field}" for each in verdict.findings]
            told = [each for each in told if not each.startswith("W")]
            assert told == step.get("expect", []), f"step {number}: {verdict}"
            if verdict.HasField("firma"):
                play.acuses[step.get("serial", 1)] = verdict.firma.acceptance_code
            if "same" in step:
                assert response == play.answers[step["same"]], f"step {number}"
            if "state" in step:
                state = verdict_pb2.DeclarationState.Name(verdict.position.state)
                assert state == f"DECLARATION_STATE_{step['state']}", f"step {number}"
            if "left" in step:
                assert play.balance().available.quantity == step["left"], f"step {number}"
