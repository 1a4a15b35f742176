"""Writes a table back with the answers: all its columns, then result, discharge signature, errors.

Rows stay where they were, so that "row 12" is row 12 in both files, and the answered table can be
mended and submitted again as it is. What is said about one license line stands in its row; what is
said about the whole license in each of its rows.
"""

from __future__ import annotations

import csv
import io
import math
import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from descargo_client.documents import answer_document
from descargo_client.faults import BadInput, CallFault
from descargo_client.forms.columns import ANSWER_TITLES
from descargo_client.forms.mapping import is_answer_title
from descargo_client.forms.places import column_of
from descargo_client.forms.tables import shown
from descargo_client.texts import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from descargo_client.faults import Problem
    from descargo_client.forms.tables import Table
    from descargo_client.submitting import Result
    from descargo_client.texts import Language

Answers = dict[int, tuple[str, str, str]]
"""Result, discharge signature and errors for each row of the file."""

CELL_MAX: Final = 32_000
"""A cell of a spreadsheet holds 32,767 signs; the rest is in the JSON answers."""
_LINE: Final = re.compile(r"(?:lines|remainders)\[([0-9]+)\]")
_NO_NAME: Final = re.compile(r"[\[\]:*?/\\]")
_NAME_MAX: Final = 31
_FIRST_YEAR: Final = 1900
_WIDTH_MAX: Final = 48
_ERRORS_WIDTH: Final = 90


def answers_of(results: Sequence[Result], language: Language, titles: Mapping[str, str]) -> Answers:
    """What each row gets once its license was answered; `titles` are those of our columns."""
    answers: Answers = {}
    for result in results:
        for position, line in enumerate(result.item.lines):
            signature = ""
            if result.answer is not None:
                firma = result.answer.verdict.firma
                signature = firma.discharge_signature or firma.acceptance_code
            said = "\n".join(_said(result, position, line, language, titles))
            answers[line] = (text(f"state.{result.state}", language), signature, said)
    return answers


def answers_of_problems(table: Table, problems: Iterable[Problem], language: Language) -> Answers:
    """What each row gets when nothing of the file was sent."""
    state = text("state.unreadable", language)
    by_line: dict[int, list[str]] = {}
    rows = {row.number for row in table.rows}
    first = min(rows, default=0)
    for problem in problems:
        line = problem.line if problem.line in rows else first
        by_line.setdefault(line, []).append(_problem(problem, language))
    other = [text("answer.file_stopped", language)]
    return {line: (state, "", "\n".join(by_line.get(line, other))) for line in rows}


def require_writer() -> Any:
    """The library that writes workbooks; raises BadInput when it is not installed."""
    try:
        import xlsxwriter  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise BadInput("sheet.no_reader") from error
    return xlsxwriter


def csv_bytes(table: Table, answers: Answers, language: Language) -> bytes:
    """The answered table as CSV in UTF-8 with BOM, as spreadsheets open it best."""
    written = io.StringIO(newline="")
    writer = csv.writer(written)
    for row in _rows(table, answers, language).values():
        writer.writerow(row)
    return written.getvalue().encode("utf-8-sig")


def xlsx_bytes(table: Table, answers: Answers, language: Language) -> bytes:
    """The answered table as a workbook of one sheet."""
    xlsxwriter = require_writer()
    content = io.BytesIO()
    # Nothing that a cell says becomes a formula or a link.
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(content, options) as book:
        # A file may name its sheet as no spreadsheet would.
        name = _NO_NAME.sub("_", table.sheet)[:_NAME_MAX].strip("'")
        sheet = book.add_worksheet(name or None)
        rows = _rows(table, answers, language)
        _write(book, sheet, rows, table.title_line)
    return content.getvalue()


