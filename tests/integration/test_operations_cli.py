"""`descargo operations` on a real server: a compromised key from the list to the next firma."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from descargo.v1 import license_pb2, submission_pb2, submission_service_pb2
from descargo_client.cli.main import main
from tests.support.messages import license_submission, submit_request
from tests.support.servers import server
from tests.vectors.raw_calls import call
from tests.vectors.scope_world import write_scope_world

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers import Server
    from tests.support.world import World
    from tests.vectors.signers import SigningWorld


@pytest.fixture
def running(world: World, signing: SigningWorld, tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "world").mkdir()
    with server(write_scope_world(world, signing, tmp_path / "world"), tmp_path) as served:
        yield served


def descargo(running: Server, identity: str, *arguments: str) -> int:
    """Runs the command as an identity; returns its exit code."""
    tls = running.world.root / "tls"
    connection = ["--server", running.address, "--server-name", "localhost", "--lang", "en"]
    connection += ["--tls-cert", str(tls / f"{identity}.pem"), "--tls-ca", str(tls / "ca.pem")]
    connection += ["--tls-key", str(tls / f"{identity}.key")]
    return main([*arguments, *connection])


def submitted(running: Server, signing: SigningWorld, number: str, by: str) -> Any:
    payload = license_submission(number).SerializeToString()
    signer = signing.signer(by)
    envelope = submission_pb2.Envelope(
        payload=payload,
        signature=signer.sign(payload),
        certificate_der=signer.certificate_der,
    )
    request = submit_request(envelope).SerializeToString()
    answer = call(running.channel("se"), "SubmitLicense", request)
    assert isinstance(answer, bytes), answer
    return submission_service_pb2.SubmitLicenseResponse.FromString(answer).answer.verdict


def test_a_compromised_key_from_the_list_to_the_next_firma(
    running: Server, signing: SigningWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    issued = submitted(running, signing, "SE-1", "se")
    file = tmp_path / "se.cer"
    file.write_bytes(signing.signer("se").certificate_der)
    order = ["operations", "quarantine", "--certificate", str(file)]
    order += ["--signed-after", "2026-05-12T00:00:00Z"]
    assert descargo(running, "operator", *order, "--dry-run", "-o", "json") == 0
    listed = {
        "license": {"agency": "SE", "permit_key": "C1", "permit_number": "SE-1"},
        "versions": [1],
        "quarantined": False,
        "verdict_ids": [issued.verdict_id],
    }
    assert json.loads(capsys.readouterr().out) == {"licenses": [listed]}
    assert descargo(running, "operator", *order, "--reason", "key stolen") == 0
    said = capsys.readouterr()
    assert issued.verdict_id in said.out
    assert "1 license(s) are in quarantine" in said.err
    assert descargo(running, "se", "license", "show", "C1", "SE-1") == 0
    shown = capsys.readouterr().out
    assert "QUARANTINED" in shown
    assert "Versions in doubt" in shown
    refused = submitted(running, signing, "SE-1", "se")
    assert [finding.code for finding in refused.findings] == ["F504"]
    again = submitted(running, signing, "SE-1", "se-p256")
    assert again.firma.movements[0].status == license_pb2.LICENSE_STATUS_ACTIVE
    assert again.firma.discharge_signature == issued.firma.discharge_signature


def test_officials_and_revocations(
    running: Server, signing: SigningWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    enrolment = ["operations", "signer", "enroll", "--rfc", "ZZZ010101ZZ5", "--agency", "SE"]
    enrolment += ["--name", "PERSONA FICTICIA SIN REGISTRO", "--from", "2026-01-01"]
    enrolment += ["--permit-key", "C1", "--reason", "letter 12"]
    assert descargo(running, "operator", *enrolment) == 0
    assert "It binds from revision" in capsys.readouterr().err
    assert submitted(running, signing, "SE-1", "stranger").HasField("firma")
    assert descargo(running, "operator", "operations", "signer", "list", "-o", "json") == 0
    last = json.loads(capsys.readouterr().out)["signers"][-1]
    assert (last["rfc"], last["permit_keys"]) == ("ZZZ010101ZZ5", ["C1"])
    assert (last["enrolled_by"], last["reason"]) == ("operator", "letter 12")
    assert descargo(running, "operator", "operations", "signer", "list") == 0
    assert "ZZZ010101ZZ5" in capsys.readouterr().out
    fingerprint = hashlib.sha256(signing.signer("stranger").certificate_der).hexdigest()
    revocation = ["operations", "revoke", "--certificate", fingerprint, "--reason", "left"]
    assert descargo(running, "operator", *revocation, "--at", "2026-05-12T00:00:00Z") == 0
    refused = submitted(running, signing, "SE-2", "stranger")
    assert [finding.code for finding in refused.findings] == ["F504"]


def test_wrong_use_and_wrong_roles_change_nothing(
    running: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    order = ["operations", "quarantine", "--certificate", "0" * 64, "--signed-after"]
    assert descargo(running, "se", *order, "2026-05-12T00:00:00Z", "--reason", "x") == 4
    assert descargo(running, "operator", *order, "yesterday", "--reason", "x") == 2
    assert "`yesterday` is no instant" in capsys.readouterr().err
    assert descargo(running, "operator", *order, "2026-05-12T00:00:00Z") == 2
    assert "--reason" in capsys.readouterr().err
    order[3] = "no-such-file.cer"
    assert descargo(running, "operator", *order, "2026-05-12T00:00:00Z", "--dry-run") == 2
