"""Where somebody sits with the command line: profiles, e.firmas and files of licenses."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from descargo_server.admin.pki.people import TRADER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Server

__all__ = ["Desk", "submission_line"]


@dataclass(frozen=True)
class Desk:
    """Where somebody sits with `descargo`: profiles and files in one folder."""

    server: Server
    folder: Path

    def run(self, who: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Runs the command as the identity of a profile."""
        command = self.command(who, *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder)

    def command(self, who: str, *arguments: object) -> list[str]:
        """The command as the identity of a profile."""
        command = [sys.executable, "-m", "descargo_client", *map(str, arguments)]
        return [*command, "--profile", str(self.profile(who))]

    def json(self, who: str, code: int, *arguments: object) -> Any:
        """Runs it with `-o json`, expects the exit code, and returns the object."""
        ran = self.run(who, *arguments, "-o", "json")
        assert ran.returncode == code, ran.stderr
        return json.loads(ran.stdout or ran.stderr)

    def profile(self, who: str) -> Path:
        """The profile of an identity of the demo."""
        tls = self.server.world.root / "tls"
        path = self.folder / f"{who}.toml"
        path.write_text(
            f'server = "{self.server.address}"\nserver_name = "localhost"\n'
            f'validator = "descargo.demo"\ntls_cert = "{tls}/{who}.pem"\n'
            f'tls_key = "{tls}/{who}.key"\ntls_ca = "{tls}/ca.pem"\n',
            encoding="utf-8",
        )
        return path

    def efirma(self, who: str = "se") -> list[object]:
        """The options that name an e.firma of the demo."""
        folder = self.server.world.root / "efirma"
        return [
            "--key", folder / f"{who}.key", "--cert", folder / f"{who}.cer",
            "--password-file", folder / f"{who}.password",
        ]  # fmt: skip

    def licenses(self, *numbers: str, **changes: object) -> Path:
        """A file of licenses for 1000 kilograms of pig iron."""
        file = self.folder / "permisos.jsonl"
        lines = [json.dumps(submission_line(number) | changes) for number in numbers]
        file.write_text("\n".join(lines), encoding="utf-8")
        return file


def submission_line(number: str) -> dict[str, Any]:
    """A license of a file of JSON lines, as an object."""
    every = {"every": True}
    line = {
        "line_no": 1, "tariff_codes": [{"code": "72011001"}], "unit": 1,
        "authorized": {"quantity": "1000"}, "countries_origin_destination": every,
        "countries_seller_buyer": every,
    }  # fmt: skip
    content = {
        "instrument_kind": "PRIOR_PERMIT", "operation": "IMPORT", "quantity_basis": "UMT",
        "holder": {"rfc": TRADER.rfc, "legal_name": TRADER.name}, "regimes": every,
        "offices": every, "valid_from": "2026-05-12", "valid_to": "2026-12-31",
        "notified_at": "2026-05-12T18:00:00Z", "lines": [line],
    }  # fmt: skip
    name = {"agency": "SE", "permit_key": "C1", "permit_number": number}
    return {"signed_at": "2026-05-12T18:00:00Z", "license": name, "issue": content}
