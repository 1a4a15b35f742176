"""`descargo report`: what was transmitted, accepted, refused and exercised on some days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from descargo_client.cli.options import command
from descargo_client.cli.session import Session, clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from descargo_client.documents import Document

_COUNTS: Final = (
    "transmitted",
    "accepted",
    "refused",
    "resent",
    "exercises",
    "exercised_licenses",
)
_LEGS: Final = ("application_to_ruling", "ruling_to_acceptance", "acceptance_to_exercise")
_MINUTE_S: Final = 60
_HOUR_S: Final = 60 * _MINUTE_S
_DAY_S: Final = 24 * _HOUR_S


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @command(app, "report", connected=True)
    def report(
        session: Session,
        from_day: Annotated[str, typer.Option("--from", help="option.from_day", metavar="DAY")],
        to_day: Annotated[str, typer.Option("--to", help="option.to_day", metavar="DAY")],
    ) -> int:
        with session.channel() as channel:
            from descargo_client.activity import (  # noqa: PLC0415 - grpc is slow to import
                report_activity,
                report_document,
            )

            document = report_document(report_activity(channel, from_day, to_day), from_day, to_day)
        if session.as_json:
            session.write_json(document)
        else:
            _print(session, document)
        return 0


def _print(session: Session, document: Document) -> None:
    activities: Sequence[Document] = document["activities"]
    console = session.screen()
    console.print(
        Text(
            clean(session.say("report.title", from_day=document["from"], to_day=document["to"])),
            style="bold",
        )
    )
    if activities:
        console.print(_counts(session, activities))
        errors, times = _errors(session, activities), _times(session, activities)
        if errors.row_count:
            console.print(errors)
        if times.row_count:
            console.print(Text(session.say("report.times")))
            console.print(times)
    else:
        console.print(Text(session.say("report.nothing")))
    if document["counted_since"]:
        since = document["counted_since"][:19].replace("T", " ")
        session.note("report.counted_since", since=since)


def _counts(session: Session, activities: Sequence[Document]) -> Table:
    table = _table(session)
    for name in _COUNTS:
        table.add_column(session.say(f"report_word.{name}"), justify="right")
    for each in activities:
        _add(session, table, each, [str(each[name]) for name in _COUNTS])
    totals = [str(sum(each[name] for each in activities)) for name in _COUNTS]
    table.add_section()
    table.add_row(session.say("report_word.total"), "", *totals, style="bold")
    return table


def _errors(session: Session, activities: Sequence[Document]) -> Table:
    table = _table(session)
    table.add_column(session.say("report_word.codes"), overflow="fold")
    for each in activities:
        if each["refusals"]:
            codes = ", ".join(f"{code} {count}" for code, count in each["refusals"].items())
            _add(session, table, each, [codes])
    return table


def _times(session: Session, activities: Sequence[Document]) -> Table:
    table = _table(session)
    table.add_column(session.say("report_word.issued"), justify="right")
    for name in _LEGS:
        table.add_column(session.say(f"report_word.{name}"), justify="right")
    for each in activities:
        if each["issued"]:
            legs = [_spread(session, each[name]) for name in _LEGS]
            _add(session, table, each, [str(each["issued"]), *legs])
    return table


def _table(session: Session) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("agency", "permit_key"):
        table.add_column(session.say(f"report_word.{name}"), overflow="fold")
    return table


def _add(session: Session, table: Table, activity: Document, cells: Sequence[str]) -> None:
    key = activity["permit_key"] or session.say("report_word.no_key")
    table.add_row(*(Text(clean(cell)) for cell in (activity["agency"], key, *cells)))


def _spread(session: Session, spread: Document | None) -> str:
    """Median, 90th percentile, and of how many."""
    if spread is None:
        return "-"
    return session.say(
        "report.spread",
        median=_duration(spread["median_s"]),
        p90=_duration(spread["p90_s"]),
        count=spread["licenses"],
    )


def _duration(seconds: int) -> str:
    """The two greatest units, which are written alike in both languages."""
    if seconds >= _DAY_S:
        return f"{seconds // _DAY_S} d {seconds % _DAY_S // _HOUR_S} h"
    if seconds >= _HOUR_S:
        return f"{seconds // _HOUR_S} h {seconds % _HOUR_S // _MINUTE_S} min"
    if seconds >= _MINUTE_S:
        return f"{seconds // _MINUTE_S} min {seconds % _MINUTE_S} s"
    return f"{seconds} s"
