"""A mapping file: an agency's own titles and values, and what is wrong in a file."""

from __future__ import annotations

import pytest

from descargo_client.faults import BadFile
from descargo_client.forms.mapping import Mapping, read_mapping
from descargo_client.intake import read_items, read_table
from tests.unit.client.sheet_files import Dated, Formula, at, book

MAPPING = """
sheet = "Permisos"
title_row = 3
ignore = ["Observaciones"]

[columns]
permit_number = "No. de permiso"
holder_rfc = "RFC del titular"
operation = "Operación"
valid_from = "Inicia"
valid_to = "Termina"
tariff_codes = "Fracción"
unit = "Unidad"
quantity = "Cantidad"
countries_origin_destination = "País de origen"

[fixed]
agency = "SE"
permit_key = "C1"
instrument_kind = "PRIOR_PERMIT"
regimes = "*"
offices = "*"
quantity_basis = "UMT"
countries_seller_buyer = "*"

[values.operation]
"Importación" = "IMPORT"
"Exportación" = "EXPORT"

[values.unit]
"Kilogramo" = 1

[values.countries_origin_destination]
"Estados Unidos" = "USA"
"Canadá" = "CAN"

[digits]
permit_number = 7
"""
TITLES: list[object] = [
    "No. de permiso", "RFC  DEL TITULAR", "operacion", "Inicia", "Termina", "Fracción", "Unidad",
    "Cantidad", "País de\norigen", "Observaciones",
]  # fmt: skip
CELLS: list[object] = [
    1234567, "EKU9003173C9", "IMPORTACIÓN", "2026-01-01", "2026-12-31", 72142001, "kilogramo",
    12.5, "Estados Unidos; Canadá; JPN", "revisado",
]  # fmt: skip


def _mapping(text: str = MAPPING) -> Mapping:
    return read_mapping(text.encode(), "m.toml")


def _sheet(*rows: list[object]) -> bytes:
    return book([["Relación de permisos"], [], TITLES, *rows], sheets=("Notas", "Permisos"))


def test_titles_and_values_of_the_agency_become_ours() -> None:
    mapping = _mapping()
    content = _sheet(CELLS)
    (item,) = read_items(content, "f.xlsx", read_table(content, "f.xlsx", mapping), mapping)
    assert not item.problems
    assert item.name == "SE C1 1234567"
    assert item.lines == (4,)
    line = item.submission.issue.lines[0]
    assert (line.unit, line.authorized.quantity) == (1, "12.5")
    assert list(line.countries_origin_destination.only) == ["USA", "CAN", "JPN"]
    assert item.submission.issue.operation == 1


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_is_mapped_as_a_sheet_is(mark: str) -> None:
    mapping = _mapping()
    titles = [f'"{title}"' for title in TITLES]
    cells = [f'"{cell}"' for cell in CELLS]
    lines = ["Relación de permisos", "", mark.join(titles).replace("\n", " "), mark.join(cells)]
    content = "\r\n".join(lines).encode("cp1252")
    (item,) = read_items(content, "f.csv", read_table(content, "f.csv", mapping), mapping)
    assert not item.problems
    assert item.name == "SE C1 1234567"


def test_a_bad_cell_is_named_by_the_title_that_people_see() -> None:
    mapping = _mapping()
    content = _sheet([*CELLS[:2], "Tránsito interno", *CELLS[3:7], 0.1234567, *CELLS[8:]], CELLS)
    (item,) = read_items(
        _sheet(CELLS), "f.xlsx", read_table(_sheet(CELLS), "f.xlsx", mapping), mapping
    )
    assert not item.problems
    with pytest.raises(BadFile) as caught:
        read_items(content, "f.xlsx", read_table(content, "f.xlsx", mapping), mapping)
    assert ("form.enum", 4, "operacion") in [
        (each.key, each.line, each.field) for each in caught.value.problems
    ]
    assert ("sheet.decimals", 4, "Cantidad") in [
        (each.key, each.line, each.field) for each in caught.value.problems
    ]


DATED = MAPPING.replace(
    "[columns]", '[columns]\napplied_at = "Solicitud"\nruled_at = "Fecha del dictamen"'
)
DATED_TITLES: list[object] = [*TITLES, "SOLICITUD", "Fecha del  Dictamen"]


def test_application_and_ruling_are_mapped_from_cells_of_dates() -> None:
    mapping = _mapping(DATED)
    cells = [*CELLS, Dated(at(2025, 11, 3), "dd/mm/yyyy"), "2025-12-15T10:00:00-06:00"]
    content = book([[], [], DATED_TITLES, cells], sheets=("Permisos",))
    (item,) = read_items(content, "f.xlsx", read_table(content, "f.xlsx", mapping), mapping)
    assert not item.problems
    issued = item.submission.issue
    assert issued.applied_at.ToJsonString() == "2025-11-03T06:00:00Z"
    assert issued.ruled_at.ToJsonString() == "2025-12-15T16:00:00Z"


