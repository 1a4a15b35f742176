"""Shows an answer to people: FIRMA or ERROR, the code that counts, what is left, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.table import Table
from rich.text import Text

from descargo_client.cli.session import clean
from descargo_client.documents import Document, answer_document, outcome_of, verdict_document
from descargo_client.texts import catalogue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from descargo.v1.verdict_pb2 import Answer
    from descargo_client.cli.session import Session

EXIT_CODES: Final = {"firma": 0, "preview": 0, "error": 1, "none": 1}
_STYLES: Final = {
    "firma": "bold green",
    "preview": "bold cyan",
    "error": "bold red",
    "none": "bold red",
}
_CHANGES: Final = frozenset({"issue", "onboarding"})
_DIMENSIONS: Final = ("quantity", "value_usd")


def show_answer(session: Session, answer: Answer) -> int:
    """Writes an answer as the session wants it; returns the exit code."""
    document = answer_document(answer, session.language)
    if session.as_json:
        session.write_json(document)
    else:
        print_answer(session, session.screen(), document)
    return EXIT_CODES[outcome_of(answer.verdict)]


def print_answer(session: Session, console: Console, document: Document) -> None:
    """Prints an answer for people."""
    outcome = document["outcome"]
    title = Text(session.say(f"outcome.{outcome}"), style=_STYLES[outcome])
    for name in ("acceptance_code", "discharge_signature"):
        if document[name]:
            title.append(f"   {session.say(f'word.{name}')}: {clean(document[name])}", style="bold")
    console.print(title)
    if document["position"]:
        console.print(Text(_position(session, document["position"])))
    texts = {each["code"]: each for each in document["texts"]}
    print_findings(session, console, document["findings"], texts)
    print_balances(session, console, _balance_rows(document))
    console.print(Text(_footer(session, document), style="dim"))


def print_verdict(session: Session, console: Console, verdict: Any) -> None:
    """Prints a verdict that comes without texts, with the catalogue's."""
    document = verdict_document(verdict)
    document["texts"] = [
        _catalogue_text(session, code) for code in {each["code"] for each in document["findings"]}
    ]
    print_answer(session, console, document)


def _catalogue_text(session: Session, code: str) -> Document:
    from descargo.catalogue import findings  # noqa: PLC0415 - read only when a text is needed

    row = findings().get(code)
    if row is None:
        return {"code": code, "actor": "", "message": "", "remedy": ""}
    spanish = session.language == "es"
    return {
        "code": code,
        "actor": row.actor,
        "message": row.message_es if spanish else row.message_en,
        "remedy": row.remedy_es if spanish else row.remedy_en,
    }


def print_findings(
    session: Session, console: Console, findings: Sequence[Document], texts: dict[str, Document]
) -> None:
    """Prints each finding: code and text, where, declared and authorised, what to do."""
    for finding in findings:
        words = texts.get(finding["code"], {})
        style = "bold yellow" if finding["class"] == "WARNING" else "bold red"
        grid = Table.grid(padding=(0, 1))
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        code = Text(f"  {finding['code']}", style=style)
        grid.add_row(code, _finding_body(session, finding, words))
        console.print(grid)


def _finding_body(session: Session, finding: Document, words: Document) -> Table:
    body = Table.grid(padding=(0, 1))
    body.add_column(overflow="fold")
    body.add_row(Text(clean(words.get("message", "")), style="bold"))
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column(overflow="fold")
    for key, value in (
        ("word.where", _place(session, finding)),
        ("word.declared", finding["declared"]),
        ("word.expected" if _is_submission(finding) else "word.granted", finding["granted"]),
        ("word.remedy", words.get("remedy", "")),
        ("word.actor", _actor(session, words)),
    ):
        if value:
            facts.add_row(session.say(key), Text(clean(str(value))))
    body.add_row(facts)
    return body


def _place(session: Session, finding: Document) -> str:
    parts = [finding["field"]] if finding["field"] else []
    if finding["record"]:
        parts.append(
            session.say(
                "place.record", record=finding["record"], record_field=finding["record_field"]
            )
        )
    if finding["line_no"]:
        key = "place.license_line" if _is_submission(finding) else "place.goods_line"
        parts.append(session.say(key, line_no=finding["line_no"]))
    return ", ".join(parts)


