"""`descargo canonical show`, and `descargo submit --form canonical` to a scripted validator."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256

from descargo.v1 import verdict_pb2
from descargo_client.canonical import canonical_string

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.client.conftest import EfirmaFiles, Ran, ScriptedValidator

    Run = Callable[..., Ran]

DOCUMENT = {
    "signed_at": "2026-03-31T18:00:00Z",
    "validator": "descargo.prueba",
    "license": {"agency": "SE", "permit_key": "C1", "permit_number": "SE-ÑÁ&1"},
    "version": 2,
    "extension": {"valid_to": "2027-03-31"},
}
STRING = (
    "||1|descargo.v1.Submission|descargo.prueba|2026-03-31T18:00:00Z|SE|C1|SE-ÑÁ&1|2|extension"
    "|2027-03-31|||"
)


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    return written(tmp_path, DOCUMENT)


def written(folder: Path, *documents: dict[str, Any]) -> Path:
    file = folder / "permisos.jsonl"
    lines = [json.dumps(document, ensure_ascii=False) for document in documents]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_show_writes_the_string_as_it_is_signed(descargo: Run, jsonl: Path) -> None:
    ran = descargo("canonical", "show", jsonl)
    assert (ran.code, ran.out) == (0, STRING + "\n")
    assert hashlib.sha256(STRING.encode()).hexdigest() in ran.err
    ran = descargo("canonical", "show", jsonl, "-o", "json")
    assert ran.json["items"] == [
        {
            "lines": [1],
            "license": "SE C1 SE-ÑÁ&1",
            "canonical_string": STRING,
            "sha256": hashlib.sha256(STRING.encode()).hexdigest(),
            "missing": [],
        }
    ]


def test_show_says_what_signing_will_fill_in(descargo: Run, tmp_path: Path) -> None:
    bare = {
        name: value
        for name, value in DOCUMENT.items()
        if name in {"license", "version", "extension"}
    }
    file = written(tmp_path, bare)
    ran = descargo("canonical", "show", file, "--lang", "en")
    assert ran.out.startswith("||1|descargo.v1.Submission|||SE|C1|SE-ÑÁ&1|2|extension|")
    assert "validator, signed_at" in ran.err
    ran = descargo("canonical", "show", file, "--validator", "x", "-o", "json")
    assert ran.json["items"][0]["missing"] == ["signed_at"]


def test_show_names_each_part_that_has_no_place(descargo: Run, tmp_path: Path) -> None:
    bad = DOCUMENT | {"signed_at": "2026-03-31T18:00:00.5Z", "extension": {"valid_to": "a|b"}}
    ran = descargo("canonical", "show", written(tmp_path, DOCUMENT, bad), "--lang", "en")
    assert (ran.code, ran.out) == (2, "")
    for part in ("line 2, `signed_at`", "line 2, `extension.valid_to`", "whole seconds"):
        assert part in ran.err


def _accept(validator: ScriptedValidator) -> Callable[[Any], Any]:
    def accept(request: Any) -> Any:
        verdict = verdict_pb2.Verdict(request_id=request.request_id)
        verdict.firma.discharge_signature = "ABCD2345"
        return validator.answer(verdict)

    return accept


def _submit(validator: ScriptedValidator, efirma: EfirmaFiles) -> list[str]:
    return [
        *efirma.options(), "--server", validator.address, "--plaintext", "--identity", "se",
        "--validator", "descargo.prueba", "--form", "canonical",
    ]  # fmt: skip


def test_what_is_signed_is_the_string_of_the_submission_beside_it(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, jsonl: Path
) -> None:
    validator.replies.append(_accept(validator))
    assert descargo("submit", jsonl, *_submit(validator, efirma)).code == 0
    (request,) = validator.requests
    assert request.envelope.WhichOneof("form") == "canonical_string"
    assert request.envelope.canonical_string == STRING == canonical_string(request.submission)
    efirma.private_key.public_key().verify(
        request.envelope.signature, STRING.encode(), padding.PKCS1v15(), SHA256()
    )
    # A second run sends the very same request, submission included.
    assert descargo("submit", jsonl, *_submit(validator, efirma)).code == 0
    assert validator.requests == [request, request]


def test_a_license_that_form_1_cannot_write_is_told_and_the_others_are_sent(
    validator: ScriptedValidator, descargo: Run, efirma: EfirmaFiles, tmp_path: Path
) -> None:
    validator.replies.append(_accept(validator))
    bad = DOCUMENT | {"extension": {"valid_to": "a|b"}}
    ran = descargo(
        "submit", written(tmp_path, bad, DOCUMENT), *_submit(validator, efirma), "-o", "json"
    )
    assert ran.code == 2
    assert [item["state"] for item in ran.json["items"]] == ["unreadable", "firma"]
    (problem,) = ran.json["items"][0]["problems"]
    assert (problem["line"], problem["field"]) == (1, "extension.valid_to")
    assert len(validator.requests) == 1


def test_another_form_is_no_form(descargo: Run, efirma: EfirmaFiles, jsonl: Path) -> None:
    ran = descargo("submit", jsonl, *efirma.options(), "--form", "xml")
    assert ran.code == 2
