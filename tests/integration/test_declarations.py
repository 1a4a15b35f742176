"""Whole declarations at their limits: many lines, races, leases over restarts, a real server."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from descargo.v1 import (
    declaration_pb2,
    submission_service_pb2,
    validation_service_pb2,
    verdict_pb2,
)
from descargo.v1.submission_service_pb2_grpc import SubmissionServiceStub
from descargo.v1.validation_service_pb2_grpc import ValidationServiceStub
from descargo_server._core import Caller
from descargo_server.refused import Refused
from tests.support.engines import engine
from tests.support.messages import (
    declaration,
    declaration_number,
    get_license_request,
    license_content,
    license_id,
    license_line,
    license_submission,
    mexico_day,
    request_id,
    submit_request,
    validate_request,
)
from tests.support.servers import server
from tests.support.world import LANE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.engines import LiveEngine
    from tests.support.world import World

SE: Final = Caller("se", "agency", agency="SE")
LANES: Final = [Caller(f"lane-{n}", "lane", office="240") for n in range(8)]
ELSEWHERE: Final = Caller("lane-else", "lane", office="300")
PREVALIDATOR: Final = Caller("prevalidator", "prevalidator")
ROUNDS: Final = 2_000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 100
LINES_MAX: Final = 200


def issue(live: LiveEngine, world: World, number: str, quantity: str) -> str:
    """A license of one line; returns its discharge signature."""
    content = license_content(lines=[license_line(quantity=quantity)])
    request = submit_request(world.sign(license_submission(number, content=content)), request_id())
    response = live.submit(SE, request)
    answer = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer
    return answer.verdict.firma.discharge_signature


def whole(
    serial: int, draws: Iterable[tuple[str, str, str]], acuse: str = ""
) -> declaration_pb2.Declaration:
    """A declaration with one line for each (license, discharge signature, quantity)."""
    stated = declaration(license_id(), "", number=declaration_number(serial))
    pattern = stated.lines[0]
    del stated.lines[:]
    for index, (number, firma, quantity) in enumerate(draws):
        line = stated.lines.add()
        line.CopyFrom(pattern)
        line.line_no = index + 1
        line.umt.quantity = line.umc.quantity = quantity
        line.draws[0].license.CopyFrom(license_id(number, agency=""))
        line.draws[0].discharge_signature = firma
        line.draws[0].amount.quantity = quantity
    stated.acceptance_code = acuse
    return stated


def verdict_of(response: bytes) -> verdict_pb2.Verdict:
    """The verdict of a response, whose shape is that of every deciding call."""
    return validation_service_pb2.ValidateLicenseResponse.FromString(response).answer.verdict


def validating(stated: declaration_pb2.Declaration, key: str = "") -> bytes:
    """A ValidateDeclarationRequest."""
    request = validation_service_pb2.ValidateDeclarationRequest(
        request_id=key or request_id(), declaration=stated
    )
    return request.SerializeToString()


def reserving(stated: declaration_pb2.Declaration) -> bytes:
    """A ReserveDeclarationRequest."""
    request = validation_service_pb2.ReserveDeclarationRequest(
        request_id=request_id(), declaration=stated
    )
    return request.SerializeToString()


def paying(serial: int, acuse: str, paid_on: str) -> bytes:
    """A PayDeclarationRequest."""
    named = declaration_pb2.DeclarationRef(
        declaration_number=declaration_number(serial), acceptance_code=acuse
    )
    request = validation_service_pb2.PayDeclarationRequest(
        request_id=request_id(), declaration=named, paid_on=paid_on
    )
    return request.SerializeToString()


def standing(live: LiveEngine, number: str) -> verdict_pb2.Standing:
    """Where a license stands."""
    response = live.license(SE, get_license_request(license_id(number), None))
    return submission_service_pb2.GetLicenseResponse.FromString(response).record.standing


def test_the_line_that_is_bad_is_the_one_that_is_told(world: World, tmp_path: Path) -> None:
    with engine(world, tmp_path) as live:
        firma = issue(live, world, "SE-1", "1000000")
        stated = whole(1, [("SE-1", firma, "1")] * LINES_MAX)
        for bad in range(LINES_MAX):
            line = stated.lines[bad]
            line.country_seller_buyer = "XXX"
            request = validation_service_pb2.CheckDeclarationRequest(declaration=stated)
            response = live.core.check_declaration(LANES[0], request.SerializeToString())
            told = [
                (each.code, each.locator.field, each.locator.line_no)
                for each in verdict_of(response).findings
            ]
            assert told == [("C211", f"lines[{bad}].country_seller_buyer", bad + 1)]
            line.country_seller_buyer = "USA"
        assert standing(live, "SE-1").permit_seq == 1


def test_the_line_that_no_longer_fits_is_the_one_that_is_told(world: World, tmp_path: Path) -> None:
    with engine(world, tmp_path) as live:
        for last in (1, 2, 17, LINES_MAX):
            firma = issue(live, world, f"SE-{last}", str(last - 1) if last > 1 else "0.5")
            stated = whole(last, [(f"SE-{last}", firma, "1")] * last)
            ticket = live.core.validate_declaration(LANES[0], validating(stated), None)
            findings = verdict_of(live.answer(ticket)).findings
            refusing = [each for each in findings if not each.code.startswith("W")]
            codes = {(each.code, each.locator.line_no) for each in refusing}
            assert codes <= {("N424", last), ("N421", last)}
            assert codes
            assert standing(live, f"SE-{last}").permit_seq == 1


def test_one_of_the_lanes_that_race_for_the_last_unit_gets_it(world: World, tmp_path: Path) -> None:
    with engine(world, tmp_path) as live:
        for turn in range(ROUNDS):
            number = f"SE-{turn}"
            firma = issue(live, world, number, "1")
            first = turn * len(LANES) + 1
            tickets = [
                live.core.validate_declaration(
                    lane, validating(whole(first + n, [(number, firma, "1")])), None
                )
                for n, lane in enumerate(LANES)
            ]
            answers = [verdict_of(live.answer(ticket)) for ticket in tickets]
            assert sum(each.HasField("firma") for each in answers) == 1, f"turn {turn}"
            assert standing(live, number).balances[0].available.quantity == "0"


def test_five_thousand_draws_over_five_thousand_licenses_are_one_call(
    world: World, tmp_path: Path
) -> None:
    count = 5_000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 300
    with engine(world, tmp_path) as live:
        firmas = [issue(live, world, f"SE-{n}", "1") for n in range(count)]
        draws = [(f"SE-{n}", firma, "1") for n, firma in enumerate(firmas)]
        stated = whole(1, draws[: min(count, 1_000)])
        for index, (number, firma, quantity) in enumerate(draws[1_000:]):
            line = stated.lines[index // 4]
            draw = line.draws.add(discharge_signature=firma)
            draw.license.CopyFrom(license_id(number, agency=""))
            draw.amount.quantity = quantity
            line.umt.quantity = line.umc.quantity = "5"
        verdict = verdict_of(
            live.answer(live.core.reserve_declaration(PREVALIDATOR, reserving(stated), None))
        )
        assert verdict.HasField("firma"), verdict.findings[:3]
        assert len(verdict.firma.movements) == count


def test_a_lane_of_another_office_touches_no_declaration(world: World, tmp_path: Path) -> None:
    with engine(world, tmp_path) as live:
        firma = issue(live, world, "SE-1", "10")
        stated = whole(1, [("SE-1", firma, "1")])
        with pytest.raises(Refused, match="ROLE_NOT_ALLOWED"):
            live.core.validate_declaration(ELSEWHERE, validating(stated), None)
        held = verdict_of(
            live.answer(live.core.reserve_declaration(PREVALIDATOR, reserving(stated), None))
        )
        pay = paying(1, held.firma.acceptance_code, "2026-01-01")
        ticket = live.core.pay_declaration(ELSEWHERE, pay, None)
        with pytest.raises(Refused, match="ROLE_NOT_ALLOWED"):
            live.answer(ticket)


def reserved(live: LiveEngine, stated: declaration_pb2.Declaration) -> verdict_pb2.Verdict:
    """The verdict on a hold, which must be a firma."""
    ticket = live.core.reserve_declaration(PREVALIDATOR, reserving(stated), None)
    verdict = verdict_of(live.answer(ticket))
    assert verdict.HasField("firma"), verdict.findings
    return verdict


def test_what_one_office_holds_is_not_exercised_at_another(world: World, tmp_path: Path) -> None:
    with engine(world, tmp_path) as live:
        firma = issue(live, world, "SE-1", "10")
        stated = whole(1, [("SE-1", firma, "1")])
        stated.acceptance_code = reserved(live, stated).firma.acceptance_code
        stated.paid_on = mexico_day(live.clock.now()).isoformat()
        stated.clearance_office = "300"
        for call, request in (
            (live.core.validate_declaration, validating(stated)),
            (live.core.validate_license, validate_request(stated).SerializeToString()),
        ):
            verdict = verdict_of(live.answer(call(ELSEWHERE, request, None)))
            told = [(each.code, each.locator.field) for each in verdict.findings]
            assert ("E341", "clearance_office") in told
        assert standing(live, "SE-1").balances[0].reserved.quantity == "1"


def test_a_draw_on_another_license_line_than_the_one_held_moves_nothing(
    world: World, tmp_path: Path
) -> None:
    with engine(world, tmp_path) as live:
        lines = [
            license_line(line_no=1, quantity="10", countries=["USA"]),
            license_line(line_no=2, quantity="10", countries=["CAN"]),
        ]
        request = submit_request(
            world.sign(license_submission("SE-2L", content=license_content(lines=lines))),
            request_id(),
        )
        answer = submission_service_pb2.SubmitLicenseResponse.FromString(live.submit(SE, request))
        firma = answer.answer.verdict.firma.discharge_signature
        stated = whole(1, [("SE-2L", firma, "4")])
        stated.acceptance_code = reserved(live, stated).firma.acceptance_code
        stated.paid_on = mexico_day(live.clock.now()).isoformat()
        stated.lines[0].country_origin_destination = "CAN"
        stated.lines[0].country_seller_buyer = "CAN"
        verdict = verdict_of(live.validate(LANES[0], validate_request(stated)))
        told = [(each.code, each.locator.field) for each in verdict.findings]
        assert told == [("E341", "lines[0].draws[0]")]
        held = [balance.reserved.quantity for balance in standing(live, "SE-2L").balances]
        assert held == ["4", "0"]
        stated.lines[0].country_origin_destination = "USA"
        stated.lines[0].country_seller_buyer = "USA"
        verdict = verdict_of(live.validate(LANES[0], validate_request(stated)))
        assert verdict.HasField("firma"), verdict.findings


def test_a_lease_outlives_a_restart_and_its_end_is_a_movement(world: World, tmp_path: Path) -> None:
    with engine(world, tmp_path) as live:
        firma = issue(live, world, "SE-1", "10")
        held = whole(1, [("SE-1", firma, "4")])
        verdict = verdict_of(
            live.answer(live.core.reserve_declaration(PREVALIDATOR, reserving(held), None))
        )
        until = verdict.position.lease_until.ToDatetime(tzinfo=live.clock.now().tzinfo)
        assert until - live.clock.now() == timedelta(hours=72)
    # A nanosecond cannot be set here; a second before and the very instant can.
    with engine(world, tmp_path, clock=until - timedelta(seconds=1)) as live:
        assert standing(live, "SE-1").balances[0].reserved.quantity == "4"
        late = whole(1, [("SE-1", firma, "4")], verdict.firma.acceptance_code)
        request = validation_service_pb2.CheckDeclarationRequest(declaration=late)
        told = verdict_of(live.core.check_declaration(LANES[0], request.SerializeToString()))
        assert [each.code for each in told.findings] == ["E341"]
        live.clock.set(until)
        told = verdict_of(live.core.check_declaration(LANES[0], request.SerializeToString()))
        assert [each.code for each in told.findings] == ["N448"]
        ticket = live.core.validate_declaration(LANES[0], validating(late), None)
        assert [each.code for each in verdict_of(live.answer(ticket)).findings] == ["N448"]
        after = standing(live, "SE-1")
        assert (after.permit_seq, after.balances[0].available.quantity) == (3, "10")


def test_what_is_suspended_after_it_was_held_is_not_exercised(world: World, tmp_path: Path) -> None:
    with engine(world, tmp_path) as live:
        firma = issue(live, world, "SE-1", "10")
        held = verdict_of(
            live.answer(
                live.core.reserve_declaration(
                    PREVALIDATOR, reserving(whole(1, [("SE-1", firma, "4")])), None
                )
            )
        )
        acuse = held.firma.acceptance_code
        live.answer(live.core.pay_declaration(PREVALIDATOR, paying(1, acuse, "2026-01-01"), None))
        submission = license_submission("SE-1", version=2)
        submission.suspension.lines.every = True
        submission.suspension.offices.every = True
        submission.suspension.start_time.FromDatetime(live.clock.now())
        submission.suspension.reason = "a doubt"
        submission.suspension.legal_basis = "LCE 21"
        live.submit(SE, submit_request(world.sign(submission), request_id()))
        late = whole(1, [("SE-1", firma, "4")], acuse)
        ticket = live.core.validate_declaration(LANES[0], validating(late), None)
        assert [each.code for each in verdict_of(live.answer(ticket)).findings] == ["N419"]
        assert standing(live, "SE-1").balances[0].reserved.quantity == "4"


def test_a_declaration_lives_over_a_real_connection(world: World, tmp_path: Path) -> None:
    with server(world, tmp_path) as live:
        agency = SubmissionServiceStub(live.channel("se"))
        prevalidator = ValidationServiceStub(live.channel("prevalidator"))
        lane = ValidationServiceStub(live.channel(LANE))
        signed = world.sign(license_submission("SE-1", signed_at=live.clock.now()))
        issued = agency.SubmitLicense(submit_request(signed, request_id()), timeout=30)
        stated = whole(1, [("SE-1", issued.answer.verdict.firma.discharge_signature, "4")])
        v1 = validation_service_pb2
        reserve = v1.ReserveDeclarationRequest(request_id=request_id(), declaration=stated)
        held = prevalidator.ReserveDeclaration(reserve, timeout=30)
        acuse = held.answer.verdict.firma.acceptance_code
        asked = prevalidator.GetOutcome(
            v1.GetOutcomeRequest(request_id=reserve.request_id), timeout=30
        )
        assert asked.answer == held.answer
        pay = v1.PayDeclarationRequest.FromString(
            paying(1, acuse, mexico_day(live.clock.now()).isoformat())
        )
        paid = lane.PayDeclaration(pay, timeout=30).answer.verdict
        assert paid.position.state == verdict_pb2.DECLARATION_STATE_PAID
        stated.acceptance_code = acuse
        done = lane.ValidateDeclaration(
            v1.ValidateDeclarationRequest(request_id=request_id(), declaration=stated), timeout=30
        ).answer.verdict
        assert done.position.state == verdict_pb2.DECLARATION_STATE_EXERCISED
        kinds = [each.kind for each in done.firma.movements]
        assert kinds == [verdict_pb2.MOVEMENT_KIND_COMMIT]
        seen = []
        for event in agency.WatchExercises(
            submission_service_pb2.WatchExercisesRequest(), timeout=30
        ):
            if event.HasField("movement"):
                seen.append((event.movement.movement.kind, event.movement.position.state))
            if len(seen) == 3:
                break
        assert seen[1:] == [
            (verdict_pb2.MOVEMENT_KIND_RESERVE, verdict_pb2.DECLARATION_STATE_RESERVED),
            (verdict_pb2.MOVEMENT_KIND_COMMIT, verdict_pb2.DECLARATION_STATE_EXERCISED),
        ]