def test_bad_days_of_application_and_ruling_are_named_by_row_and_title() -> None:
    mapping = _mapping(DATED)
    rows = [
        [*CELLS, 45964, "ayer"],
        [7654321, *CELLS[1:], Formula("=TODAY()"), Dated(0.5, "hh:mm")],
    ]
    content = book([[], [], DATED_TITLES, *rows], sheets=("Permisos",))
    with pytest.raises(BadFile) as caught:
        read_items(content, "f.xlsx", read_table(content, "f.xlsx", mapping), mapping)
    found = sorted((each.line, each.field, each.key) for each in caught.value.problems)
    assert found == [
        (4, "Fecha del  Dictamen", "form.instant"),
        (4, "SOLICITUD", "sheet.number_for_date"),
        (5, "Fecha del  Dictamen", "sheet.time"),
        (5, "SOLICITUD", "sheet.formula"),
    ]


def test_a_title_that_is_neither_mapped_nor_ignored_is_refused_and_a_missing_one_said() -> None:
    mapping = _mapping(MAPPING.replace('ignore = ["Observaciones"]', "").replace("Inicia", "Desde"))
    content = _sheet(CELLS)
    with pytest.raises(BadFile) as caught:
        read_items(content, "f.xlsx", read_table(content, "f.xlsx", mapping), mapping)
    problems = [(each.key, each.line) for each in caught.value.problems]
    assert problems.count(("csv.column_unknown", 3)) == 2
    assert ("csv.title_missing", 3) in problems


def test_a_number_of_another_length_than_the_mapping_says_is_refused() -> None:
    mapping = _mapping()
    content = _sheet([234567, *CELLS[1:]])
    with pytest.raises(BadFile) as caught:
        read_items(content, "f.xlsx", read_table(content, "f.xlsx", mapping), mapping)
    assert [each.key for each in caught.value.problems] == ["sheet.code_digits"]


@pytest.mark.parametrize(
    ("text", "key", "place"),
    [
        ("sheet = ", "mapping.syntax", ""),
        ("\xff", "mapping.syntax", ""),
        ("hoja = 'x'", "mapping.key", "hoja"),
        ("sheet = 5", "mapping.value", "sheet"),
        ("title_row = '3'", "mapping.value", "title_row"),
        ("title_row = true", "mapping.value", "title_row"),
        ("columns = 5", "mapping.table", "columns"),
        ("[columns]\npermiso = 'No.'", "mapping.column", "columns.permiso"),
        ("[columns]\nunit = 5", "mapping.value", "columns.unit"),
        ("[columns]\nunit = 'U'\nquantity = ' u '", "mapping.title_twice", "columns.quantity"),
        ("[fixed]\nquantity = 1.5", "mapping.value", "fixed.quantity"),
        ("[columns]\nunit = 'U'\n[fixed]\nunit = 1", "mapping.both", "fixed.unit"),
        ("[values]\nunit = 1", "mapping.table", "values.unit"),
        ("[values.unit]\nKg = 1\nKG = 2", "mapping.value_twice", "values.unit.KG"),
        ("[digits]\noffices = 'tres'", "mapping.value", "digits.offices"),
        ("ignore = [5]", "mapping.value", "ignore"),
    ],
)
def test_each_fault_of_a_mapping_is_named(text: str, key: str, place: str) -> None:
    with pytest.raises(BadFile) as caught:
        read_mapping(text.encode("latin-1"), "m.toml")
    assert [(each.key, each.field) for each in caught.value.problems] == [(key, place)]
    assert caught.value.problems[0].text("es")


def test_answers_of_an_earlier_time_are_passed_over() -> None:
    mapping = _mapping()
    content = book(
        [[], [], [*TITLES, "Resultado", "Firma de descargo", "Errores"],
         [*CELLS, "ERROR", "", "S101"]]
    )  # fmt: skip
    table = read_table(content, "f.xlsx", Mapping(**{
        name: getattr(mapping, name) for name in mapping.__slots__ if name != "sheet"
    }))  # fmt: skip
    (item,) = read_items(content, "f.xlsx", table, mapping)
    assert not item.problems


def test_fixed_values_are_no_wish_of_a_change_that_has_no_use_for_them() -> None:
    mapping = read_mapping(
        b"[columns]\npermit_number = 'Permiso'\n[fixed]\nagency = 'SE'\npermit_key = 'C1'\n"
        b"regimes = '*'\nchange = 'extension'\nversion = 2\nvalid_to = '2027-01-01'",
        "m.toml",
    )
    content = b"Permiso\r\n0001\r\n"
    (item,) = read_items(content, "f.csv", read_table(content, "f.csv", mapping), mapping)
    assert not item.problems
    assert item.submission.extension.valid_to == "2027-01-01"
