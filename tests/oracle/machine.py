"""Drives the real core on a real ledger file, and compares each step with the model.

A call is sent and resolved: resolving applies it to the model and compares the answer with what the
model says. Usually that is one step. While the test holds the ledger's lock calls only queue, and
all are resolved in order once it lets go: so the core decides several in one batch, and must answer
as if they had come one by one.
"""

from __future__ import annotations

import fcntl
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from descargo.v1 import license_pb2, validation_service_pb2, verdict_pb2
from descargo_server.refused import Refused
from tests.oracle.model import Change, License, Model, Pair, Statement
from tests.support import books, messages
from tests.support.engines import LiveEngine, open_engine
from tests.support.world import NOON

if TYPE_CHECKING:
    from datetime import date, timedelta
    from pathlib import Path
    from typing import IO

    from descargo.v1.declaration_pb2 import Declaration
    from descargo.v1.submission_service_pb2 import SubmitLicenseRequest
    from descargo.v1.validation_service_pb2 import ValidateLicenseRequest
    from tests.support.world import World

SCALE: Final = (Decimal(10) ** 5, Decimal(10) ** 2)
"""What one unit and one dollar are in the ledger's rows."""


@dataclass
class Call:
    """One request, and what the model needs to know of it."""

    caller: str
    key: str
    request: SubmitLicenseRequest | ValidateLicenseRequest
    submits: tuple[str, License] | None = None
    """License number and content of a submission."""
    changes: tuple[str, Change] | None = None
    """License number and what is changed."""
    states: Statement | None = None
    """The draw of an exercise."""
    also: frozenset[str] = frozenset()
    """Codes that the checks of the content find, which are not the model's matter."""
    forged: bool = False
    """Signed by somebody whom nobody trusts."""

    @property
    def declaration(self) -> Declaration:
        """What an exercise states."""
        assert isinstance(self.request, validation_service_pb2.ValidateLicenseRequest)
        return self.request.declaration

    @property
    def statement(self) -> Statement:
        """The draw of an exercise, for the model."""
        assert self.states is not None
        return self.states

    @property
    def content(self) -> bytes:
        """The request's bytes."""
        return self.request.SerializeToString(deterministic=True)


