"""Shows what happened in tables that fit 80 columns and use 100 where they are there."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from descargo.v1 import verdict_pb2
from descargo_client.documents import enum_word, outcome_of
from descargo_client.texts import text
from descargo_server.demo.story import Drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from descargo.v1.license_pb2 import Amount
    from descargo.v1.verdict_pb2 import Answer, Balance, RecordedMovement
    from descargo_server.demo.agency_scene import Changed, Fed, Streamed
    from descargo_server.demo.grants import Grant
    from descargo_server.demo.story import Corrected, Forgery, Issued
    from descargo_server.demo.texts import Texts

__all__ = ["Screen"]

WIDTH_WITHOUT_TERMINAL: Final = 100
WIDTH_MAX: Final = 100
"""Longer lines are harder to read, however wide the window is."""
STYLES: Final = {"firma": "bold green", "error": "bold red"}
STREAM_ROWS: Final = 4
"""Rows that tell of a stream; what comes after in its part is numbered on."""
PATH_STEP: Final = re.compile(r"[^.\[\]]+")


class Screen:
    """Where the demo shows what happens."""

    def __init__(self, texts: Texts) -> None:
        """Takes the width of the terminal, or a fixed one where there is none."""
        self._texts = texts
        stated = os.environ.get("COLUMNS", "")
        width = int(stated) if stated.isdigit() and int(stated) else WIDTH_WITHOUT_TERMINAL
        self._console = Console(
            file=sys.stdout,
            width=None if sys.stdout.isatty() else width,
            highlight=False,
            markup=False,
            emoji=False,
        )
        self.width = min(self._console.width, WIDTH_MAX)

    def title(self) -> None:
        """Says what this is."""
        self._console.print(Text(self._texts.say("title"), style="bold"), width=self.width)

    def section(self, key: str) -> None:
        """Begins a part."""
        self._console.print()
        self._console.print(Text(self._texts.say(key), style="bold cyan"), width=self.width)

    def note(self, key: str, **values: object) -> None:
        """Says a sentence."""
        self._console.print(Text(self._texts.say(key, **values)), width=self.width)

    def command(self, explained: str, lines: Sequence[str]) -> None:
        """Shows a command to copy, under what it does; its lines are never broken further."""
        self._console.print()
        self._console.print(Text(f"- {self._texts.say(explained)}:"), width=self.width)
        for line in lines:
            self._console.print(Text(line, style="bold"), soft_wrap=True)

    def staying(self) -> None:
        """Says how to end, and lets it be seen at once."""
        self._console.print()
        self.note("staying")
        self._console.file.flush()

    def issued(self, licenses: Sequence[Issued]) -> None:
        """Shows licenses with what is left and the firma that they got."""
        table = self._table(
            "=head_permit", "head_goods", "#head_granted", "#head_left", "head_firma"
        )
        for each in licenses:
            grant = each.grant
            permit = self._permit(grant)
            if grant.left is not None:
                permit.append(f"\n{self._texts.say('in_use')}", style="dim")
            table.add_row(
                permit,
                f"{self._texts.say(grant.goods)}\n{_tariff_code(grant)}",
                self._amount(grant.unit, grant.quantity, grant.value_usd),
                self._balance(each.answer.verdict.firma.movements[0].balance_after),
                self._answer(each.answer),
            )
        self._print(table)
        self.note("note_issue")

    def drawn(self, exercises: Sequence[Drawn]) -> None:
        """Shows exercises in order, with what each left, and what was wrong with the refused."""
        table = self._table(
            *("=", "=head_office", "=head_permit", "#head_drawn", "#head_left", "head_answer")
        )
        for number, each in enumerate(exercises, start=1):
            answer = self._answer(each.answer)
            if each.repeats:
                same = self._texts.say("same_bytes", number=f"2.{each.repeats}")
                answer.append(f"\n{same}", style="dim")
            table.add_row(f"2.{number}", *self._drawn(each), answer)
        self._print(table)
        for number, each in enumerate(exercises, start=1):
            if each.repeats:
                said = {"number": f"2.{number}", "repeated": f"2.{each.repeats}"}
                self.note("note_repeat", **said)
            self._findings(f"2.{number}", each)

    def forged(self, forgeries: Sequence[Forgery]) -> None:
        """Shows what was forged and how it was found out."""
        table = self._table("=head_permit", "head_forged", "head_answer", "head_message")
        for each in forgeries:
            quantity = self._quantity(each.grant.unit, each.grant.quantity)
            table.add_row(
                self._permit(each.grant),
                self._texts.say(each.how, quantity=quantity),
                self._answer(each.answer),
                "\n".join(self._messages(each.answer).values()),
            )
        self._print(table)
        self.note("note_forged")

    def corrected(self, corrected: Corrected) -> None:
        """Shows every mistake with what it said and what it says now."""
        table = self._table("head_finding", "head_message", "=head_declared", "=head_corrected")
        messages = self._messages(corrected.refused)
        for finding in corrected.refused.verdict.findings:
            field = finding.locator.field
            table.add_row(
                Text(finding.code, style=STYLES["error"]),
                messages[finding.code],
                self._stated(corrected.wrong, field),
                self._stated(corrected.right, field),
            )
        self._print(table)
        firma = corrected.accepted.verdict.firma
        self.note(
            "note_corrected",
            permit=self._permit(corrected.grant).plain.replace("\n", " "),
            code=firma.discharge_signature,
            left=self._balance(firma.movements[0].balance_after).replace("\n", ", "),
        )

    def streamed(self, streamed: Streamed) -> None:
        """Shows what was answered before a stream was cut, and how it went on."""
        table = self._table("=", "head_stream", "=head_permit", "#head_licenses")
        count = len(streamed.grants)
        rows = (
            ("stream_before", 0, streamed.before),
            ("stream_resent", count - streamed.resent, count),
            ("stream_after", count - streamed.after, count),
            ("stream_duplicates", 0, streamed.duplicates),
        )
        for number, (key, begin, end) in enumerate(rows, start=1):
            span = self._span(streamed.grants[begin:end])
            table.add_row(f"5.{number}", self._texts.say(key), span, f"{end - begin:,}")
        self._print(table)
        self.note("note_stream", count=f"{count:,}")

    def stopped(self, steps: Sequence[Drawn | Changed]) -> None:
        """Shows exercises of a license, and what its agency did to it between them."""
        table = self._table(
            *("=", "=head_who", "=head_permit", "#head_drawn", "#head_left", "head_answer")
        )
        for number, each in enumerate(steps, start=STREAM_ROWS + 1):
            if isinstance(each, Drawn):
                row = self._drawn(each)
            else:
                how = self._texts.say(each.how, agency=each.grant.agency)
                row = (how, self._permit(each.grant), "", "")
            table.add_row(f"5.{number}", *row, self._answer(each.answer))
        self._console.print()
        self._print(table)
        for number, each in enumerate(steps, start=STREAM_ROWS + 1):
            if isinstance(each, Drawn):
                self._findings(f"5.{number}", each)

    def fed(self, fed: Fed) -> None:
        """Shows the last movements of a feed, in the client's words."""
        table = self._table(
            *("#head_number", "=head_permit", "=head_movement", "#head_drawn", "#head_left"),
            "=head_caller",
        )
        for each in fed.movements:
            table.add_row(*self._movement(each))
        self._console.print()
        self._print(table)
        self.note("note_feed", count=f"{fed.count:,}", shown=len(fed.movements))

    def _movement(self, recorded: RecordedMovement) -> tuple[str, ...]:
        movement = recorded.movement
        name, balance = movement.license, movement.balance_after
        kind = enum_word(verdict_pb2.MovementKind.DESCRIPTOR, movement.kind).lower()
        taken, left = "", ""
        if movement.HasField("balance_after"):
            left = self._balance(balance)
            if movement.taken.quantity:
                figures = movement.taken.quantity, movement.taken.value_usd
                taken = self._amount(balance.unit, *figures)
        number = _grouped_number(recorded.position.declaration_number)
        return (
            str(movement.permit_seq),
            f"{name.agency} {name.permit_key}\n{name.permit_number}",
            text(f"movement.{kind}", "es" if self._texts.language == "es" else "en"),
            taken,
            left,
            f"{recorded.caller}\n{number}".strip(),
        )

    def _drawn(self, drawn: Drawn) -> tuple[str | Text, ...]:
        """Office with declaration, license, what was drawn, and what is left."""
        exercise = drawn.exercise
        office, number = exercise.office, _grouped_number(drawn.declaration_number)
        return (
            f"{office.name} ({office.code})\n{number}",
            self._permit(exercise.grant),
            self._amount(exercise.grant.unit, exercise.quantity, exercise.value_usd),
            self._balance(_balance_of(drawn.answer)),
        )

    def _span(self, grants: Sequence[Grant]) -> str:
        """The first and the last number; nothing when there is none."""
        if not grants:
            return ""
        return self._texts.say("span", first=grants[0].number, last=grants[-1].number)

    def _findings(self, number: str, drawn: Drawn) -> None:
        """The server's words for an exercise in one paragraph, and what is left of a refused."""
        said = [f"{code} {message}" for code, message in self._messages(drawn.answer).items()]
        if not said:
            return
        if outcome_of(drawn.answer.verdict) == "error":
            left = self._balance(_balance_of(drawn.answer)).replace("\n", ", ")
            said.append(self._texts.say("note_left", left=left))
        self._console.print(Text(f"{number}: {' '.join(said)}"), width=self.width)

    def _messages(self, answer: Answer) -> dict[str, str]:
        """The server's words for each code."""
        spanish = self._texts.language == "es"
        return {each.code: each.message_es if spanish else each.message_en for each in answer.texts}

    def _stated(self, document: dict[str, Any], field: str) -> str:
        """What a submission states in a field; a unit's key is followed by its name."""
        value = _value_at(document, field)
        return f"{value} ({self._texts.say(f'unit_{value}')})" if field.endswith("unit") else value

    def _answer(self, answer: Answer) -> Text:
        """FIRMA with its code, or ERROR with its codes."""
        verdict = answer.verdict
        outcome = outcome_of(verdict)
        shown = Text(self._texts.say(outcome), style=STYLES[outcome])
        codes = " ".join(sorted({each.code for each in verdict.findings}))
        if outcome == "error":
            shown.append(f"\n{codes}", style="bold")
            return shown
        acuse, firma = verdict.firma.acceptance_code, verdict.firma.discharge_signature
        code = self._texts.say("acceptance_code", code=acuse) if acuse else firma
        shown.append(f"\n{code}", style="default not bold")
        if codes:
            shown.append(f"\n{self._texts.say('warned', codes=codes)}", style="not bold yellow")
        return shown

    def _permit(self, grant: Grant) -> Text:
        return Text(f"{grant.agency} {grant.permit_key}\n{grant.number}")

    def _balance(self, balance: Balance) -> str:
        left: Amount = balance.available
        return self._amount(balance.unit, left.quantity, left.value_usd)

    def _amount(self, unit: int, quantity: str, value_usd: str) -> str:
        return f"{self._quantity(unit, quantity)}\n{_grouped(value_usd)} USD"

    def _quantity(self, unit: int, quantity: str) -> str:
        return f"{_grouped(quantity)} {self._texts.say(f'unit_{unit}')}"

    def _table(self, *heads: str) -> Table:
        """A table with these columns. `#` begins those of figures, `=` those never broken."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
        for head in heads:
            name = head.lstrip("#=")
            table.add_column(
                self._texts.say(name) if name else "",
                justify="right" if head.startswith("#") else "left",
                no_wrap=head != name,
            )
        return table

    def _print(self, table: Table) -> None:
        self._console.print(table, width=self.width)
        self._console.print()


def _balance_of(answer: Answer) -> Balance:
    """The balance after an exercise, or the one that refused it."""
    verdict = answer.verdict
    if outcome_of(verdict) == "firma":
        return verdict.firma.movements[0].balance_after
    return verdict.error.standings[0].balances[0]


def _tariff_code(grant: Grant) -> str:
    """As the tariff prints it: 7208.39.01 NICO 01."""
    code = grant.tariff_code
    return f"{code[:4]}.{code[4:6]}.{code[6:]} NICO {grant.nico}"


def _grouped_number(number: str) -> str:
    """A declaration's number as it is printed: year, aduana, broker license, serial."""
    return f"{number[:2]} {number[2:4]} {number[4:8]} {number[8:]}"


def _grouped(decimal: str) -> str:
    """A decimal with its thousands set apart, digit for digit."""
    whole, point, decimals = decimal.partition(".")
    return f"{int(whole):,}{point}{decimals}"


def _value_at(document: Any, path: str) -> Any:
    """What a document holds at a finding's path, such as `issue.lines[0].unit`."""
    value = document
    for step in PATH_STEP.findall(path):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value
