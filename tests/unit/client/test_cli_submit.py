"""`descargo submit` against a scripted validator: tables, files, replays, and what stops a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from descargo.v1 import submission_pb2, verdict_pb2

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.client.conftest import EfirmaFiles, Ran, ScriptedValidator

    Run = Callable[..., Ran]


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    """Two licenses with an unreadable line between them."""
    lines = [_line("0001"), '{"license": {', _line("0002")]
    file = tmp_path / "permisos.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _line(number: str) -> str:
    return json.dumps(
        {
            "license": {"agency": "SE", "permit_key": "C1", "permit_number": number},
            "issue": {"operation": "IMPORT", "holder": {"rfc": "EKU9003173C9"}},
        }
    )


def _to(validator: ScriptedValidator) -> list[str]:
    return [
        "--server", validator.address, "--plaintext", "--identity", "se",
        "--validator", "descargo.prueba",
    ]  # fmt: skip


def _judge(validator: ScriptedValidator) -> Callable[[Any], Any]:
    """Accepts every license but number 0002."""

    def judge(request: Any) -> Any:
        submission = submission_pb2.Submission.FromString(request.envelope.payload)
        verdict = verdict_pb2.Verdict(request_id=request.request_id)
        if submission.license.permit_number == "0002":
            verdict.error.SetInParent()
            verdict.findings.add(code="S101", declared="")
            verdict.findings.add(code="C202", declared="C1")
        else:
            verdict.firma.discharge_signature = "ABCD2345"
        return validator.answer(verdict)

    return judge


def test_each_license_has_its_row_and_the_run_its_summary(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, jsonl: Path
) -> None:
    validator.replies.append(_judge(validator))
    ran = descargo("submit", jsonl, *efirma.options(), *_to(validator))
    assert ran.code == 2
    for part in ("ABCD2345", "FIRMA", "C202 S101", "ILEGIBLE", "renglón 2", "1 con firma",
                 "1 con error", "1 ilegibles", "C202: 1, S101: 1"):  # fmt: skip
        assert part in ran.out
    assert len(validator.requests) == 2


def test_what_is_sent_is_signed_by_the_efirma_over_the_payload(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, jsonl: Path
) -> None:
    validator.replies.append(_judge(validator))
    descargo("submit", jsonl, *efirma.options(), *_to(validator))
    for request in validator.requests:
        envelope = request.envelope
        efirma.private_key.public_key().verify(
            envelope.signature, envelope.payload, padding.PKCS1v15(), SHA256()
        )
        assert envelope.certificate_der == efirma.cert.read_bytes()
        submission = submission_pb2.Submission.FromString(envelope.payload)
        assert submission.type == "descargo.v1.Submission"
        assert (submission.validator, submission.version) == ("descargo.prueba", 1)
        assert submission.HasField("signed_at")
    assert set(validator.identities) == {"se"}


def test_json_output_and_the_answers_file_say_the_same(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, jsonl: Path
) -> None:
    validator.replies.append(_judge(validator))
    answers = jsonl.with_name("respuestas.jsonl")
    ran = descargo(
        "submit", jsonl, *efirma.options(), *_to(validator), "--answers", answers, "-o", "json"
    )
    assert ran.code == 2
    assert ran.json["summary"] == {
        "total": 3, "firma": 1, "error": 1, "unreadable": 1, "refused": 0, "not_sent": 0,
        "errors_by_code": {"C202": 1, "S101": 1},
    }  # fmt: skip
    assert [item["state"] for item in ran.json["items"]] == ["firma", "unreadable", "error"]
    assert ran.json["items"][1]["problems"][0]["line"] == 2
    written = [json.loads(line) for line in answers.read_text(encoding="utf-8").splitlines()]
    assert sorted(written, key=lambda each: each["lines"]) == ran.json["items"]
    key = jsonl.with_name("pub.pem")
    key.write_bytes(validator.public_pem())
    assert descargo("verify", answers, "--key", key).code == 0


def test_a_second_run_replays_the_firma_and_signs_the_error_anew(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, jsonl: Path
) -> None:
    validator.replies.append(_judge(validator))
    once = [*efirma.options(), *_to(validator), "--parallel", "1"]
    descargo("submit", jsonl, *once)
    descargo("submit", jsonl, *once)
    first_firma, first_error, again_firma, again_error = validator.requests
    assert again_firma == first_firma
    assert first_firma.request_id != first_error.request_id
    payloads = [
        submission_pb2.Submission.FromString(request.envelope.payload)
        for request in (first_error, again_error)
    ]
    assert payloads[0].license == payloads[1].license


def test_a_torn_outbox_is_taken_up_and_a_damaged_one_refused(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, jsonl: Path
) -> None:
    validator.replies.append(_judge(validator))
    once = [*efirma.options(), *_to(validator)]
    outbox = jsonl.with_name("permisos.jsonl.outbox.jsonl")
    outbox.write_text('{"content": "a", "requ')
    assert descargo("submit", jsonl, *once).code == 2
    first = [request for request in validator.requests if request.envelope]
    assert descargo("submit", jsonl, *once).code == 2
    assert first[0] in validator.requests[len(first) :] or first[1] in validator.requests[2:]
    outbox.write_text('{"content": 5}\n' + outbox.read_text())
    ran = descargo("submit", jsonl, *once)
    assert ran.code == 2
    assert "renglón 1" in ran.err


def test_a_refused_identity_stops_the_run(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, jsonl: Path
) -> None:
    validator.replies.append(validator.refusal(grpc.StatusCode.UNAUTHENTICATED, "IDENTITY_UNKNOWN"))
    ran = descargo("submit", jsonl, *efirma.options(), *_to(validator), "--parallel", "1")
    assert ran.code == 4
    assert len(validator.requests) == 1
    assert "IDENTITY_UNKNOWN" in ran.err
    assert "2 sin respuesta" in ran.out


def test_a_lost_validator_stops_the_run_and_the_next_goes_on_with_the_same_keys(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, jsonl: Path
) -> None:
    once = [*efirma.options(), *_to(validator), "--parallel", "1", "-o", "json"]
    lost = validator.refusal(grpc.StatusCode.INTERNAL, "FAULT")
    validator.replies.extend([lost, _judge(validator)])
    ran = descargo("submit", jsonl, *once)
    assert ran.code == 3
    assert ran.json["summary"]["not_sent"] == 2
    descargo("submit", jsonl, *once)
    assert validator.requests[1] == validator.requests[0]


def test_a_refused_item_does_not_stop_the_others(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, jsonl: Path
) -> None:
    refused = validator.refusal(
        grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", fields=(("envelope", "is empty"),)
    )
    validator.replies.extend([refused, _judge(validator)])
    ran = descargo("submit", jsonl, *efirma.options(), *_to(validator), "--parallel", "1")
    assert ran.code == 2
    assert len(validator.requests) == 2
    for part in ("NO ADMITIDO", "FIELD_INVALID", "envelope: is empty"):
        assert part in ran.out


def test_all_accepted_ends_with_0_and_an_error_with_1(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, tmp_path: Path
) -> None:
    validator.replies.append(_judge(validator))
    good, bad = tmp_path / "good.jsonl", tmp_path / "bad.jsonl"
    good.write_text(_line("0001"))
    bad.write_text(_line("0002"))
    assert descargo("submit", good, *efirma.options(), *_to(validator)).code == 0
    assert descargo("submit", bad, *efirma.options(), *_to(validator)).code == 1


def test_csv_is_read_and_the_outbox_stays_beside_it(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, tmp_path: Path
) -> None:
    validator.replies.append(_judge(validator))
    file = tmp_path / "permisos.CSV"
    file.write_bytes(
        "agency;permit_key;permit_number;instrument_kind;holder_rfc;holder_legal_name;operation;"
        "regimes;offices;valid_from;valid_to;quantity_basis;tariff_codes;unit;quantity;"
        "countries_origin_destination;countries_seller_buyer\r\n"
        "SE;C1;0001;PRIOR_PERMIT;EKU9003173C9;PEÑA;IMPORT;IMD;*;2026-01-01;2026-12-31;UMT;"
        "72142001;1;5.5;*;*\r\n".encode("cp1252")
    )
    ran = descargo("submit", file, *efirma.options(), *_to(validator))
    assert ran.code == 0
    payload = validator.requests[0].envelope.payload
    assert submission_pb2.Submission.FromString(payload).issue.holder.legal_name == "PEÑA"
    assert (tmp_path / "permisos.CSV.outbox.jsonl").exists()


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("a.txt", b"{}", ".jsonl"),
        ("a.jsonl", b"\n\n", "vac"),
        ("a.jsonl", b"{\n[]", "2 problema"),
        ("a.csv", b"agency\nSE", "permit_key"),
    ],
)
def test_a_file_without_any_license_sends_nothing_and_ends_with_2(  # noqa: PLR0917 - fixtures and a case
    validator: ScriptedValidator,
    descargo: Run,
    efirma: EfirmaFiles,
    tmp_path: Path,
    name: str,
    content: bytes,
    part: str,
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    ran = descargo("submit", file, *efirma.options(), *_to(validator))
    assert (ran.code, ran.out) == (2, "")
    assert part in ran.err
    assert validator.requests == []


def test_problems_of_a_file_are_an_object_each_in_json(
    descargo: Run, efirma: EfirmaFiles, tmp_path: Path, validator: ScriptedValidator
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"license": {"permit_key": 5}}')
    ran = descargo("submit", file, *efirma.options(), *_to(validator), "-o", "json")
    assert ran.code == 2
    assert [(each["line"], each["field"]) for each in ran.error["problems"]] == [
        (1, "license.permit_key"),
    ]


def test_a_wrong_password_sends_nothing(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, jsonl: Path
) -> None:
    efirma.password_file.write_bytes(b"otra")
    ran = descargo("submit", jsonl, *efirma.options(), *_to(validator))
    assert (ran.code, ran.out) == (2, "")
    assert "contraseña" in ran.err
    assert validator.requests == []


def test_a_password_file_that_others_read_is_warned_about(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, jsonl: Path
) -> None:
    validator.replies.append(_judge(validator))
    efirma.password_file.chmod(0o644)
    assert "chmod 600" in descargo("submit", jsonl, *efirma.options(), *_to(validator)).err


def test_without_a_validators_name_nothing_is_signed(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, jsonl: Path
) -> None:
    ran = descargo("submit", jsonl, *efirma.options(), *_to(validator)[:-2])
    assert ran.code == 2
    assert "--validator" in ran.err


def test_long_files_show_what_needs_attention_and_say_that_there_is_more(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, tmp_path: Path
) -> None:
    validator.replies.append(_judge(validator))
    file = tmp_path / "many.jsonl"
    unreadable = "{\n" * 60
    file.write_text(unreadable + "\n".join(_line(f"A{number}") for number in range(150)))
    ran = descargo("submit", file, *efirma.options(), *_to(validator))
    assert ran.code == 2
    assert "ABCD2345" not in ran.out
    assert "renglón 50" in ran.out
    assert "renglón 51" not in ran.out
    assert "otros 10 permisos" in ran.err
    assert "150 con firma" in ran.out


def test_an_interrupt_says_how_to_go_on(
    validator: ScriptedValidator,
    descargo: Run,
    efirma: EfirmaFiles,
    jsonl: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("descargo_client.submitting.Submitter.submit", interrupted)
    ran = descargo("submit", jsonl, *efirma.options(), *_to(validator))
    assert ran.code == 130
    assert "mismo comando" in ran.err
    assert "Interrumpido" in ran.err
