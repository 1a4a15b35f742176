"""The columns of a table of licenses, CSV or spreadsheet: names, which are needed, what each holds.

A table has one row for each license line. Names are ours; an agency's own titles are translated to
them by a mapping file before anything here is asked.
"""

from __future__ import annotations

from typing import Final, Literal

IDENTITY_COLUMNS: Final = ("agency", "permit_key", "permit_number", "version")
CHANGE: Final = "change"
"""What is done with the license. A table without this column issues licenses, or onboards them."""
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
    "applied_at",
    "ruled_at",
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
LEFT_COLUMNS: Final = ("left_quantity", "left_value_usd")
CHANGE_COLUMNS: Final = (
    "reason",
    "stop_lines",
    "stop_offices",
    "start_time",
    "end_time",
    "extending_office",
    "suspension_version",
)
COLUMNS: Final = (*IDENTITY_COLUMNS, CHANGE, *LICENSE_COLUMNS, *LINE_COLUMNS, *CHANGE_COLUMNS)
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
"""Columns of a whole license that must be there and filled in; and `quantity` or `value_usd`."""

_STOP: Final = ("stop_lines", "stop_offices", "reason")
SIMPLE_CHANGES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "extension": (("valid_to",), ("extending_office",)),
    "suspension": (_STOP, ("start_time", "end_time", "legal_basis")),
    "reinstatement": (("suspension_version", "reason"), ()),
    "revocation": (_STOP, ("start_time", "legal_basis")),
    "cancellation": (_STOP, ("start_time", "legal_basis")),
    "notification": (("notified_at",), ()),
}
"""Changes that take one row: the columns that must be filled in, and those that may be."""

WHOLE_CHANGES: Final = ("issue", "onboarding", "amendment")
"""Changes that state the whole license, one row for each of its lines."""

CHANGES: Final = (*WHOLE_CHANGES, *SIMPLE_CHANGES)
FIRST_CHANGES: Final = ("issue", "onboarding")
"""Changes that make version 1; all others must say which version they make."""

ANSWER_TITLES: Final = {
    "es": ("resultado", "firma de descargo", "errores"),
    "en": ("result", "discharge signature", "errors"),
}
"""What we add when a table is written back. A table that has them already is an answer that was
mended and comes again, so they are passed over when read."""

Kind = Literal["text", "code", "prose", "whole", "decimal", "date", "instant"]
"""What a column holds, which decides what cells other than text may mean."""

_KINDS: Final[dict[str, Kind]] = {
    **dict.fromkeys(("description", "holder_legal_name", "legal_basis", "reason"), "prose"),
    **dict.fromkeys(("version", "line_no", "unit", "stop_lines", "suspension_version"), "whole"),
    **dict.fromkeys(
        (
            *("quantity", "total_quantity", "left_quantity"),
            *("value_usd", "total_value_usd", "left_value_usd"),
        ),
        "decimal",
    ),
    **dict.fromkeys(("valid_from", "valid_to"), "date"),
    **dict.fromkeys(("notified_at", "applied_at", "ruled_at", "start_time", "end_time"), "instant"),
    **dict.fromkeys(("tariff_codes", "offices", "stop_offices", "extending_office"), "code"),
}
LIST_COLUMNS: Final = frozenset(
    {
        *("regimes", "offices", "tariff_codes", "stop_lines", "stop_offices"),
        *("countries_origin_destination", "countries_seller_buyer"),
    }
)
"""Columns whose cell is a list."""

CODE_DIGITS: Final[dict[str, tuple[int, ...]]] = {
    "tariff_codes": (8, 10),
    **dict.fromkeys(("offices", "stop_offices", "extending_office"), (3,)),
}
"""How many digits a code has. A number cell of exactly so many lost no leading zero: no tariff code
begins with two zeros, so ten digits never shrink to eight."""

QUANTITY_DECIMALS: Final = 5
VALUE_DECIMALS: Final = 2


def kind_of(column: str) -> Kind:
    """What the column holds."""
    return _KINDS.get(column, "text")


def columns_of(change: str) -> tuple[str, ...]:
    """The columns beside the identity that a change may fill in."""
    if change in SIMPLE_CHANGES:
        needed, more = SIMPLE_CHANGES[change]
        return (*needed, *more)
    left = () if change == "onboarding" else LEFT_COLUMNS
    return tuple(name for name in (*LICENSE_COLUMNS, *LINE_COLUMNS) if name not in left)


def needed_of(change: str) -> tuple[str, ...]:
    """The columns beside the identity that a change must fill in."""
    if change in SIMPLE_CHANGES:
        return SIMPLE_CHANGES[change][0]
    return tuple(name for name in LICENSE_COLUMNS + LINE_COLUMNS if name in REQUIRED_COLUMNS)


def decimals_of(column: str) -> int:
    """How many decimals the contract allows."""
    return VALUE_DECIMALS if column.endswith("value_usd") else QUANTITY_DECIMALS
