"""A declaration on the command line: from a file, or from options for the usual single draw."""

from __future__ import annotations

import functools
import inspect
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from descargo.v1 import declaration_pb2
from descargo_client.cli.session import read_file
from descargo_client.faults import BadFile, BadInput, Problem
from descargo_client.forms.json_lines import read_declaration
from descargo_client.forms.messages import fill_message

if TYPE_CHECKING:
    from collections.abc import Callable

PANEL: Final = "panel.declaration"
_MEASURE: Final = re.compile(r"([^:]+):([0-9]{1,2})\Z")


def _stated(option: str, metavar: str) -> Any:
    key = "declaration." + option.removeprefix("--").replace("-", "_")
    declared = typer.Option(option, help=key, metavar=metavar, rich_help_panel=PANEL)
    return Annotated[str | None, declared]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclarationOptions:
    """What the options say; None is not stated."""

    file: Path | None = None
    declaration_number: str | None = None
    declaration_key: str | None = None
    operation: str | None = None
    regime: str | None = None
    rfc: str | None = None
    office: str | None = None
    paid_on: str | None = None
    line: str | None = None
    tariff: str | None = None
    nico: str | None = None
    origin: str | None = None
    seller: str | None = None
    umc: str | None = None
    umt: str | None = None
    value_usd: str | None = None
    agency: str | None = None
    permit_key: str | None = None
    permit_number: str | None = None
    firma: str | None = None
    draw_quantity: str | None = None
    draw_value: str | None = None


_METAVARS: Final = {
    "declaration_number": "AABBPPPPDNNNNNN",
    "declaration_key": "A1",
    "operation": "IMPORT|EXPORT|TRANSIT",
    "regime": "IMD",
    "rfc": "RFC",
    "office": "240",
    "paid_on": "AAAA-MM-DD",
    "line": "N",
    "tariff": "72142001",
    "nico": "00",
    "origin": "USA",
    "seller": "USA",
    "umc": "Q:UNIT",
    "umt": "Q:UNIT",
    "value_usd": "USD",
    "agency": "SE",
    "permit_key": "C1",
    "permit_number": "NUMBER",
    "firma": "FIRMA",
    "draw_quantity": "Q",
    "draw_value": "USD",
}
_OPTIONAL: Final = frozenset({"paid_on", "line", "agency", "draw_quantity", "draw_value"})


def with_declaration(body: Callable[..., int]) -> Callable[..., int]:
    """Gives a command's body the declaration's options as one value."""
    signature = inspect.signature(body, eval_str=True)
    session, _, *further = signature.parameters.values()

    @functools.wraps(body)
    def run(session: object, **arguments: Any) -> int:
        stated = {each.name: arguments.pop(each.name) for each in fields(DeclarationOptions)}
        return body(session, DeclarationOptions(**stated), **arguments)

    kind = inspect.Parameter.KEYWORD_ONLY
    file = typer.Option("--file", help="declaration.file", rich_help_panel=PANEL)
    parameters = [
        inspect.Parameter("file", kind, annotation=Annotated[Path | None, file], default=None)
    ]
    for name, metavar in _METAVARS.items():
        annotation = _stated(f"--{name.replace('_', '-')}", metavar)
        parameters.append(inspect.Parameter(name, kind, annotation=annotation, default=None))
    own = [each.replace(kind=kind) for each in further]
    run.__signature__ = inspect.Signature([session, *parameters, *own])  # type: ignore[attr-defined]
    return run


def declaration_of(stated: DeclarationOptions) -> tuple[declaration_pb2.Declaration, str]:
    """The declaration, and the request id if the file names one; raises BadInput."""
    given = {
        each.name for each in fields(stated) if each.name != "file" and getattr(stated, each.name)
    }
    if stated.file is not None:
        if given:
            option = f"--{min(given).replace('_', '-')}"
            raise BadInput("declaration.both", option=option)
        return read_declaration(read_file(stated.file), str(stated.file))
    missing = [name for name in _METAVARS if name not in given and name not in _OPTIONAL]
    if missing:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in missing)
        raise BadInput("declaration.missing", options=options)
    return _from_options(stated), ""


def _from_options(stated: DeclarationOptions) -> declaration_pb2.Declaration:
    problems: list[Problem] = []
    amount = {
        name: value
        for name, value in (("quantity", stated.draw_quantity), ("value_usd", stated.draw_value))
        if value is not None
    }
    draw = {
        "license": {
            "agency": stated.agency,
            "permit_key": stated.permit_key,
            "permit_number": stated.permit_number,
        },
        "discharge_signature": stated.firma,
        "amount": amount,
    }
    line = {
        "line_no": stated.line or "1",
        "tariff_code": {"code": stated.tariff, "nico": stated.nico},
        "country_origin_destination": stated.origin,
        "country_seller_buyer": stated.seller,
        "umc": _measure(stated.umc or "", "--umc", problems),
        "umt": _measure(stated.umt or "", "--umt", problems),
        "value_usd": stated.value_usd,
        "draws": [draw],
    }
    declaration = declaration_pb2.Declaration()
    document = {
        "declaration_number": (stated.declaration_number or "").replace(" ", ""),
        "declaration_key": stated.declaration_key,
        "operation": stated.operation,
        "regime": stated.regime,
        "trader": {"rfc": stated.rfc},
        "clearance_office": stated.office,
        "paid_on": stated.paid_on,
        "lines": [line],
    }
    fill_message(declaration, document, "", problems)
    if problems:
        raise BadFile("descargo", tuple(problems))
    return declaration


def _measure(written: str, option: str, problems: list[Problem]) -> dict[str, str]:
    """`Q:UNIT`; a unit is never assumed."""
    parts = _MEASURE.match(written)
    if parts is None:
        problems.append(Problem("declaration.measure", (("value", written),), field=option))
        return {}
    return {"quantity": parts[1], "unit": parts[2]}
