"""`descargo-server signer affected`: what rests on a certificate, by a real ledger."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING

import pytest

from descargo.v1 import submission_pb2, submission_service_pb2, validation_service_pb2
from descargo_server.admin.signer import show_affected
from tests.support.messages import copy_of, validate_request
from tests.vectors.finding_cases import good_declaration, good_submission
from tests.vectors.finding_engine import CALLERS, ISSUED_AT, FindingEngine

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World
    from tests.vectors.signers import SigningWorld


def envelope_of(
    signing: SigningWorld, submission: submission_pb2.Submission, name: str
) -> submission_pb2.Envelope:
    payload = submission.SerializeToString()
    signer = signing.signer(name)
    return submission_pb2.Envelope(
        payload=payload, signature=signer.sign(payload), certificate_der=signer.certificate_der
    )


@pytest.fixture(scope="module")
def told(
    world: World, signing: SigningWorld, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    """A configuration, and its ledger: a license with an exercise, a refusal, another's license."""
    folder = tmp_path_factory.mktemp("affected")
    verdicts: list[str] = []
    with FindingEngine.open(world, signing, folder, {}) as engine:

        def submit(submission: submission_pb2.Submission, name: str) -> str:
            response = engine.submit("se", envelope_of(signing, submission, name))
            answer = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer
            verdicts.append(answer.verdict.verdict_id)
            return answer.verdict.firma.discharge_signature

        engine.move_to(ISSUED_AT)
        firma = submit(good_submission(), "se")
        engine.move_to("2026-05-11T18:00:00Z")
        request = validate_request(good_declaration(firma))
        response = engine.live.validate(CALLERS["lane"], request)
        drawn = validation_service_pb2.ValidateLicenseResponse.FromString(response).answer.verdict
        assert drawn.HasField("firma")
        verdicts.append(drawn.verdict_id)
        bad = copy_of(good_submission())
        bad.license.permit_number = "|"
        assert not submit(bad, "se")
        other = copy_of(good_submission())
        other.license.permit_number = "SE-0002/26"
        assert submit(other, "se-p256")
    shutil.copy(world.root / "descargo.toml", folder / "descargo.toml")
    (folder / "data").mkdir(exist_ok=True)
    for file in folder.glob("ledger.sqlite3*"):
        shutil.copy(file, folder / "data")
    return folder / "descargo.toml", verdicts


def fingerprint(signing: SigningWorld, name: str) -> str:
    return hashlib.sha256(signing.signer(name).certificate_der).hexdigest()


def test_each_license_is_told_with_what_came_after_it(
    told: tuple[Path, list[str]], signing: SigningWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    config, (issued, drawn, refused, _) = told
    certificate = fingerprint(signing, "se")
    assert show_affected(config, certificate, ISSUED_AT, as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {
        "licenses": [
            {
                "agency": "SE",
                "permit_key": "C1",
                "permit_number": "SE-0001/26",
                "version": 1,
                "verdict_id": issued,
                "decided_at": "2026-05-10T18:00:30+00:00",
                "movements_after": [[drawn, "COMMIT"]],
            }
        ],
        "refused_verdicts": [refused],
    }
    assert show_affected(config, certificate.upper(), ISSUED_AT, as_json=False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"SE C1 SE-0001/26  version 1  {issued}")
    assert lines[-1] == "1 versions of licenses, 1 movements after them, 1 refusals"


def test_what_was_decided_before_does_not_rest_on_it(
    told: tuple[Path, list[str]], signing: SigningWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    config, (*_, refused, _) = told
    certificate = fingerprint(signing, "se")
    assert show_affected(config, certificate, "2026-05-10T18:00:31Z", as_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"licenses": [], "refused_verdicts": [refused]}
    assert show_affected(config, "0" * 64, ISSUED_AT, as_json=True) == 0
    assert json.loads(capsys.readouterr().out) == {"licenses": [], "refused_verdicts": []}


def test_wrong_arguments_and_a_damaged_ledger_are_told(
    told: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = told
    assert show_affected(config, "abc", ISSUED_AT, as_json=False) == 2
    assert show_affected(config, "0" * 64, "yesterday", as_json=False) == 2
    assert show_affected(config, "0" * 64, "2026-05-10T00:00:00", as_json=False) == 2
    assert show_affected(tmp_path / "none.toml", "0" * 64, ISSUED_AT, as_json=False) == 2
    shutil.copy(config, tmp_path / "descargo.toml")
    assert show_affected(tmp_path / "descargo.toml", "0" * 64, ISSUED_AT, as_json=False) == 1
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "ledger.sqlite3").write_bytes(b"garbage" * 1_000)
    assert show_affected(tmp_path / "descargo.toml", "0" * 64, ISSUED_AT, as_json=False) == 1
    assert capsys.readouterr().err.count("ledger.sqlite3` cannot be read") == 2
