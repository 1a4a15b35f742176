"""`validate`, `check`, `outcome`, `license show` and `verify` against a scripted validator."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from descargo.v1 import license_pb2, submission_service_pb2, verdict_pb2

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.client.conftest import Ran, ScriptedValidator

    Run = Callable[..., Ran]

REQUEST_ID = "3f0c2f0e-6f0e-4d7e-9a51-1c0a3e9a7f10"
DRAW = shlex.split(
    "--declaration-number 262434566000001 --declaration-key A1 --operation IMPORT --regime IMD"
    " --rfc EKU9003173C9 --office 240 --tariff 72142001 --nico 00 --origin USA --seller CAN"
    " --umc 500:6 --umt 500.5:1 --value-usd 1000 --permit-key C1 --permit-number 0001-2026"
    " --firma ABCD2345 --draw-quantity 500.5"
)


def _to(validator: ScriptedValidator) -> list[str]:
    return ["--server", validator.address, "--plaintext", "--identity", "lane-1"]


def _movement() -> verdict_pb2.Movement:
    amount = license_pb2.Amount
    return verdict_pb2.Movement(
        license=license_pb2.LicenseId(agency="SE", permit_key="C1", permit_number="0001-2026"),
        permit_seq=2,
        kind=verdict_pb2.MOVEMENT_KIND_COMMIT,
        version=1,
        status=license_pb2.LICENSE_STATUS_ACTIVE,
        license_line_no=1,
        line_no=1,
        taken=amount(quantity="500.5"),
        balance_after=verdict_pb2.Balance(
            license_line_no=1,
            unit=1,
            authorized=amount(quantity="1000"),
            available=amount(quantity="499.5"),
            reserved=amount(quantity="0"),
            exercised=amount(quantity="500.5", value_usd="7"),
        ),
    )


def _firma(validator: ScriptedValidator) -> verdict_pb2.Answer:
    firma = verdict_pb2.Firma(acceptance_code="WXYZ6789", movements=[_movement()])
    verdict = verdict_pb2.Verdict(verdict_id="v-1", request_id=REQUEST_ID, firma=firma)
    verdict.decided_at.FromSeconds(1_790_000_000)
    verdict.position.declaration_number = "262434566000001"
    verdict.position.state = verdict_pb2.DECLARATION_STATE_EXERCISED
    answer: verdict_pb2.Answer = validator.answer(verdict)
    return answer


def _error(validator: ScriptedValidator) -> verdict_pb2.Answer:
    verdict = verdict_pb2.Verdict(verdict_id="v-2", request_id=REQUEST_ID)
    verdict.error.standings.add(
        license=_movement().license, status=1, balances=[_movement().balance_after]
    )
    locator = verdict_pb2.Locator(
        field="lines[0].draws[0].amount.quantity", line_no=1, record=553, record_field=9
    )
    verdict.findings.add(
        code="N424", finding_class=4, locator=locator, declared="500.5", granted="120\x1b[2J"
    )
    text = verdict_pb2.FindingText(
        code="N424",
        actor=verdict_pb2.ACTOR_TRADER,
        message_es="La cantidad es mayor que el saldo.",
        message_en="The quantity is above the balance.",
        remedy_es="Reduzca la cantidad.",
        remedy_en="Reduce the quantity.",
    )
    answer: verdict_pb2.Answer = validator.answer(verdict, text)
    return answer


def test_a_draw_from_options_gets_its_firma(
    validator: ScriptedValidator, descargo: Run, tmp_path: Path
) -> None:
    validator.replies.append(_firma(validator))
    saved = tmp_path / "recibo.json"
    ran = descargo("validate", *DRAW, *_to(validator), "--receipt-out", saved)
    assert ran.code == 0
    assert ran.err == ""
    for part in (
        "FIRMA",
        "WXYZ6789",
        "SE C1 0001-2026",
        "499.5",
        "Saldo",
        "sin límite",
        "v-1",
        "26  24  3456  6000001",
        "1 kilo",
    ):
        assert part in ran.out
    (request,) = validator.requests
    line = request.declaration.lines[0]
    assert re.fullmatch(r"[0-9a-f-]{36}", request.request_id)
    assert (line.umt.quantity, line.umt.unit, line.umc.unit) == ("500.5", 1, 6)
    assert line.draws[0].amount.quantity == "500.5"
    assert not line.draws[0].amount.HasField("value_usd")
    assert json.loads(saved.read_text())["outcome"] == "firma"


def test_the_same_answer_as_json_has_stable_names(
    validator: ScriptedValidator, descargo: Run
) -> None:
    validator.replies.append(_firma(validator))
    ran = descargo("validate", *DRAW, *_to(validator), "-o", "json", "--request-id", REQUEST_ID)
    assert ran.code == 0
    assert validator.requests[0].request_id == REQUEST_ID
    assert set(ran.json) == {
        "outcome", "validator", "verdict_id", "request_id", "request_sha256", "caller",
        "signer_sha256", "decided_at", "ruleset_hash", "catalogue_version", "acceptance_code",
        "discharge_signature", "findings", "movements", "standings", "position", "texts",
        "revision", "receipt",
    }  # fmt: skip
    assert ran.json["movements"][0]["balance_after"]["available"] == {
        "quantity": "499.5", "value_usd": None,
    }  # fmt: skip
    assert ran.json["movements"][0]["kind"] == "COMMIT"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("es", ["ERROR", "N424", "La cantidad es mayor que el saldo.", "Reduzca la cantidad.",
                "registro 553, campo 9", "partida 1", "importador"]),
        ("en", ["ERROR", "N424", "The quantity is above the balance.", "Reduce the quantity.",
                "record 553, field 9", "line 1", "importer"]),
    ],
)  # fmt: skip
def test_an_error_says_each_finding_and_ends_with_1(
    validator: ScriptedValidator, descargo: Run, language: str, words: list[str]
) -> None:
    validator.replies.append(_error(validator))
    ran = descargo("validate", *DRAW, *_to(validator), "--lang", language)
    assert ran.code == 1
    for word in [*words, "500.5", "lines[0].draws[0].amount.quantity"]:
        assert word in ran.out
    assert "\x1b" not in ran.out


def test_json_is_utf8_without_escapes(validator: ScriptedValidator, descargo: Run) -> None:
    answer = _error(validator)
    answer.texts[0].remedy_es = "Pida prórroga"
    validator.replies.append(answer)
    ran = descargo("validate", *DRAW, *_to(validator), "-o", "json")
    assert ran.code == 1
    assert "Pida prórroga" in ran.out
    assert ran.json["texts"][0]["actor"] == "TRADER"
    assert ran.json["findings"][0]["record_field"] == 9


def test_an_answer_without_outcome_is_no_yes(validator: ScriptedValidator, descargo: Run) -> None:
    validator.replies.append(validator.answer(verdict_pb2.Verdict()))
    ran = descargo("validate", *DRAW, *_to(validator), "-o", "json")
    assert (ran.code, ran.json["outcome"]) == (1, "none")


def test_a_check_from_a_file_previews(
    validator: ScriptedValidator, descargo: Run, tmp_path: Path
) -> None:
    verdict = verdict_pb2.Verdict(preview=verdict_pb2.Preview(movements=[_movement()]))
    validator.replies.append(verdict_pb2.Answer(verdict=verdict))
    file = tmp_path / "pedimento.json"
    file.write_text('{"declaration_number": "262434566000001", "lines": [{"line_no": 3}]}')
    ran = descargo("check", "--file", file, *_to(validator))
    assert ran.code == 0
    assert "CONSULTA" in ran.out
    assert validator.requests[0].declaration.lines[0].line_no == 3


def test_an_outcome_is_shown_again(validator: ScriptedValidator, descargo: Run) -> None:
    validator.replies.append(_firma(validator))
    ran = descargo("outcome", REQUEST_ID, *_to(validator), "-o", "json")
    assert (ran.code, ran.json["acceptance_code"]) == (0, "WXYZ6789")
    assert validator.requests[0].request_id == REQUEST_ID


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "IDENTITY_UNKNOWN", 4),
        (grpc.StatusCode.PERMISSION_DENIED, "ROLE_NOT_ALLOWED", 4),
        (grpc.StatusCode.NOT_FOUND, "OUTCOME_UNKNOWN", 2),
        (grpc.StatusCode.INTERNAL, "FAULT", 3),
        (grpc.StatusCode.DEADLINE_EXCEEDED, "NOT_DECIDED", 3),
    ],
)
def test_a_call_without_answer_ends_with_its_code_in_both_outputs(
    validator: ScriptedValidator, descargo: Run, code: grpc.StatusCode, reason: str, expected: int
) -> None:
    validator.replies.append(validator.refusal(code, reason))
    shown = descargo("outcome", REQUEST_ID, *_to(validator))
    assert (shown.code, shown.out) == (expected, "")
    assert reason in shown.err
    ran = descargo("outcome", REQUEST_ID, *_to(validator), "-o", "json")
    assert (ran.code, ran.out) == (expected, "")
    assert ran.error["reason"] == reason
    assert ran.error["exit_code"] == expected
    assert ran.error["request_id"] == REQUEST_ID


def test_an_uncertain_draw_tells_how_to_ask(validator: ScriptedValidator, descargo: Run) -> None:
    validator.replies.append(
        validator.refusal(grpc.StatusCode.UNAVAILABLE, "OUTCOME_UNCERTAIN", retry_after_ms=60_000)
    )
    ran = descargo("validate", *DRAW, *_to(validator))
    assert ran.code == 3
    assert f"descargo outcome {validator.requests[0].request_id}" in ran.err
    assert f"--request-id {validator.requests[0].request_id}" in ran.err


def _record() -> submission_service_pb2.LicenseRecord:
    record = submission_service_pb2.LicenseRecord(discharge_signature="ABCD2345")
    record.standing.license.CopyFrom(_movement().license)
    record.standing.version = 1
    record.standing.status = license_pb2.LICENSE_STATUS_ACTIVE
    record.standing.balances.append(_movement().balance_after)
    record.license.holder.rfc = "EKU9003173C9"
    record.license.holder.legal_name = "PEÑA & NIÑO"
    record.license.offices.every = True
    record.license.lines.add().tariff_codes.add(code="72142001", nico="00")
    return record


def test_a_license_is_shown_with_its_balance(validator: ScriptedValidator, descargo: Run) -> None:
    validator.replies.append(_record())
    ran = descargo("license", "show", "C1", "0001-2026", "--agency", "SE", *_to(validator))
    assert ran.code == 0
    for part in ("VIGENTE", "ABCD2345", "PEÑA & NIÑO (EKU9003173C9)", "72142001-00", "499.5"):
        assert part in ran.out
    request = validator.requests[0]
    assert (request.license.agency, request.HasField("version")) == ("SE", False)
    ran = descargo(
        "license", "show", "C1", "0001-2026", "--version", "1", *_to(validator), "-o", "json"
    )
    assert ran.json["standing"]["status"] == "ACTIVE"
    assert ran.json["content"]["holder"]["legal_name"] == "PEÑA & NIÑO"
    assert validator.requests[1].version == 1


def test_an_unknown_license_ends_with_2(validator: ScriptedValidator, descargo: Run) -> None:
    validator.replies.append(validator.refusal(grpc.StatusCode.NOT_FOUND, "LICENSE_UNKNOWN"))
    ran = descargo("license", "show", "C1", "X", *_to(validator))
    assert (ran.code, ran.out) == (2, "")


def _receipt_files(
    validator: ScriptedValidator, descargo: Run, tmp_path: Path
) -> tuple[Path, Path]:
    receipt, key = tmp_path / "recibo.json", tmp_path / "receipt.pub.pem"
    key.write_bytes(validator.public_pem())
    validator.replies.append(_error(validator))
    descargo("validate", *DRAW, *_to(validator), "--receipt-out", receipt)
    return receipt, key


def test_a_saved_receipt_is_proven_offline(
    validator: ScriptedValidator, descargo: Run, tmp_path: Path
) -> None:
    receipt, key = _receipt_files(validator, descargo, tmp_path)
    ran = descargo("verify", receipt, "--key", key)
    assert ran.code == 0
    for part in ("RECIBO VÁLIDO", "ERROR", "N424", "openssl dgst -sha256 -verify"):
        assert part in ran.out
    ran = descargo("verify", receipt, "--key", key, "-o", "json")
    assert (ran.json["valid"], ran.json["verdict"]["outcome"]) == (True, "error")


def test_a_tampered_receipt_ends_with_1(
    validator: ScriptedValidator, descargo: Run, tmp_path: Path
) -> None:
    receipt, key = _receipt_files(validator, descargo, tmp_path)
    document: dict[str, Any] = json.loads(receipt.read_text())
    receipt.write_text(json.dumps(document | {"outcome": "firma"}))
    ran = descargo("verify", receipt, "--key", key)
    assert (ran.code, ran.out) == (1, "")
    assert "NO VÁLIDO" in ran.err


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not on this machine")
def test_openssl_proves_what_verify_extracted(
    validator: ScriptedValidator, descargo: Run, tmp_path: Path
) -> None:
    receipt, key = _receipt_files(validator, descargo, tmp_path)
    ran = descargo("verify", receipt, "--key", key, "--extract", tmp_path / "x", "-o", "json")
    proof = subprocess.run(
        shlex.split(ran.json["openssl"]), capture_output=True, text=True, check=True
    )
    assert "Verified OK" in proof.stdout