class Course:
    """One run of the core beside the model."""

    def __init__(self, world: World, folder: Path) -> None:
        """Opens the core on an empty folder."""
        self.world = world
        self.folder = folder
        self.model = Model()
        self.live: LiveEngine = open_engine(world, folder, clock=NOON)
        self.verdicts = 0
        self.latest = NOON
        """Latest instant that anything was decided at."""
        self._held: IO[bytes] | None = None
        self._queued: list[tuple[Call, int]] = []
        key = load_pem_public_key((world.root / "receipt.pub.pem").read_bytes())
        assert isinstance(key, EllipticCurvePublicKey)
        self._receipt_key = key

    def close(self) -> None:
        """Answers what waits, and closes the core."""
        self.let_go()
        self.live.core.close()

    def restart(self) -> None:
        """Closes and opens again on the same file. The clock stays."""
        self.live.core.close()
        self.live = open_engine(self.world, self.folder, clock=None)

    def move(self, by: timedelta) -> None:
        """Moves the test clock."""
        self.live.clock.move(by)

    @property
    def is_held(self) -> bool:
        """Whether calls only queue now."""
        return self._held is not None

    def hold(self) -> None:
        """Takes the lock that processes on one ledger share, so that the writer waits."""
        self._held = self.live.ledger.with_name(f"{self.live.ledger.name}.lock").open("ab")
        fcntl.flock(self._held, fcntl.LOCK_EX)

    def let_go(self) -> None:
        """Lets the writer go on, and resolves what queued."""
        if self._held is not None:
            self._held.close()
            self._held = None
        queued, self._queued = self._queued, []
        for call, ticket in queued:
            self._resolve(call, ticket)

    def today(self) -> date:
        """The day in Mexico City on which the next decision is made: time never goes back."""
        return messages.mexico_day(max(self.latest, self.live.clock.now()))

    def ask(self, call: Call) -> None:
        """Sends a call; resolves it too, unless the ledger is held."""
        caller, content = self.world.caller(call.caller), call.content
        if call.states is None:
            ticket = self.live.core.submit_license(caller, content, None)
        else:
            ticket = self.live.core.validate_license(caller, content, None)
        if self.is_held:
            self._queued.append((call, ticket))
        else:
            self._resolve(call, ticket)

    def preview(self, declaration: Declaration, caller: str) -> verdict_pb2.Verdict:
        """What CheckLicense tells."""
        request = messages.check_request(declaration)
        response = self.live.check(self.world.caller(caller), request)
        return validation_service_pb2.CheckLicenseResponse.FromString(response).answer.verdict

    def verdict_of(self, call: Call) -> verdict_pb2.Verdict:
        """The verdict that a resolved call got."""
        _, response = self.model.requests[call.caller, call.key]
        return _verdict(response)

    # What the model says, and whether the core said the same.

    def _resolve(self, call: Call, ticket: int) -> None:
        known = self.model.requests.get((call.caller, call.key))
        if known is not None and known[0] != call.content:
            try:
                self.live.answer(ticket)
            except Refused as refused:
                assert refused.reason == "REQUEST_ID_REUSED"  # noqa: PT017 - else below
                return
            raise AssertionError("other content under a used key was answered")
        response = self.live.answer(ticket)
        if known is not None:
            assert response == known[1], "a replay has other bytes"
            return
        if call.submits is not None:
            self._submitted(call, *call.submits, response)
        elif call.changes is not None:
            self._changed(*call.changes, response)
        elif call.states is not None:
            self._exercised(call.states, response)
        self.model.requests[call.caller, call.key] = (call.content, response)

    def _submitted(self, call: Call, number: str, license_: License, response: bytes) -> None:
        known = self.model.licenses.get(number)
        if call.forged:
            codes = self._refusal_codes(response)
            assert any(code.startswith("F") for code in codes), "a forged signature passed"
            # The accepted change is no other license, whoever repeats it.
            is_other = known is not None and known.change != license_.change
            assert ("N401" in codes) == is_other
            return
        if call.also and known is None:
            self._refused(response, call.also)
            return
        expected = self.model.submit(number, license_)
        if isinstance(expected, bytes):
            assert response == expected, "the accepted change, signed again, has another answer"
        elif expected:
            self._refused(response, expected | call.also)
        else:
            firma = self._firma(response)
            assert len(firma.discharge_signature) == 8
            assert [step.permit_seq for step in firma.movements] == list(
                range(1, len(license_.lines) + 1)
            )
            license_.answer = response

    def _changed(self, number: str, said: Change, response: bytes) -> None:
        expected = self.model.change(number, said, self.today())
        if isinstance(expected, bytes):
            assert response == expected, "the accepted change, signed again, has another answer"
        elif expected:
            self._refused(response, expected)
        else:
            license_ = self.model.licenses[number]
            before = license_.permit_seq
            firma = self._firma(response)
            self.model.make(number, said, response)
            assert firma.discharge_signature == _verdict(license_.answer).firma.discharge_signature
            steps = [step.permit_seq for step in firma.movements]
            assert steps == list(range(before + 1, license_.permit_seq + 1))
            assert {step.version for step in firma.movements} == {license_.version}

    def _exercised(self, said: Statement, response: bytes) -> None:
        today = self.today()
        expected = self.model.judge(said, today)
        if isinstance(expected, bytes):
            assert response == expected, "a draw stated again has another answer"
            return
        if expected:
            self._refused(response, expected)
            return
        self.model.draw(said)
        self.model.draws[said.draw] = (said.content, response)
        firma = self._firma(response)
        license_ = self.model.licenses[said.license]
        (step,) = firma.movements
        line = license_.lines[said.license_line]
        assert len(firma.acceptance_code) == 8
        assert step.permit_seq == license_.permit_seq
        assert step.license_line_no == said.license_line
        assert pair(step.taken) == said.taken
        assert pair(step.balance_after.available) == tuple(line.left)
        assert pair(step.balance_after.exercised) == tuple(line.exercised)

    def _refused(self, response: bytes, expected: set[str] | frozenset[str]) -> None:
        assert self._refusal_codes(response) == expected

    def _refusal_codes(self, response: bytes) -> set[str]:
        verdict = self._new(response)
        assert verdict.HasField("error"), "the model refuses, the core gave a firma"
        return {finding.code for finding in verdict.findings if finding.code[0] != "W"}

    def _firma(self, response: bytes) -> verdict_pb2.Firma:
        verdict = self._new(response)
        codes = [finding.code for finding in verdict.findings]
        assert verdict.HasField("firma"), f"the model allows, the core refused: {codes}"
        assert all(code.startswith("W") for code in codes)
        return verdict.firma

    def _new(self, response: bytes) -> verdict_pb2.Verdict:
        """A verdict that was not given before: its number, its time and its receipt are right."""
        self.verdicts += 1
        answer = validation_service_pb2.ValidateLicenseResponse.FromString(response).answer
        decided_at = max(self.latest, self.live.clock.now())
        assert answer.verdict.decided_at.ToDatetime(NOON.tzinfo) == decided_at
        self.latest = decided_at
        assert answer.revision.endswith(f".{self.verdicts}")
        receipt = answer.receipt
        self._receipt_key.verify(receipt.signature, receipt.payload, ECDSA(SHA256()))
        assert receipt.payload == answer.verdict.SerializeToString(deterministic=True)
        return answer.verdict

    # What must hold after every step.

    def check(self) -> None:
        """The ledger's rows add up, by themselves and with the model."""
        rows = books.audited_balances(self.live.ledger)
        if self.is_held:
            return
        lines = {
            (number, line_no): (license_, line)
            for number, license_ in self.model.licenses.items()
            for line_no, line in license_.lines.items()
        }
        assert rows.keys() == lines.keys()
        for place, (license_, line) in lines.items():
            row = rows[place]
            for dimension, name in enumerate(books.DIMENSIONS):
                granted, left = line.granted[dimension], line.left[dimension]
                assert row[f"authorized_{name}"] == _scaled(granted, dimension)
                assert row[f"available_{name}"] == _scaled(left, dimension)
                assert row[f"reserved_{name}"] == 0
                assert row[f"exercised_{name}"] == _scaled(line.exercised[dimension], dimension)
            assert row["permit_seq"] == license_.permit_seq
            assert row["version"] == license_.version
            assert row["status"] == _status(license_)
        assert self.live.core.revision().endswith(f".{self.verdicts}")

    def check_outcomes(self) -> None:
        """Every request of the past is still answered with the same bytes."""
        for (caller, key), (_, response) in self.model.requests.items():
            request = messages.outcome_request(key)
            assert self.live.outcome(self.world.caller(caller), request) == response
            with suppress(Refused):
                self.live.outcome(self.world.caller("auditor"), request)
                raise AssertionError("another's outcome was told")


def _verdict(response: bytes) -> verdict_pb2.Verdict:
    return validation_service_pb2.ValidateLicenseResponse.FromString(response).answer.verdict


def pair(amount: license_pb2.Amount) -> Pair:
    """An amount, as the model has it."""
    return (
        Decimal(amount.quantity) if amount.HasField("quantity") else None,
        Decimal(amount.value_usd) if amount.HasField("value_usd") else None,
    )


def _scaled(value: Decimal | None, dimension: int) -> int | None:
    return None if value is None else int(value * SCALE[dimension])


def _status(license_: License) -> int:
    if license_.is_withdrawn:
        return license_pb2.LICENSE_STATUS_REVOKED
    if not license_.notified:
        return license_pb2.LICENSE_STATUS_AWAITING_NOTIFICATION
    if all(0 in line.left for line in license_.lines.values()):
        return license_pb2.LICENSE_STATUS_EXHAUSTED
    return license_pb2.LICENSE_STATUS_ACTIVE
