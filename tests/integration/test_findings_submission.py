"""Every finding of a submission, from the bytes that an agency signs to the bytes of the answer."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import pytest

from descargo.catalogue import findings
from descargo.v1 import submission_pb2, submission_service_pb2
from descargo_client.canonical import canonical_string
from descargo_client.faults import BadFile
from tests.vectors.finding_cases import (
    change_of,
    declaration_codes,
    exercise_cases,
    good_submission,
    submission_cases,
    submission_of,
)
from tests.vectors.finding_engine import FindingEngine, assert_answer, canonical_envelope

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from descargo.v1 import license_pb2, verdict_pb2
    from tests.support.world import World
    from tests.vectors.finding_cases import SubmissionCase
    from tests.vectors.signers import SigningWorld

N402_IS_NEVER_SENT = "N402"


def envelope_of(case: SubmissionCase, signing: SigningWorld) -> submission_pb2.Envelope:
    """What a case sends: signed, and then spoilt where it says so."""
    signer = signing.signer(case.signer)
    if case.form == "canonical":
        before, instead = case.string
        string = string_of(case)
        assert before in string
        return canonical_envelope(string.replace(before, instead, 1), signer)
    payload = submission_of(case).SerializeToString() + bytes.fromhex(case.append)
    envelope = submission_pb2.Envelope(
        payload=payload,
        signature=signer.sign(payload),
        certificate_der=signer.certificate_der,
    )
    match case.spoil:
        case "":
            pass
        case "signature":
            flipped = envelope.signature[-1] ^ 1
            envelope.signature = envelope.signature[:-1] + bytes([flipped])
        case "payload":
            envelope.payload = payload.replace(b"SE-0001/26", b"SE-0001/27")
        case "certificate":
            envelope.certificate_der = signing.signer("se-p256").certificate_der
        case "no certificate":
            envelope.certificate_der = b"no certificate"
        case other:
            pytest.fail(f"`spoil = {other}` is unknown")
    return envelope


def string_of(case: SubmissionCase) -> str:
    """The canonical string; for what has none, that of the good submission."""
    try:
        return canonical_string(submission_of(case))
    except BadFile:
        return canonical_string(good_submission())


@pytest.mark.parametrize("case", submission_cases(), ids=lambda case: f"{case.file}: {case.name}")
def test_submission_gets_exactly_its_findings(
    case: SubmissionCase, world: World, signing: SigningWorld, tmp_path: Path
) -> None:
    with FindingEngine.open(world, signing, tmp_path, case.policy) as engine:
        first = None
        for change in case.before:
            accepted = engine.issue(change_of(good_submission(), change))
            first = accepted if first is None or case.change else first
        engine.move_to(case.now)
        beside = submission_of(case) if case.form == "canonical" else None
        response = engine.submit(case.caller, envelope_of(case, signing), beside)
        answer = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer
        if case.same_answer:
            assert response == first
            return
        assert_answer(answer, case, submission_pb2.Submission.DESCRIPTOR)
        assert_lines(answer, submission_of(case))
        outcome = answer.verdict.WhichOneof("outcome")
        assert outcome == ("error" if case.refuses else "firma")
        if not case.refuses:
            assert len(answer.verdict.firma.discharge_signature) == 8
            assert answer.verdict.firma.movements


def assert_lines(answer: verdict_pb2.Answer, submission: submission_pb2.Submission) -> None:
    """A finding of a line says which, by the number that the agency gave it."""
    owners: dict[str, Sequence[license_pb2.LicenseLine | submission_pb2.LineRemainder]] = {
        "issue.lines": submission.issue.lines,
        "amendment.lines": submission.amendment.lines,
        "onboarding.license.lines": submission.onboarding.license.lines,
        "onboarding.remainders": submission.onboarding.remainders,
    }
    for finding in answer.verdict.findings:
        where = finding.locator
        assert not where.record, "SAAI has no record of a license"
        match = re.match(r"(.*?(?:lines|remainders))\[([0-9]+)\]", where.field)
        # A line that is missing is told at the list.
        if finding.code == "S108" or where.field in {"onboarding.remainders", "amendment.lines"}:
            continue
        expected = owners[match[1]][int(match[2])].line_no if match else 0
        assert where.line_no == expected, where


def tariff_codes_in_kilograms(world: World) -> list[str]:
    """Codes of the shipped tariff whose unit is the kilogram, in order."""
    text = gzip.decompress(world.configuration.catalogue.read_bytes()).decode()
    rows = (line.split("\t") for line in text.splitlines())
    return list(dict.fromkeys(row[0] for row in rows if len(row) == 5 and row[2] == "1"))


def test_license_of_the_most_lines_and_codes_is_accepted(
    world: World, signing: SigningWorld, tmp_path: Path
) -> None:
    submission = good_submission()
    line = submission.issue.lines[0]
    del submission.issue.lines[1:]
    for index, code in enumerate(tariff_codes_in_kilograms(world)[:599]):
        if index < 100:
            each = line if index == 0 else None
        else:
            each = submission.issue.lines.add()
            each.CopyFrom(line)
            each.line_no = index - 98
        if each is not None:
            del each.tariff_codes[:]
        (each or line).tariff_codes.add(code=code)
    assert len(submission.issue.lines) == 500
    assert len(line.tariff_codes) == 100
    with FindingEngine.open(world, signing, tmp_path, {}) as engine:
        response = engine.issue(submission)
    answer = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer
    assert not answer.verdict.findings
    assert [each.permit_seq for each in answer.verdict.firma.movements] == list(range(1, 501))


def test_every_code_of_the_catalogue_has_a_case() -> None:
    told = {
        each.code for case in (*submission_cases(), *exercise_cases()) for each in case.expected
    } | declaration_codes()
    assert told | {N402_IS_NEVER_SENT} == set(findings())
    assert N402_IS_NEVER_SENT not in told
    assert any(case.same_answer for case in submission_cases()), "the behaviour of N402"


def test_one_answer_tells_a_dozen_mistakes() -> None:
    for cases in (submission_cases(), exercise_cases()):
        assert max(len({each.code for each in case.expected}) for case in cases) >= 12


def test_each_case_has_a_name_of_its_own() -> None:
    names = [case.name for case in (*submission_cases(), *exercise_cases())]
    doubled = {name for name in names if names.count(name) > 1}
    assert not {name for name in doubled if sum(c.name == name for c in submission_cases()) > 1}
    assert not {name for name in doubled if sum(c.name == name for c in exercise_cases()) > 1}
