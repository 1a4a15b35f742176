"""`descargo submit` of tables: what is written back, row by row, whatever becomes of the file."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from python_calamine import CalamineWorkbook

from descargo.v1 import submission_pb2, verdict_pb2
from tests.unit.client.sheet_files import ROW, Dated, at, book, grid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.unit.client.conftest import EfirmaFiles, Ran, ScriptedValidator

    Run = Callable[..., Ran]

TITLES = ["resultado", "firma de descargo", "errores"]


@pytest.fixture
def to(validator: ScriptedValidator, efirma: EfirmaFiles) -> list[str]:
    """Options that reach the scripted validator, which accepts all but number 0002."""
    validator.replies.append(_judge(validator))
    return [
        *efirma.options(), "--server", validator.address, "--plaintext", "--identity", "se",
        "--validator", "descargo.prueba",
    ]  # fmt: skip


def _judge(validator: ScriptedValidator) -> Callable[[Any], Any]:
    def judge(request: Any) -> Any:
        submission = submission_pb2.Submission.FromString(request.envelope.payload)
        verdict = verdict_pb2.Verdict(request_id=request.request_id)
        if submission.license.permit_number != "0002":
            verdict.firma.discharge_signature = "ABCD2345"
            return validator.answer(verdict)
        verdict.error.SetInParent()
        for code, path in (("E303", "issue.total"), ("C203", "issue.lines[1].tariff_codes[0]")):
            finding = verdict.findings.add(code=code, declared="72142001")
            finding.locator.field = path
        text = verdict_pb2.FindingText(
            code="C203", message_es="La fracción no existe.", remedy_es="Corrija la fracción.",
            message_en="No such code.", remedy_en="Mend the code.",
        )  # fmt: skip
        return validator.answer(verdict, text)

    return judge


def _sheet(path: Path) -> list[list[Any]]:
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(path.read_bytes())).get_sheet_by_index(0)
    return sheet.to_python(skip_empty_area=False)


ROWS = (
    ROW | {"permit_number": "0001", "valid_to": Dated(at(2026, 12, 31))},
    ROW | {"permit_number": "0002"},
    ROW | {"permit_number": "0002", "tariff_codes": 72142001},
    ROW | {"permit_number": "0003", "quantity": 0.1234567},
)


def test_the_same_sheet_comes_back_with_firma_or_errors_in_each_row(
    descargo: Run, to: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "permisos.xlsx"
    file.write_bytes(book(grid(*ROWS)))
    assert descargo("submit", file, *to).code == 2
    titles, first, second, third, fourth = _sheet(tmp_path / "permisos.answers.xlsx")
    assert titles == [*ROW, *TITLES]
    original = _sheet(file)
    assert [row[: len(ROW)] for row in (first, second, third, fourth)] == original[1:]
    assert first[-3:] == ["FIRMA", "ABCD2345", ""]
    assert second[-3:] == ["ERROR", "", "E303 (issue.total `72142001`)"]
    assert third[-1].splitlines() == [
        "E303 (issue.total `72142001`)",
        ("C203 (tariff_codes `72142001`): La fracción no existe. Qué hacer: Corrija la fracción."),
    ]
    assert fourth[-3] == "ILEGIBLE, no se envió"
    assert fourth[-1].startswith("`quantity`: `0.1234567` tiene más de 5 decimales")


def test_the_answered_sheet_is_mended_and_submitted_as_it_is(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator
) -> None:
    file = tmp_path / "permisos.xlsx"
    file.write_bytes(book(grid(*ROWS)))
    descargo("submit", file, *to)
    validator.requests.clear()
    answered = tmp_path / "permisos.answers.xlsx"
    ran = descargo("submit", answered, *to, "--answers", tmp_path / "otra.csv", "-o", "json")
    assert ran.json["summary"]["firma"] == 1
    assert len(validator.requests) == 2
    rows = (tmp_path / "otra.csv").read_text(encoding="utf-8-sig").splitlines()
    assert rows[0] == ",".join([*ROW, *TITLES])
    assert rows[1].endswith("FIRMA,ABCD2345,")


def test_rows_say_why_even_when_nothing_was_sent(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator
) -> None:
    file = tmp_path / "permisos.xlsx"
    file.write_bytes(book(grid(ROWS[0], ROWS[1] | {"permit_number": ""})))
    ran = descargo("submit", file, *to, "--lang", "en")
    assert (ran.code, validator.requests) == (2, [])
    titles, good, bad = _sheet(tmp_path / "permisos.answers.xlsx")
    assert titles[-3:] == ["result", "discharge signature", "errors"]
    assert good[-1] == "not sent, because of what must be mended in other rows of the file"
    assert bad[-1].startswith("`permit_number`: `permit_number` is empty")


def test_two_runs_replay_the_same_envelopes(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator
) -> None:
    file = tmp_path / "permisos.xlsx"
    file.write_bytes(book(grid(ROWS[0])))
    assert descargo("submit", file, *to).code == 0
    assert descargo("submit", file, *to).code == 0
    assert validator.requests[0] == validator.requests[1]


def test_wrong_places_for_answers_are_refused_before_anything_is_sent(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator
) -> None:
    file, lines = tmp_path / "permisos.xlsx", tmp_path / "permisos.jsonl"
    file.write_bytes(book(grid(ROWS[0])))
    lines.write_text('{"license": {}, "issue": {}}')
    empty = tmp_path / "mapeo.toml"
    empty.write_text("")
    for arguments, said in (
        ((file, "--answers", file), "otro nombre"),
        ((lines, "--answers", file), "no lo es"),
        ((file, "--mapping", lines), "no es TOML"),
        ((lines, "--mapping", empty), "no es una tabla"),
        ((lines, "--sheet", "Permisos"), "no es una tabla"),
        ((file, "--sheet", "Otra"), "no hay una hoja visible"),
        ((file, "--answers", tmp_path / "nada" / "x.xlsx"), "No se puede escribir"),
    ):
        ran = descargo("submit", *arguments, *to)
        assert ran.code == 2
        assert said in ran.err
    assert validator.requests == []


def test_a_sheet_of_every_hostile_text_becomes_no_formula(
    descargo: Run, to: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "permisos.xlsx"
    row = ROWS[0] | {"holder_legal_name": "=HYPERLINK('x')", "description": "http://x.example"}
    file.write_bytes(book(grid(row)))
    assert descargo("submit", file, *to).code == 0
    again = tmp_path / "permisos.answers.xlsx"
    assert _sheet(again)[1][:-3] == _sheet(file)[1]
    assert descargo("submit", again, *to).code == 0


def test_a_run_overwrites_no_answers_that_somebody_may_be_mending(
    descargo: Run, to: list[str], tmp_path: Path
) -> None:
    file, first = tmp_path / "permisos.xlsx", tmp_path / "permisos.answers.xlsx"
    file.write_bytes(book(grid(ROWS[0])))
    first.write_bytes(b"mine")
    ran = descargo("submit", file, *to)
    assert first.read_bytes() == b"mine"
    assert _sheet(tmp_path / "permisos.answers.2.xlsx")[1][-3] == "FIRMA"
    assert "permisos.answers.2.xlsx" in ran.err.replace("\n", "")


def test_rows_without_an_answer_say_why(
    descargo: Run, to: list[str], tmp_path: Path, validator: ScriptedValidator
) -> None:
    judge = validator.replies.pop()
    refused = validator.refusal(
        grpc.StatusCode.INVALID_ARGUMENT, "FIELD_INVALID", fields=(("envelope", "is empty"),),
        message_es="La solicitud trae un campo inválido.",
    )  # fmt: skip
    lost = validator.refusal(grpc.StatusCode.INTERNAL, "FAULT")
    validator.replies.extend([refused, lost, judge])
    file, out = tmp_path / "permisos.xlsx", tmp_path / "respuestas.xlsx"
    rows = [ROW | {"permit_number": f"000{number}"} for number in (4, 5, 6)]
    file.write_bytes(book(grid(*rows)))
    arguments = ("submit", file, *to, "--parallel", "1", "--answers", out)
    assert descargo(*arguments).code == 3
    first, second, third = _sheet(out)[1:]
    assert first[-3:-1] == ["NO ADMITIDO", ""]
    assert first[-1].startswith("La solicitud trae un campo inválido.")
    assert "envelope: is empty" in first[-1]
    assert [second[-3], third[-3]] == ["sin respuesta", "sin respuesta"]
    assert second[-1] == third[-1] != ""
    assert descargo(*arguments).code == 0
    assert [row[-3] for row in _sheet(out)[1:]] == ["FIRMA", "FIRMA", "FIRMA"]


@pytest.mark.parametrize("library", ["python_calamine", "xlsxwriter"])
def test_without_the_extra_it_is_said_before_anything_is_sent(  # noqa: PLR0917 - fixtures
    descargo: Run,
    to: list[str],
    tmp_path: Path,
    validator: ScriptedValidator,
    monkeypatch: pytest.MonkeyPatch,
    library: str,
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    folder = tmp_path / "bandeja"
    folder.mkdir()
    for place in (tmp_path, folder):
        (place / "permisos.xlsx").write_bytes(book(grid(ROWS[0])))
    for arguments in (
        (tmp_path / "permisos.xlsx",),
        ("--watch", folder, "--once", "--every", 0.05),
    ):
        ran = descargo("submit", *arguments, *to)
        assert ran.code == 2
        assert "descargo-client[spreadsheet]" in ran.err
    assert validator.requests == []
    monkeypatch.undo()
    assert list((folder / "rejected").iterdir()) == []
