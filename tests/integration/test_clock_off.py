"""A signing machine whose clock is hours off: the real client, a real server, and what is said."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from google.protobuf.json_format import MessageToDict

from tests.support import messages
from tests.support.servers import server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

HINTS = {"es": "Sincronice el reloj del equipo", "en": "Synchronise the clock of the signing"}


@pytest.mark.parametrize("language", HINTS)
@pytest.mark.parametrize(
    "behind", [timedelta(hours=6), -timedelta(days=30)], ids=["ahead of it", "far behind it"]
)
def test_a_clock_that_is_off_is_told_with_what_to_do(
    world: World, tmp_path: Path, language: str, behind: timedelta
) -> None:
    # The client signs by the machine's clock; here it is the validator's that lies elsewhere, and
    # by so much that the seconds until the call do not matter.
    with server(world, tmp_path, clock=datetime.now(UTC) - behind) as live:
        submission = messages.license_submission("SE-CLOCK")
        told = {
            "license": MessageToDict(submission.license, preserving_proto_field_name=True),
            "issue": MessageToDict(submission.issue, preserving_proto_field_name=True),
        }
        (tmp_path / "one.jsonl").write_text(json.dumps(told) + "\n", encoding="utf-8")
        tls, efirma = world.root / "tls", world.root / "efirma"
        command = [
            sys.executable, "-m", "descargo_client", "submit", str(tmp_path / "one.jsonl"),
            "--server", live.address, "--server-name", "localhost",
            "--tls-ca", str(tls / "ca.pem"), "--tls-cert", str(tls / "se.pem"),
            "--tls-key", str(tls / "se.key"), "--key", str(efirma / "se.key"),
            "--cert", str(efirma / "se.cer"), "--password-file", str(efirma / "se.password"),
            "--validator", "descargo.demo", "--lang", language,
        ]  # fmt: skip
        ran = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    said = " ".join(ran.stdout.split())
    assert "F508" in said
    assert HINTS[language] in said
