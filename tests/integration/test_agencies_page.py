"""docs/agencies.md does what it says: its own commands, in both languages, against a real demo."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from descargo_server.admin.pki.people import TRADER
from descargo_server.demo.grants import MEXICO_CITY

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PAGE = (ROOT / "docs" / "agencies.md").read_text(encoding="utf-8")
SECTIONS = dict(zip(("es", "en"), PAGE.split("\n# From your spreadsheet"), strict=True))
MENDED: dict[Any, Any] = {"Pieza": "Kilogramo", "EUA": "Estados Unidos", "1,000": 1000}
READY_MAX_S = 60.0
LOOK_AGAIN_S = 0.05


@dataclass(frozen=True)
class Reader:
    """Somebody who follows the page in a folder of their own."""

    folder: Path

    def command(self, section: str, start: str) -> list[str]:
        """The page's command that begins so, its lines joined."""
        lines = SECTIONS[section].replace("\\\n", " ").splitlines()
        (found, *_) = [line.strip() for line in lines if line.startswith(f"    {start}")]
        return found.split()

    def environment(self) -> dict[str, str]:
        """An activated environment, and no setting of ours."""
        kept = {name: value for name, value in os.environ.items() if "DESCARGO" not in name}
        return kept | {"PATH": f"{BIN}:{os.environ['PATH']}"}

    def run(self, section: str, start: str, code: int = 0) -> str:
        """Runs it, and expects the exit code."""
        ran = subprocess.run(
            self.command(section, start),
            cwd=self.folder, env=self.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == code, ran.stdout + ran.stderr
        return ran.stdout

    def mend(self, path: Path) -> None:
        """Corrects the three cells, as a person would."""
        rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()
        with xlsxwriter.Workbook(path) as book:
            dated = book.add_format({"num_format": "yyyy-mm-dd"})
            sheet = book.add_worksheet("Permisos")
            for number, row in enumerate(rows):
                for column, cell in enumerate(row):
                    if isinstance(cell, date):
                        sheet.write_datetime(number, column, cell, dated)
                    else:
                        sheet.write(number, column, MENDED.get(cell, cell))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """The repository's folder as the page has it, with the demo's validator up."""
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    reader = Reader(tmp_path)
    subprocess.run(
        [BIN / "descargo-server", "demo", "--once"],
        cwd=tmp_path, env=reader.environment(), capture_output=True, check=True,
    )  # fmt: skip
    ready = tmp_path / "ready"
    serve = [str(BIN / "descargo-server"), "serve", "--config", "demo/descargo.toml"]
    with subprocess.Popen(
        [*serve, "--ready-file", str(ready)],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as server:  # fmt: skip
        _wait_for(ready)
        yield reader
        server.terminate()


def _wait_for(path: Path) -> None:
    until = time.monotonic() + READY_MAX_S
    while not path.exists():
        assert time.monotonic() < until, f"{path} never came"
        time.sleep(LOOK_AGAIN_S)


@pytest.mark.parametrize("section", ["es", "en"])
def test_the_page_takes_an_agency_from_its_sheet_to_its_firmas(
    reader: Reader, section: str
) -> None:
    reader.run(section, "cp docs/samples")
    reader.run(section, "python docs/samples")
    said = reader.run(section, "descargo submit permisos.xlsx", code=2)
    for part in ("AV-MUESTRA-0001", "C205 E304", "3-4"):
        assert part in said

    answered = reader.folder / "permisos.answers.xlsx"
    rows = CalamineWorkbook.from_path(str(answered)).get_sheet_by_index(0).to_python()
    firmas = [row[-2] for row in rows[1:]]
    assert [len(str(firma)) for firma in firmas] == [8, 8, 8, 0, 0]
    assert "(Unidad `6`)" in str(rows[4][-1])
    reader.mend(answered)
    again = reader.run(section, "descargo submit permisos.answers.xlsx")
    assert str(firmas[0]) in again
    streamed = reader.run(section, "descargo submit permisos.answers.xlsx --stream")
    assert all(str(firma) in streamed for firma in firmas[:3])
    assert "AV-MUESTRA-0003" in reader.run(section, "descargo license show")

    reader.run(section, "cp docs/samples/cambios")
    reader.run(section, "descargo submit cambios.csv")
    answered_rows = (reader.folder / "cambios.answers.csv").read_text("utf-8-sig").splitlines()
    assert [",FIRMA," in row for row in answered_rows] == [False, True, True, True]

    reader.run(section, "mkdir bandeja")
    (reader.folder / "bandeja" / "permisos.xlsx").write_bytes(
        (reader.folder / "permisos.xlsx").read_bytes()
    )
    with subprocess.Popen(
        [*reader.command(section, "descargo submit --watch"), "--every", "0.1"],
        cwd=reader.folder, env=reader.environment(),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as watcher:  # fmt: skip
        rejected = reader.folder / "bandeja" / "rejected"
        _wait_for(rejected / "permisos.xlsx")
        reader.mend(rejected / "permisos.answers.xlsx")
        (rejected / "permisos.answers.xlsx").rename(reader.folder / "bandeja" / "corregido.xlsx")
        _wait_for(reader.folder / "bandeja" / "accepted" / "corregido.xlsx")
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(READY_MAX_S) == 0


def test_both_languages_give_the_same_commands() -> None:
    commands = {
        section: [
            line.replace(" --lang en", "").partition("#")[0].rstrip()
            for line in text.splitlines()
            if line.startswith("    ")
            and not line.lstrip().startswith(("Renglón", "permisos.xlsx:"))
        ]
        for section, text in SECTIONS.items()
    }
    shown = [line for line in commands["es"] if not line.strip()[:1].isdigit()]
    assert shown == commands["en"]


def test_every_change_gets_its_firma_from_a_table(reader: Reader) -> None:
    today = datetime.now(UTC).astimezone(MEXICO_CITY).date()
    name = {"agency": "SE", "permit_key": "C1"}
    issued = {
        **name, "change": "issue", "instrument_kind": "AUTOMATIC_NOTICE",
        "holder_rfc": TRADER.rfc, "operation": "IMPORT", "regimes": "IMD", "offices": "240",
        "valid_from": today.isoformat(), "valid_to": (today + timedelta(days=90)).isoformat(),
        "quantity_basis": "UMT", "tariff_codes": "72083901-01", "unit": "1", "quantity": "100",
        "countries_origin_destination": "USA", "countries_seller_buyer": "*",
    }  # fmt: skip
    later = (today + timedelta(days=120)).isoformat()
    stop = {"stop_lines": "*", "stop_offices": "*", "reason": "Oficio de prueba"}
    notified = {"notified_at": today.isoformat()}
    rows: list[dict[str, str]] = [
        issued | notified | {"permit_number": "CAMBIOS-1"},
        issued | notified | {"permit_number": "CAMBIOS-2"},
        issued | {"permit_number": "CAMBIOS-3"},
        *(
            name | {"permit_number": "CAMBIOS-1"} | row
            for row in (
                {"change": "extension", "version": "2", "valid_to": later},
                {"change": "suspension", "version": "3"} | stop,
                {"change": "reinstatement", "version": "4", "suspension_version": "3",
                 "reason": "Comprobado"},
                {"change": "revocation", "version": "5"} | stop,
            )
        ),
        issued | notified | {"permit_number": "CAMBIOS-2", "change": "amendment", "version": "2",
                             "countries_origin_destination": "USA CAN"},
        name | {"permit_number": "CAMBIOS-2", "change": "cancellation", "version": "3"} | stop,
        name | {"permit_number": "CAMBIOS-3", "change": "notification", "version": "2"} | notified,
    ]  # fmt: skip
    with (reader.folder / "todo.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
    command = reader.command("es", "descargo submit cambios.csv")
    options = command[command.index("--profile") :]
    ran = subprocess.run(
        ["descargo", "submit", "todo.csv", *options, "-o", "json"],
        cwd=reader.folder, env=reader.environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads(ran.stdout)["summary"]["firma"] == len(rows)
