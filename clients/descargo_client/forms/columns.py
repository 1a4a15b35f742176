"""The columns of a table of licenses, CSV or spreadsheet: names, which are needed, what each holds.

A table has one row for each license line. Names are ours; an agency's own titles are translated to
them by a mapping file before anything here is asked.
"""

from __future__ import annotations

from typing import Final, Literal

IDENTITY_COLUMNS: Final = ("agency", "permit_key", "permit_number", "version")
LICENSE_COLUMNS: Final = (
    "instrument_kind",
    "holder_rfc",
    "holder_curp",
    "holder_legal_name",
    "operation",
    "regimes",
    "offices",
    "valid_from",
    "valid_to",
    "quantity_basis",
    "total_quantity",
    "total_value_usd",
    "notified_at",
    "authorization_complement",
    "vucem_folio",
    "legal_basis",
)
LINE_COLUMNS: Final = (
    "line_no",
    "tariff_codes",
    "description",
    "unit",
    "quantity",
    "value_usd",
    "countries_origin_destination",
    "countries_seller_buyer",
    "left_quantity",
    "left_value_usd",
)
COLUMNS: Final = (*IDENTITY_COLUMNS, *LICENSE_COLUMNS, *LINE_COLUMNS)
REQUIRED_COLUMNS: Final = frozenset(
    {
        "agency",
        "permit_key",
        "permit_number",
        "instrument_kind",
        "holder_rfc",
        "operation",
        "regimes",
        "offices",
        "valid_from",
        "valid_to",
        "quantity_basis",
        "tariff_codes",
        "unit",
        "countries_origin_destination",
        "countries_seller_buyer",
    }
)
"""Columns that must be there and filled in every row; of `quantity` and `value_usd` one must be."""

ANSWER_TITLES: Final = {
    "es": ("resultado", "firma de descargo", "errores"),
    "en": ("result", "discharge signature", "errors"),
}
"""What we add when a table is written back. A table that has them already is an answer that was
mended and comes again, so they are passed over when read."""

Kind = Literal["text", "code", "prose", "whole", "decimal", "date", "instant"]
"""What a column holds, which decides what cells other than text may mean."""

_KINDS: Final[dict[str, Kind]] = {
    **dict.fromkeys(("description", "holder_legal_name", "legal_basis"), "prose"),
    **dict.fromkeys(("version", "line_no", "unit"), "whole"),
    **dict.fromkeys(
        (
            *("quantity", "total_quantity", "left_quantity"),
            *("value_usd", "total_value_usd", "left_value_usd"),
        ),
        "decimal",
    ),
    **dict.fromkeys(("valid_from", "valid_to"), "date"),
    "notified_at": "instant",
    **dict.fromkeys(("tariff_codes", "offices"), "code"),
}
LIST_COLUMNS: Final = frozenset(
    {
        *("regimes", "offices", "tariff_codes"),
        *("countries_origin_destination", "countries_seller_buyer"),
    }
)
"""Columns whose cell is a list."""

CODE_DIGITS: Final[dict[str, tuple[int, ...]]] = {"tariff_codes": (8, 10), "offices": (3,)}
"""How many digits a code has. A number cell of exactly so many lost no leading zero: no tariff code
begins with two zeros, so ten digits never shrink to eight."""

QUANTITY_DECIMALS: Final = 5
VALUE_DECIMALS: Final = 2


def kind_of(column: str) -> Kind:
    """What the column holds."""
    return _KINDS.get(column, "text")


def decimals_of(column: str) -> int:
    """How many decimals the contract allows."""
    return VALUE_DECIMALS if column.endswith("value_usd") else QUANTITY_DECIMALS
