"""Every finding of an exercise, on licenses that were really issued."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

import pytest

from descargo.v1 import (
    declaration_pb2,
    license_pb2,
    submission_service_pb2,
    validation_service_pb2,
    verdict_pb2,
)
from tests.support.engines import LEDGER
from tests.support.messages import check_request, validate_request
from tests.vectors.finding_cases import change_of, declaration_of, exercise_cases, license_of
from tests.vectors.finding_engine import CALLERS, FindingEngine, assert_answer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World
    from tests.vectors.finding_cases import ExerciseCase
    from tests.vectors.signers import SigningWorld

SAAI: Final = {
    "declaration_number": (500, 4),
    "declaration_key": (501, 6),
    "operation": (501, 5),
    "regime": (0, 0),
    "trader.rfc": (501, 9),
    "trader.curp": (501, 8),
    "trader.legal_name": (0, 0),
    "clearance_office": (501, 4),
    "entry_exit_office": (501, 7),
    "paid_on": (506, 4),
    "lines[0].line_no": (551, 4),
    "lines[0].tariff_code": (551, 3),
    "lines[0].tariff_code.code": (551, 3),
    "lines[0].tariff_code.nico": (551, 5),
    "lines[0].country_origin_destination": (551, 21),
    "lines[0].country_seller_buyer": (551, 22),
    "lines[0].umc": (551, 11),
    "lines[0].umc.quantity": (551, 11),
    "lines[0].umc.unit": (551, 12),
    "lines[0].umt": (551, 13),
    "lines[0].umt.quantity": (551, 13),
    "lines[0].umt.unit": (551, 14),
    "lines[0].value_usd": (551, 10),
    "lines[0].draws[0]": (553, 0),
    "lines[0].draws[0].license": (553, 7),
    "lines[0].draws[0].license.permit_key": (553, 5),
    "lines[0].draws[0].license.permit_number": (553, 7),
    "lines[0].draws[0].discharge_signature": (553, 6),
    "lines[0].draws[0].amount": (553, 0),
    "lines[0].draws[0].amount.quantity": (553, 9),
    "lines[0].draws[0].amount.value_usd": (553, 8),
}
"""Record and field of SAAI M3 for each path (domain.md 2.2)."""

AFTER_LAST_DAY: Final = "2027-01-01T06:00:00Z"
"""When the good license has expired."""

WITHOUT_RECORD: Final = {("W811", "lines[0].draws[0].license")}
"""Warns of the license, not of what the record states."""


@pytest.mark.parametrize("case", exercise_cases(), ids=lambda case: f"{case.file}: {case.name}")
def test_exercise_gets_exactly_its_findings(
    case: ExerciseCase, world: World, signing: SigningWorld, tmp_path: Path
) -> None:
    with FindingEngine.open(world, signing, tmp_path, case.policy) as engine:
        issued = submission_service_pb2.SubmitLicenseResponse.FromString(
            engine.issue(license_of(case))
        )
        for change in case.changes:
            engine.issue(change_of(license_of(case), change))
    firma = issued.answer.verdict.firma.discharge_signature
    if case.status:
        write_status(tmp_path, case.status)
    with FindingEngine.open(world, signing, tmp_path, case.policy) as engine:
        first = None
        engine.move_to("2026-05-11T17:00:00Z")
        for instead in case.before:
            first = validate(engine, "lane", declaration_of(case, firma, instead))
            assert answer_of(first).verdict.HasField("firma")
        for instead in case.before_refused:
            refused = validate(engine, "lane", declaration_of(case, firma, instead))
            assert answer_of(refused).verdict.HasField("error")
        engine.move_to(case.now)
        declaration = declaration_of(case, firma)
        preview = check(engine, case.caller, declaration)
        assert_preview(preview, case)
        if case.check_only:
            return
        response = validate(engine, case.caller, declaration)
        if case.same_answer:
            assert response == first
            return
        answer = answer_of(response)
        assert_answer(answer, case, declaration_pb2.Declaration.DESCRIPTOR)
        assert_records(answer, declaration)
        assert_outcome(answer, preview, case)


def write_status(folder: Path, status: str) -> None:
    """Gives the license a status that no call brings about yet, while nobody has the file open."""
    number = license_pb2.LicenseStatus.Value(status)
    with closing(sqlite3.connect(folder / LEDGER)) as ledger, ledger:
        changed = ledger.execute("UPDATE license SET status = ?", (number,)).rowcount
        assert changed == 1


def validate(engine: FindingEngine, caller: str, declaration: declaration_pb2.Declaration) -> bytes:
    return engine.live.validate(CALLERS[caller], validate_request(declaration))


def answer_of(response: bytes) -> verdict_pb2.Answer:
    return validation_service_pb2.ValidateLicenseResponse.FromString(response).answer


def check(
    engine: FindingEngine, caller: str, declaration: declaration_pb2.Declaration
) -> verdict_pb2.Answer:
    response = engine.live.check(CALLERS[caller], check_request(declaration))
    return validation_service_pb2.CheckLicenseResponse.FromString(response).answer


def assert_preview(preview: verdict_pb2.Answer, case: ExerciseCase) -> None:
    """A check tells what the exercise would, proves nothing and opens no barrier."""
    assert_answer(preview, case, declaration_pb2.Declaration.DESCRIPTOR)
    verdict = preview.verdict
    assert verdict.WhichOneof("outcome") == ("error" if case.refuses else "preview")
    assert not preview.HasField("receipt")
    assert not verdict.verdict_id
    assert not verdict.request_id
    if case.refuses and not case.caller.startswith("lane"):
        # Who is no officer is told nothing of a license that is not his, or not proved to be.
        unproved = {"N411", "N412"} & {each.code for each in case.expected}
        assert bool(verdict.error.standings) is not bool(unproved)


def assert_records(answer: verdict_pb2.Answer, declaration: declaration_pb2.Declaration) -> None:
    """Each finding names the place where the broker's own system has it."""
    for finding in answer.verdict.findings:
        where = finding.locator
        in_line = where.field.startswith("lines[0]")
        assert where.line_no == (declaration.lines[0].line_no if in_line else 0), where
        if (finding.code, where.field) in WITHOUT_RECORD:
            continue
        assert (where.record, where.record_field) == SAAI[where.field], where
        assert where.ordinal == (1 if where.record == 553 else 0), where


