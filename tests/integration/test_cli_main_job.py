"""The command line against a real server: submit, exercise until nothing is left, prove, replay."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from descargo_server.admin.pki.people import TRADER
from tests.support.desks import Desk, submission_line
from tests.support.servers import server
from tests.support.world import LANE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.world import World

REQUEST_ID = "3f0c2f0e-6f0e-4d7e-9a51-1c0a3e9a7f10"


def _draw(serial: int, firma: str, quantity: str) -> list[str]:
    stated = {
        "declaration-number": f"262434566{serial:06d}", "declaration-key": "A1",
        "operation": "IMPORT", "regime": "IMD", "rfc": TRADER.rfc, "office": "240",
        "tariff": "72011001", "nico": "00", "origin": "USA", "seller": "USA",
        "umc": f"{quantity}:1", "umt": f"{quantity}:1", "value-usd": "1000",
        "permit-key": "C1", "permit-number": "SE-0001", "firma": firma,
        "draw-quantity": quantity,
    }  # fmt: skip
    return [part for name, value in stated.items() for part in (f"--{name}", value)]


@pytest.fixture
def desk(world: World, tmp_path: Path) -> Iterator[Desk]:
    """A desk with a server that serves."""
    with server(world, tmp_path) as started:
        yield Desk(started, tmp_path)


def test_a_license_is_submitted_drawn_until_it_runs_out_and_proven(desk: Desk) -> None:
    submitted = desk.json("se", 0, "submit", desk.licenses("SE-0001"), *desk.efirma())
    firma = submitted["items"][0]["answer"]["discharge_signature"]
    assert len(firma) == 8

    preview = desk.json("broker", 0, "check", *_draw(1, firma, "600.5"))
    assert preview["outcome"] == "preview"
    receipt = desk.folder / "recibo.json"
    first = desk.json(
        LANE, 0, "validate", *_draw(1, firma, "600.5"),
        "--request-id", REQUEST_ID, "--receipt-out", receipt,
    )  # fmt: skip
    assert len(first["acceptance_code"]) == 8
    assert first["movements"][0]["balance_after"]["available"]["quantity"] == "399.5"

    beyond = desk.json(LANE, 1, "validate", *_draw(2, firma, "399.50001"))
    assert [(each["code"], each["granted"]) for each in beyond["findings"]] == [("N424", "399.5")]
    last = desk.json(LANE, 0, "validate", *_draw(2, firma, "399.5"))
    assert last["movements"][0]["balance_after"]["available"]["quantity"] == "0"
    assert "EXHAUSTED" in json.dumps(desk.json("se", 0, "license", "show", "C1", "SE-0001"))

    again = desk.json(LANE, 0, "outcome", REQUEST_ID)
    assert again["receipt"] == first["receipt"]
    key = desk.server.world.root / "receipt.pub.pem"
    command = [sys.executable, "-m", "descargo_client", "verify", str(receipt), "--key", str(key)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "RECIBO VÁLIDO" in shown.stdout
    assert first["acceptance_code"] in shown.stdout


def test_a_forged_and_a_mistaken_license_get_errors_and_the_corrected_one_a_firma(
    desk: Desk,
) -> None:
    file = desk.licenses("SE-0001")
    forged = desk.json("se", 1, "submit", file, *desk.efirma("forger"))
    assert "F503" in forged["summary"]["errors_by_code"]
    seal = desk.json("se", 1, "submit", file, *desk.efirma("csd"))
    assert "F505" in seal["summary"]["errors_by_code"]

    wrong = submission_line("SE-0001")["issue"] | {
        "valid_to": "2026-01-01",
        "regimes": {"only": ["X"]},
    }
    mistaken = desk.run("se", "submit", desk.licenses("SE-0001", issue=wrong), *desk.efirma())
    assert mistaken.returncode == 1
    for part in ("ERROR", "E301", "C207", "issue.valid_to", "Qué hacer"):
        assert part in mistaken.stdout
    corrected = desk.run("se", "submit", desk.licenses("SE-0001"), *desk.efirma())
    assert corrected.returncode == 0
    assert "FIRMA" in corrected.stdout


def test_a_file_run_again_after_a_crash_gets_its_first_answers(desk: Desk) -> None:
    numbers = [f"SE-{number:04}" for number in range(20)]
    file = desk.licenses(*numbers)
    first = desk.json("se", 0, "submit", file, *desk.efirma())
    desk.server.kill()
    lost = desk.run("se", "submit", file, *desk.efirma(), "--timeout", "2")
    assert lost.returncode == 3
    assert "20 sin respuesta" in lost.stdout
    desk.server.start()
    assert desk.json("se", 0, "submit", file, *desk.efirma())["items"] == first["items"]
    (desk.folder / "permisos.jsonl.outbox.jsonl").unlink()
    anew = desk.json("se", 0, "submit", file, *desk.efirma())
    assert [each["answer"]["receipt"] for each in anew["items"]] == [
        each["answer"]["receipt"] for each in first["items"]
    ]


def test_who_may_not_is_told_so(desk: Desk) -> None:
    ran = desk.run("se", "validate", *_draw(1, "ABCD2345", "1"), "--lang", "en")
    assert ran.returncode == 4
    assert "ROLE_NOT_ALLOWED" in ran.stderr
    unknown = desk.json("se", 2, "license", "show", "C1", "NADA")
    assert unknown["error"]["reason"] == "LICENSE_UNKNOWN"
    other_ca = ["--tls-ca", str(desk.server.world.root / "efirma" / "root.pem")]
    stranger = desk.run(LANE, "outcome", REQUEST_ID, *other_ca)
    assert stranger.returncode == 3
    assert "TLS" in stranger.stderr
