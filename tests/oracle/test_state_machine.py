"""Submitting, exercising, repeating, contradicting and restarting, in any order, as the model says.

`HYPOTHESIS_PROFILE=long` looks much further than `make test` does.
"""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from functools import partial
from typing import TYPE_CHECKING, Final

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from descargo.v1 import submission_pb2, submission_service_pb2
from tests.oracle.machine import Call, Course, pair
from tests.oracle.model import Change, License, Line, Statement
from tests.support import changes, messages
from tests.support.world import LANE, SAME_OFFICE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest
    from google.protobuf.message import Message

    from descargo.v1 import license_pb2
    from descargo.v1.declaration_pb2 import Declaration
    from tests.oracle.model import Pair
    from tests.support.world import World

COUNTRY_OF_LINE: Final = {1: "USA", 2: "DEU"}
"""Each license line covers one country, so a declaration's country chooses the line."""
STEP: Final = (Decimal("0.00001"), Decimal("0.01"))
LAST_INSTANT: Final = datetime(2029, 6, 1, tzinfo=UTC)
LINE_MAX: Final = ("92233720368547.75807", "92233720368547758.07")

# The large ones are not exact as floats.
Limits = list[tuple[str | None, str | None]]
"""Quantity and value that each license line limits."""

# The large ones are not exact as floats.
quantities = st.sampled_from([None, "1000", "3", "0.00003", "90071992547409.93001"])
values = st.sampled_from([None, None, "500", "0.02", "90071992547409931.01"])
limits = st.tuples(quantities, values).filter(any)
shares = st.sampled_from(["least", "half", "all", "more", "zero", "absent"])
manners = st.sampled_from(["same", "same", "content", "version", "forged", "forged content"])
lanes = st.sampled_from([LANE, SAME_OFFICE])


def part_of(whole: Decimal | None, share: str, step: Decimal) -> Decimal | None:
    """A share of what is left, in whole steps; of a dimension without limit some amount or none."""
    if share == "absent" or (whole is None and share == "least"):
        return None
    whole = Decimal(5) if whole is None else whole
    half = (whole / 2).quantize(step, ROUND_DOWN)
    return {
        "least": step, "half": half, "all": whole, "more": whole + step, "zero": Decimal(0)
    }[share]  # fmt: skip


def license_of(submission: submission_pb2.Submission) -> License:
    """What the model is told of a submission."""
    content = content_of(submission)
    unsigned = messages.copy_of(submission)
    unsigned.ClearField("signed_at")
    left = {each.line_no: pair(each.left) for each in submission.onboarding.remainders}
    return License(
        change=unsigned.SerializeToString(deterministic=True),
        first_day=date.fromisoformat(content.valid_from),
        last_day=date.fromisoformat(content.valid_to),
        notified=content.HasField("notified_at"),
        lines={
            line.line_no: opened(pair(line.authorized), left.get(line.line_no))
            for line in content.lines
        },
    )


def opened(granted: Pair, left: Pair | None) -> Line:
    """A balance on its first day: what is not left counts as exercised."""
    left = granted if left is None else left
    used = [
        Decimal(0) if all_ is None or rest is None else all_ - rest
        for all_, rest in zip(granted, left, strict=True)
    ]
    return Line(granted, list(left), used)


def content_of(submission: submission_pb2.Submission) -> license_pb2.License:
    """The license in a submission, to read or to change."""
    if submission.WhichOneof("change") == "issue":
        return submission.issue
    return submission.onboarding.license


def discharge_signature(response: bytes) -> str:
    """The firma de descargo in an answer."""
    answer = submission_service_pb2.SubmitLicenseResponse.FromString(response).answer
    signature: str = answer.verdict.firma.discharge_signature
    return signature


def text(value: Decimal | None) -> str | None:
    """A decimal as the contract writes it."""
    return None if value is None else format(value.normalize(), "f")


Nothing = MultipleResults[Call]
"""What a rule returns that adds nothing to its bundle."""