def _is_submission(finding: Document) -> bool:
    """Paths of a submission begin with its change; others are a declaration's."""
    return finding["field"].partition(".")[0] in _CHANGES


def _actor(session: Session, words: Document) -> str:
    actor = words.get("actor", "").lower()
    known = {"agency", "broker", "trader", "office", "operator"}
    return session.say(f"actor.{actor}") if actor in known else ""


def _balance_rows(document: Document) -> list[tuple[Document, Document, Document | None]]:
    """Every balance with its license, and what was taken from it."""
    moved = [
        (each["license"], each["balance_after"], each["taken"])
        for each in document["movements"]
        if each["balance_after"]
    ]
    stood = [
        (each["license"], balance, None)
        for each in document["standings"]
        for balance in each["balances"]
    ]
    return moved + stood


def print_balances(
    session: Session,
    console: Console,
    rows: Sequence[tuple[Document, Document, Document | None]],
) -> None:
    """Prints balances, one row for each dimension of each license line."""
    if not rows:
        return
    taking = any(taken and any(taken.values()) for _, _, taken in rows)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("license", "license_line", "unit"):
        table.add_column(session.say(f"word.{name}"), overflow="fold")
    columns = ["authorized", *(["taken"] if taking else []), "exercised", "available"]
    for name in columns:
        style = "bold" if name == "available" else ""
        table.add_column(session.say(f"word.{name}"), justify="right", style=style, overflow="fold")
    for license_id, balance, taken in rows:
        for dimension in _DIMENSIONS:
            cells = _cells(session, balance, taken, dimension, columns)
            if cells:
                table.add_row(
                    Text(clean(license_name(license_id))),
                    str(balance["license_line_no"]),
                    _unit(session, balance, dimension),
                    *cells,
                )
    console.print(table)


def _cells(
    session: Session,
    balance: Document,
    taken: Document | None,
    dimension: str,
    columns: Sequence[str],
) -> list[str]:
    """The figures of one dimension; empty when the license neither limits it nor uses it."""
    limited = balance["authorized"][dimension] is not None
    drawn = (taken or {}).get(dimension)
    if not limited and not drawn and not balance["exercised"][dimension]:
        return []
    figures = {"taken": drawn or ""}
    for name in ("authorized", "exercised", "available"):
        figures[name] = balance[name][dimension] or ""
    if not limited:
        figures["authorized"] = figures["available"] = session.say("word.unlimited")
    return [clean(figures[name]) for name in columns]


def _unit(session: Session, balance: Document, dimension: str) -> str:
    if dimension == "value_usd":
        return "USD"
    unit = balance["unit"]
    if f"unit.{unit}" not in catalogue():
        return session.say("word.unit_key", unit=unit)
    return f"{unit} {session.say(f'unit.{unit}')}"


def license_name(license_id: Document) -> str:
    """A license as people name it."""
    return " ".join(part for part in license_id.values() if part)


def _position(session: Session, position: Document) -> str:
    number, state = position["declaration_number"], position["state"].lower()
    key = f"declaration_state.{state}"
    # Printed as Anexo 22 prints it: year, aduana, broker license, year digit and serial.
    printed = f"{number[:2]}  {number[2:4]}  {number[4:8]}  {number[8:]}"
    known = session.say(key) if key in catalogue() else state
    return session.say("word.position", number=printed, state=known)


def _instant(written: str | None) -> str:
    """An instant as people read it, to the second."""
    return f"{written[:19].replace('T', ' ')} UTC" if written else ""


def _footer(session: Session, document: Document) -> str:
    parts = [
        session.say("word.validator_is", validator=document["validator"]),
        session.say("word.verdict_is", verdict_id=document["verdict_id"])
        if document["verdict_id"]
        else "",
        _instant(document["decided_at"]),
        session.say("word.request_is", request_id=document["request_id"])
        if document["request_id"]
        else "",
    ]
    return clean(" · ".join(part for part in parts if part))
