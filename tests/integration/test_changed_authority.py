"""Signers and revocations that change while the core runs: whole, at once, also for what waits."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from descargo.v1 import submission_pb2, submission_service_pb2
from descargo_server.config.engine_settings import engine_settings
from tests.support.messages import submit_request
from tests.vectors.finding_cases import good_submission
from tests.vectors.finding_engine import CALLERS, ISSUED_AT, FindingEngine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.world import World
    from tests.vectors.signers import SigningWorld

HOLD: Final = """
import sqlite3, sys
ledger = sqlite3.connect(sys.argv[1], isolation_level=None)
ledger.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
ledger.execute("ROLLBACK")
"""
"""Holds the ledger until its standard input ends."""


@pytest.fixture
def engine(world: World, signing: SigningWorld, tmp_path: Path) -> Iterator[FindingEngine]:
    with FindingEngine.open(world, signing, tmp_path, {}) as opened:
        opened.move_to(ISSUED_AT)
        yield opened


@pytest.fixture
def settings(
    engine: FindingEngine, world: World, signing: SigningWorld, tmp_path: Path
) -> dict[str, Any]:
    """What the core was opened with, as far as it tells whose signatures count."""
    whole = json.loads(engine_settings(world.configuration))
    return {**whole, **signing.settings(tmp_path), "ledger_path": str(engine.live.ledger)}


def envelope_of(signing: SigningWorld) -> submission_pb2.Envelope:
    payload = good_submission().SerializeToString()
    signer = signing.signer("se")
    return submission_pb2.Envelope(
        payload=payload,
        signature=signer.sign(payload),
        certificate_der=signer.certificate_der,
    )


def codes_of(response: bytes) -> list[str]:
    answer = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer
    return [finding.code for finding in answer.verdict.findings]


def revoke(settings: dict[str, Any], signing: SigningWorld, folder: Path) -> dict[str, Any]:
    """The settings with the signer's certificate revoked before the good submission was signed."""
    fingerprint = hashlib.sha256(signing.signer("se").certificate_der).hexdigest()
    table = folder / "revoked-later.toml"
    table.write_text(
        f'[[revoked]]\ncertificate_sha256 = "{fingerprint}"\nat = "2026-05-10T17:59:59Z"\n'
        'reason = "key stolen"\n',
        encoding="utf-8",
    )
    return settings | {"revocations_path": str(table)}


@contextmanager
def ledger_held(ledger: Path) -> Iterator[None]:
    """Nothing is written meanwhile. In a process of its own, since locks are a process's."""
    command = [sys.executable, "-c", HOLD, str(ledger)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            holder.communicate()
    assert holder.returncode == 0


def test_a_revocation_counts_from_the_reload_on(
    engine: FindingEngine, settings: dict[str, Any], signing: SigningWorld, tmp_path: Path
) -> None:
    engine.live.core.reload_authority(json.dumps(revoke(settings, signing, tmp_path)))
    assert codes_of(engine.submit("se", envelope_of(signing))) == ["F504"]
    engine.live.core.reload_authority(json.dumps(settings))
    assert codes_of(engine.submit("se", envelope_of(signing))) == []


def test_a_signer_counts_from_the_reload_on_and_no_longer(
    engine: FindingEngine, settings: dict[str, Any], signing: SigningWorld
) -> None:
    engine.live.core.reload_authority(json.dumps(settings | {"signers": []}))
    assert codes_of(engine.submit("se", envelope_of(signing))) == ["F506"]
    engine.live.core.reload_authority(json.dumps(settings))
    assert codes_of(engine.submit("se", envelope_of(signing))) == []


def test_what_waits_for_the_ledger_is_checked_again(
    engine: FindingEngine, settings: dict[str, Any], signing: SigningWorld, tmp_path: Path
) -> None:
    """It was believed when it arrived, and is decided after the revocation was acknowledged."""
    request = submit_request(envelope_of(signing)).SerializeToString()
    with ledger_held(engine.live.ledger):
        ticket = engine.live.core.submit_license(CALLERS["se"], request, None)
        engine.live.core.reload_authority(json.dumps(revoke(settings, signing, tmp_path)))
    assert codes_of(engine.live.answer(ticket)) == ["F504"]


def test_a_bad_file_changes_nothing(
    engine: FindingEngine, settings: dict[str, Any], signing: SigningWorld, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text("[[revoked]]\nserial = 7\n", encoding="utf-8")
    for change in ({"revocations_path": str(bad)}, {"anchors_path": str(bad)}):
        with pytest.raises(ValueError, match=r"bad\.toml"):
            engine.live.core.reload_authority(json.dumps({**settings, **change, "signers": []}))
    assert codes_of(engine.submit("se", envelope_of(signing))) == []
