"""Writes the sample sheet of docs/agencies.md with today's dates: `muestra.py permisos.xlsx`.

It reads `permisos.csv` beside it. Dates become date cells and amounts number cells, as a person
would type them; everything else is text. With `--mended`, the mistakes are corrected.
"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import xlsxwriter

MEXICO_CITY = timezone(timedelta(hours=-6))
VALIDITY = timedelta(days=180)
DATES = {"Vigente desde": timedelta(0), "Vigente hasta": VALIDITY, "Notificado": timedelta(0)}
NUMBERS = {"Línea", "Cantidad", "Valor USD"}
MENDED = {"Pieza": "Kilogramo", "EUA": "Estados Unidos", "1,000": "1000"}


def write_sheet(path: Path, today: date, *, mended: bool) -> None:
    """Writes the workbook."""
    source = Path(__file__).with_name("permisos.csv").read_text(encoding="utf-8")
    titles, *rows = csv.reader(source.splitlines())
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Permisos")
        dated = book.add_format({"num_format": "yyyy-mm-dd"})
        text = book.add_format({"num_format": "@"})
        sheet.set_column(0, len(titles) - 1, 18)
        sheet.write_row(0, 0, titles, book.add_format({"bold": True}))
        for number, row in enumerate(rows, start=1):
            for column, (title, written) in enumerate(zip(titles, row, strict=True)):
                cell = MENDED.get(written, written) if mended else written
                if title in DATES:
                    sheet.write_datetime(number, column, today + DATES[title], dated)
                elif title in NUMBERS and "," not in cell:
                    sheet.write_number(number, column, float(cell))
                else:
                    sheet.write_string(number, column, cell, text)


def main(arguments: list[str]) -> None:
    """Writes the workbook that the arguments name."""
    names = [each for each in arguments if each != "--mended"]
    today = datetime.now(UTC).astimezone(MEXICO_CITY).date()
    write_sheet(Path(names[0] if names else "permisos.xlsx"), today, mended="--mended" in arguments)


if __name__ == "__main__":
    main(sys.argv[1:])