def _said(
    result: Result, position: int, line: int, language: Language, titles: Mapping[str, str]
) -> list[str]:
    """Everything that is wrong with a row."""
    said = [_problem(each, language) for each in result.item.problems if each.line == line]
    if result.item.problems and not said:
        lines = sorted({each.line for each in result.item.problems})
        said.append(text("answer.other_row", language, lines=", ".join(map(str, lines))))
    if result.answer is not None:
        document = answer_document(result.answer, language)
        texts = {each["code"]: each for each in document["texts"]}
        said += [
            _finding(
                each | {"field": titles.get(column_of(each["field"]), each["field"])},
                texts.get(each["code"], {}),
                language,
            )
            for each in document["findings"]
            if _concerns(each["field"], position)
        ]
    elif result.fault is not None:
        said.append(result.fault.text(language))
        if isinstance(result.fault, CallFault):
            said += [f"  {each}" for each in result.fault.failure.fields]
    elif result.state == "not_sent":
        said.append(text("submit.again", language))
    return said


def _problem(problem: Problem, language: Language) -> str:
    place = f"`{problem.field}`: " if problem.field else ""
    return place + problem.text(language)


def _finding(finding: dict[str, Any], words: dict[str, str], language: Language) -> str:
    key = "answer.finding" if words else "answer.bare_finding"
    declared = f" `{finding['declared']}`" if finding["declared"] else ""
    return text(
        key,
        language,
        code=finding["code"],
        field=finding["field"],
        declared=declared,
        message=words.get("message", ""),
        remedy=words.get("remedy", ""),
    )


def _concerns(path: str, position: int) -> bool:
    found = _LINE.search(path)
    return found is None or int(found[1]) == position


def _rows(table: Table, answers: Answers, language: Language) -> dict[int, list[object]]:
    """The titles and the rows, by their number; answers of an earlier time give way."""
    kept = [at for at, title in enumerate(table.titles) if not is_answer_title(title)]
    titles: list[object] = [table.titles[at] for at in kept]
    rows = {table.title_line: [*titles, *ANSWER_TITLES[language]]}
    for row in table.rows:
        answer = answers.get(row.number, ("", "", ""))
        rows[row.number] = [
            *(shown(row.cells[at]) for at in kept),
            *(each if len(each) < CELL_MAX else each[:CELL_MAX] + "…" for each in answer),
        ]
    return rows


def _write(book: Any, sheet: Any, rows: dict[int, list[object]], title_line: int) -> None:
    write = _writer(book, sheet)
    bold = book.add_format({"bold": True, "num_format": "@"})
    widths: dict[int, int] = {}
    for number, cells in rows.items():
        for column, cell in enumerate(cells):
            if number == title_line:
                sheet.write_string(number - 1, column, str(cell), bold)
            else:
                write(number - 1, column, cell)
            longest = max((len(line) for line in str(cell).split("\n")), default=0)
            widths[column] = max(widths.get(column, 8), min(longest + 2, _WIDTH_MAX))
    for column, width in widths.items():
        last = column == len(widths) - 1
        sheet.set_column(column, column, _ERRORS_WIDTH if last else width)
    sheet.freeze_panes(title_line, 0)
    sheet.autofilter(title_line - 1, 0, max(rows) - 1, max(len(widths) - 1, 0))


def _writer(book: Any, sheet: Any) -> Callable[[int, int, object], None]:
    """Writes a cell as what it was; texts as texts, so that editing them keeps their zeros."""
    as_text = book.add_format({"num_format": "@", "valign": "top", "text_wrap": True})
    as_number = book.add_format({"valign": "top"})
    as_date = book.add_format({"num_format": "yyyy-mm-dd", "valign": "top"})
    as_instant = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "valign": "top"})

    def write(row: int, column: int, cell: object) -> None:
        if isinstance(cell, bool):
            sheet.write_boolean(row, column, cell, as_number)
        elif isinstance(cell, int | float) and math.isfinite(cell):
            sheet.write_number(row, column, cell, as_number)
        elif isinstance(cell, date) and cell.year >= _FIRST_YEAR:
            shape = as_instant if isinstance(cell, datetime) else as_date
            sheet.write_datetime(row, column, cell, shape)
        elif cell != "":
            sheet.write_string(row, column, str(cell)[: CELL_MAX + 1], as_text)

    return write