def status_told(case: ExerciseCase) -> license_pb2.LicenseStatus.ValueType:
    """Where the license stands on the day of the case, though no movement says that it expired."""
    if case.status or case.standing:
        return license_pb2.LicenseStatus.Value(case.status or f"LICENSE_STATUS_{case.standing}")
    codes = {each.code for each in case.expected}
    if "N422" in codes:
        return license_pb2.LICENSE_STATUS_AWAITING_NOTIFICATION
    if case.now >= AFTER_LAST_DAY:
        return license_pb2.LICENSE_STATUS_EXPIRED
    nothing_left = case.license_onboard is not None and "N421" in codes
    return (
        license_pb2.LICENSE_STATUS_EXHAUSTED if nothing_left else license_pb2.LICENSE_STATUS_ACTIVE
    )


def assert_outcome(
    answer: verdict_pb2.Answer, preview: verdict_pb2.Answer, case: ExerciseCase
) -> None:
    verdict = answer.verdict
    if case.refuses:
        assert verdict.WhichOneof("outcome") == "error"
        unknown = any(each.code == "N411" for each in case.expected)
        assert bool(verdict.error.standings) is not unknown
        for standing in verdict.error.standings:
            assert standing.status == status_told(case)
        assert not verdict.HasField("position")
        return
    assert verdict.WhichOneof("outcome") == "firma"
    assert re.fullmatch(r"[0-9A-Z]{8}", verdict.firma.acceptance_code)
    (movement,) = verdict.firma.movements
    assert movement.license_line_no == case.license_line
    assert [movement] == list(preview.verdict.preview.movements)
    assert verdict.position.state == verdict_pb2.DECLARATION_STATE_EXERCISED