class Validator(RuleBasedStateMachine):
    """What agencies and lanes may do, in any order."""

    numbers = Bundle("numbers")
    drawn = Bundle("drawn")
    asked = Bundle("asked")

    def __init__(self, world: World, folders: Iterator[Path]) -> None:
        """Begins with an empty ledger."""
        super().__init__()
        self.course = Course(world, next(folders))
        self.submissions: dict[str, submission_pb2.Submission] = {}
        self.made: list[tuple[str, submission_pb2.Submission, Change]] = []
        self.serials = itertools.count(1)
        self.keys = map(messages.request_id, itertools.count(1))

    def teardown(self) -> None:
        """The last look: everything that was ever answered is still there, after a restart too."""
        try:
            self.course.let_go()
            self.course.restart()
            self.course.check()
            self.course.check_outcomes()
        finally:
            self.course.close()

    # Agencies

    @initialize(target=numbers, limit=limits)
    def first_license(self, limit: tuple[str | None, str | None]) -> str:
        """There is one license from the beginning, or most runs would only find none."""
        return self._submit([limit], notified=True, days=60, left="all")

    @rule(
        target=numbers,
        limits_of=st.lists(limits, min_size=1, max_size=2),
        notified=st.sampled_from([True, True, True, False]),
        days=st.sampled_from([1, 60]),
        left=st.sampled_from(["all", "all", "half", "zero"]),
    )
    def submit(self, limits_of: Limits, notified: bool, days: int, left: str) -> str:
        """A new license; what is `left` of one that was in use is less than all."""
        return self._submit(limits_of, notified=notified, days=days, left=left)

    @rule(number=numbers, how=manners)
    def submit_again(self, number: str, how: str) -> None:
        """The same change signed again, or another one under the same number."""
        again = messages.copy_of(self.submissions[number])
        # Some time later, so that the signed bytes differ.
        again.signed_at.FromDatetime(self._instant() + timedelta(seconds=7))
        also = set()
        if how in {"content", "forged content"}:
            content_of(again).legal_basis = "another basis"
        if how == "version":
            again.version = 2
            also.add("E305")
        day = messages.mexico_day(again.signed_at.ToDatetime(UTC)).isoformat()
        if again.WhichOneof("change") == "issue" and again.issue.valid_from < day:
            also.add("N407")
        self._ask_to_submit(number, again, also=frozenset(also), forged=how.startswith("forged"))

    @rule(
        number=numbers,
        kind=st.sampled_from(["suspension", "suspension", "reinstatement", "revocation"]),
        lines=st.sampled_from([set(), {1}, {2}]),
        skip=st.sampled_from([0, 0, 0, 0, 1, -1]),
    )
    def stop(self, number: str, kind: str, lines: set[int], skip: int) -> None:
        """Stops lines, or ends the newest suspension; now and then under a wrong version."""
        license_ = self.course.model.licenses.get(number)
        if license_ is None:
            return
        every = set(license_.lines)
        stopped = lines & every or every
        ends = max(license_.suspended, default=1)
        arm: Message = changes.end_of(ends)
        if kind != "reinstatement":
            arm = changes.stop(() if stopped == every else stopped)
        self._ask_to_change(number, kind, arm, skip=skip, lines=stopped, ends=ends)

    @precondition(lambda self: not self.course.is_held)
    @rule(number=numbers, most=st.sampled_from(["least", "less", "more"]))
    def amend(self, number: str, most: str) -> None:
        """Grants what was exercised already, a cent less, or five dollars more."""
        license_ = self.course.model.licenses[number]
        content = messages.copy_of(content_of(self.submissions[number]))
        if license_.notified:
            content.notified_at.FromDatetime(self._notified_at(number))
        by = {"least": Decimal(0), "less": -STEP[1], "more": Decimal(5)}[most]
        values: dict[int, Decimal | None] = {}
        for line in content.lines:
            held = license_.lines[line.line_no]
            if held.granted[1] is not None:
                value = held.exercised[1] + by
                line.authorized.value_usd = text(value if value > 0 else Decimal(1)) or ""
            values[line.line_no] = pair(line.authorized)[1]
        self._ask_to_change(number, "amendment", content, values=values)

    @rule(number=numbers)
    def notify(self, number: str) -> None:
        """The holder signs for the license."""
        self._ask_to_change(number, "notification", changes.stamp(self._notified_at(number)))

    @precondition(lambda self: self.made)
    @rule(which=st.integers(0, 1_000))
    def change_again(self, which: int) -> None:
        """A change that was stated before, accepted or not, signed again later."""
        number, submission, said = self.made[which % len(self.made)]
        again = messages.copy_of(submission)
        again.signed_at.FromDatetime(self._instant())
        self._send_change(number, again, said)

    @rule(limit=limits)
    def submit_wrong(self, limit: tuple[str | None, str | None]) -> None:
        """A license that ends before it begins: refused, and nothing is issued."""
        number = f"SE-{next(self.serials):06}"
        submission = self._new_submission(number, [limit], notified=True, days=-1)
        self._ask_to_submit(number, submission, also=frozenset({"E301"}))

    # Lanes

    @rule(
        target=asked,
        number=numbers,
        lane=lanes,
        share=st.tuples(shares, shares),
        line=st.sampled_from([1, 1, 2]),
        look_first=st.booleans(),
    )
    def exercise(
        self, number: str, lane: str, share: tuple[str, str], line: int, look_first: bool
    ) -> Call | Nothing:
        """A fresh declaration draws about what is left."""
        call = self._exercise(number, lane, share, line, look_first=look_first)
        return call or multiple()

    @rule(target=drawn, number=numbers, lane=lanes, line=st.sampled_from([1, 2]))
    def exercise_little(self, number: str, lane: str, line: int) -> Call | Nothing:
        """The least that can be drawn of all that is limited: mostly a firma."""
        return self._exercise(number, lane, ("least", "least"), line) or multiple()

    @rule(target=asked, call=drawn, lane=lanes)
    def state_again(self, call: Call, lane: str) -> Call:
        """The same draw under a fresh key, perhaps from the second lane of the office."""
        return self._state(call.declaration, lane, call.statement.license_line)

    @rule(target=asked, call=drawn, lane=lanes, more=st.booleans())
    def state_otherwise(self, call: Call, lane: str, more: bool) -> Call:
        """Another amount, or another value of the goods, for a draw that may be made."""
        declaration = messages.copy_of(call.declaration)
        line = declaration.lines[0]
        if more:
            amount = line.draws[0].amount
            amount.quantity = text(Decimal(amount.quantity or "0") + 1) or ""
        else:
            line.value_usd = "92233720368547758.06"
        return self._state(declaration, lane, call.statement.license_line)

    @rule(target=asked, call=drawn, number=numbers, line_no=st.sampled_from([1, 2]))
    def second_draw(self, call: Call, number: str, line_no: int) -> Call | Nothing:
        """Another line of a declaration that has drawn, or another license for its line."""
        position = (call.declaration.declaration_number, line_no)
        return self._exercise(number, LANE, ("least", "half"), 1, position=position) or multiple()

    # Both

    @rule(call=st.one_of(asked, drawn))
    def replay(self, call: Call) -> None:
        """The same request again."""
        self.course.ask(call)

    @rule(call=st.one_of(asked, drawn))
    def reuse_key(self, call: Call) -> None:
        """Other content under a key that was used."""
        declaration = messages.copy_of(call.declaration)
        declaration.lines[0].value_usd = "92233720368547758.05"
        request = messages.validate_request(declaration, call.key)
        self.course.ask(Call(call.caller, call.key, request, states=call.states))

    # The validator itself

    @precondition(lambda self: not self.course.is_held)
    @rule()
    def restart(self) -> None:
        """The process ends in order and starts again."""
        self.course.restart()

    @precondition(lambda self: not self.course.is_held)
    @rule(hours=st.sampled_from([1, 23, 24 * 4, 24 * 61, -1, -24 * 5]))
    def move_clock(self, hours: int) -> None:
        """Time goes on, sometimes past a last day; or somebody sets the clock back."""
        moved = self.course.live.clock.now() + timedelta(hours=hours)
        # Later the signers' certificates end, which is another test's matter.
        self.course.live.clock.set(min(moved, LAST_INSTANT))

    @precondition(lambda self: not self.course.is_held)
    @rule()
    def hold(self) -> None:
        """From now on calls queue."""
        self.course.hold()

    @precondition(lambda self: self.course.is_held)
    @rule()
    def let_go(self) -> None:
        """All that queued is decided, in few batches."""
        self.course.let_go()

    @rule()
    def ask_outcomes(self) -> None:
        """GetOutcome for every request so far."""
        self.course.check_outcomes()

    @invariant()
    def books_are_right(self) -> None:
        """After every step."""
        self.course.check()

    # How the above is said

    def _instant(self) -> datetime:
        """When the next decision is made."""
        return max(self.course.latest, self.course.live.clock.now())

    def _submit(self, limits_of: Limits, *, notified: bool, days: int, left: str) -> str:
        number = f"SE-{next(self.serials):06}"
        submission = self._new_submission(number, limits_of, notified=notified, days=days)
        if left != "all":
            rest = {
                line.line_no: messages.amount(
                    *(
                        None if limit is None else text(part_of(limit, left, step))
                        for limit, step in zip(pair(line.authorized), STEP, strict=True)
                    )
                )
                for line in submission.issue.lines
            }
            submission = messages.onboarding_submission(
                number, left=rest, content=submission.issue, signed_at=self._instant()
            )
        self.submissions[number] = submission
        self._ask_to_submit(number, submission)
        return number

    def _new_submission(
        self, number: str, limits_of: Limits, *, notified: bool, days: int
    ) -> submission_pb2.Submission:
        signed_at = self._instant()
        content = messages.license_content(
            signed_at=signed_at,
            notified=notified,
            valid_to=messages.mexico_day(signed_at + timedelta(days=days)).isoformat(),
            lines=[
                messages.license_line(
                    line_no=line_no,
                    quantity=quantity,
                    value_usd=value_usd,
                    countries=[COUNTRY_OF_LINE[line_no]],
                )
                for line_no, (quantity, value_usd) in enumerate(limits_of, start=1)
            ],
        )
        return messages.license_submission(number, signed_at=signed_at, content=content)

    def _ask_to_submit(
        self,
        number: str,
        submission: submission_pb2.Submission,
        *,
        also: frozenset[str] = frozenset(),
        forged: bool = False,
    ) -> None:
        envelope = self.course.world.sign(submission, "forger" if forged else "se")
        key = next(self.keys)
        request = messages.submit_request(envelope, key)
        told = license_of(submission)
        self.course.ask(Call("se", key, request, submits=(number, told), also=also, forged=forged))

    def _notified_at(self, number: str) -> datetime:
        """When the license was issued: no license of these is notified at another time."""
        return self.submissions[number].signed_at.ToDatetime(UTC)

    def _ask_to_change(
        self,
        number: str,
        kind: str,
        arm: Message,
        *,
        skip: int = 0,
        lines: set[int] | None = None,
        ends: int = 0,
        values: dict[int, Decimal | None] | None = None,
    ) -> None:
        license_ = self.course.model.licenses.get(number)
        version = max(1, (license_.version if license_ else 1) + 1 + skip)
        submission = changes.change(number, version, signed_at=self._instant(), **{kind: arm})
        unsigned = messages.copy_of(submission)
        unsigned.ClearField("signed_at")
        content = unsigned.SerializeToString(deterministic=True)
        said = Change(kind, version, content, lines or set(), ends, values or {})
        self.made.append((number, submission, said))
        self._send_change(number, submission, said)

    def _send_change(
        self, number: str, submission: submission_pb2.Submission, said: Change
    ) -> None:
        key = next(self.keys)
        request = messages.submit_request(self.course.world.sign(submission), key)
        self.course.ask(Call("se", key, request, changes=(number, said)))

    def _exercise(
        self,
        number: str,
        lane: str,
        share: tuple[str, str],
        line: int,
        *,
        look_first: bool = False,
        position: tuple[str, int] | None = None,
    ) -> Call | None:
        """Asks for a draw; None while the license's firma is not known yet."""
        license_ = self.course.model.licenses.get(number)
        if license_ is None:
            return None
        line = line if line in license_.lines else 1
        left = license_.lines[line].left
        taken = [part_of(*each) for each in zip(left, share, STEP, strict=True)]
        declared, line_no = position or (messages.declaration_number(next(self.serials)), 1)
        declaration = messages.declaration(
            messages.license_id(number),
            discharge_signature(license_.answer),
            number=declared,
            line_no=line_no,
            quantity=text(taken[0]),
            value_usd=text(taken[1]),
            line_quantity=LINE_MAX[0],
            line_value_usd=LINE_MAX[1],
            country=COUNTRY_OF_LINE[line],
        )
        look_first = look_first and not self.course.is_held
        told = self.course.preview(declaration, lane) if look_first else None
        call = self._state(declaration, lane, line)
        if told is not None:
            verdict = self.course.verdict_of(call)
            assert told.findings == verdict.findings
            assert told.error == verdict.error
            assert told.preview.movements == verdict.firma.movements
        return call

    def _state(self, declaration: Declaration, lane: str, license_line: int) -> Call:
        line = declaration.lines[0]
        draw = line.draws[0]
        said = Statement(
            license=draw.license.permit_number,
            declaration=declaration.declaration_number,
            line_no=line.line_no,
            license_line=license_line,
            taken=pair(draw.amount),
            content=declaration.SerializeToString(deterministic=True),
        )
        key = next(self.keys)
        call = Call(lane, key, messages.validate_request(declaration, key), states=said)
        self.course.ask(call)
        return call


def test_core_agrees_with_the_model_in_any_order(
    world: World, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folders = (tmp_path_factory.mktemp("course") for _ in itertools.count())
    run_state_machine_as_test(
        # A machine with arguments is made by a function, which the annotation does not foresee.
        partial(Validator, world, folders),  # type: ignore[arg-type]
        settings=settings(
            max_examples=settings().max_examples * 7 // 10,
            suppress_health_check=list(HealthCheck),
        ),
    )
