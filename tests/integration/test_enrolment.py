"""Officials enrolled with their certificates: weak ones are refused, others unknown."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from descargo.v1 import submission_pb2, submission_service_pb2
from descargo_server.config.problems import ConfigurationInvalid
from descargo_server.identity.access_file import load_registry
from tests.support.engines import engine as live_engine
from tests.support.messages import submit_request
from tests.vectors.finding_cases import good_submission
from tests.vectors.finding_engine import CALLERS, ISSUED_AT
from tests.vectors.signers import REGISTRY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World
    from tests.vectors.signers import SigningWorld

OFFICIAL = REGISTRY[0]


def access(folder: Path, *more: str, rfc: str = "") -> Path:
    path = folder / "access.toml"
    rows = [
        "[[signer]]", f'rfc = "{rfc or OFFICIAL["rfc"]}"', 'name = "PERSONA FICTICIA"',
        'agency = "SE"', 'from = "2024-01-01"', *more,
    ]  # fmt: skip
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def problem_of(path: Path) -> str:
    with pytest.raises(ConfigurationInvalid) as refused:
        load_registry(path, frozenset({"SE"}))
    (problem,) = refused.value.problems
    assert (problem.file, problem.line) == (path, 6)
    assert problem.remedy
    return problem.what


@pytest.mark.parametrize("name", ["se", "se-p256", "se-ed25519"])
def test_a_fit_certificate_is_enrolled_by_its_file(
    signing: SigningWorld, tmp_path: Path, name: str
) -> None:
    der = signing.signer(name).certificate_der
    pem = x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM)
    for content in (der, pem):
        (tmp_path / "official.cer").write_bytes(content)
        registry = load_registry(access(tmp_path, 'certificate = "official.cer"'), {"SE"})
        assert registry.signers[0].certificate_sha256 == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("rsa-1024", "RSA of 1024 bits, at least 2048"),
        ("rsa-e3", "RSA exponent of 3, at least 65537"),
        ("p384", "P-384 signs certificates only"),
        ("csd", "not an e.firma"),
        ("weak-usage", "not an e.firma"),
    ],
)
def test_an_unfit_certificate_is_refused_with_its_line(
    signing: SigningWorld, tmp_path: Path, name: str, why: str
) -> None:
    (tmp_path / "official.cer").write_bytes(signing.signer(name).certificate_der)
    what = problem_of(access(tmp_path, 'certificate = "official.cer"'))
    assert "`official.cer` is not fit to sign" in what
    assert why in what


def test_what_is_no_certificate_of_his_is_refused(signing: SigningWorld, tmp_path: Path) -> None:
    path = access(tmp_path, 'certificate = "official.cer"')
    assert "cannot be read: no such file" in problem_of(path)
    (tmp_path / "official.cer").write_bytes(b"no certificate")
    assert "certificate unreadable" in problem_of(path)
    (tmp_path / "official.cer").write_bytes(signing.signer("stranger").certificate_der)
    assert "is the certificate of another RFC" in problem_of(path)
    (tmp_path / "official.cer").write_bytes(signing.signer("se").certificate_der)
    other = f'certificate_sha256 = "{"0" * 64}"'
    path = access(tmp_path, 'certificate = "official.cer"', other)
    assert "does not have the fingerprint" in problem_of(path)


def test_only_the_enrolled_certificate_of_an_official_counts(
    world: World, signing: SigningWorld, tmp_path: Path
) -> None:
    """The same official, registered, and believed; but with another e.firma."""
    enrolled = hashlib.sha256(signing.signer("se-p256").certificate_der).hexdigest()
    settings = signing.settings(tmp_path)
    settings["signers"] = [{**OFFICIAL, "certificate_sha256": enrolled}]
    payload = good_submission().SerializeToString()
    with live_engine(world, tmp_path, **settings) as live:
        live.clock.path.write_text(ISSUED_AT, encoding="ascii")
        for name, codes in (("se", ["F506"]), ("se-p256", [])):
            signer = signing.signer(name)
            envelope = submission_pb2.Envelope(
                payload=payload,
                signature=signer.sign(payload),
                certificate_der=signer.certificate_der,
            )
            response = live.submit(CALLERS["se"], submit_request(envelope))
            answer = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer
            assert [finding.code for finding in answer.verdict.findings] == codes, name
