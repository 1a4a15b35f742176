"""What happens in the demo, step by step; each step insists on the answer that it expects.

A step asks the server and returns what there is to show. An answer other than the expected one
raises StepFailed, since a demo that goes on would show something else than what its words say.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from descargo.v1 import license_pb2
from descargo_client.documents import outcome_of
from descargo_client.faults import RequestRefused
from descargo_server.demo.cast import declaration_of
from descargo_server.demo.exercises import NUEVO_LAREDO, TIJUANA, Exercise, declaration_document
from descargo_server.demo.grants import Grant, Grants, Start, mistaken, submission_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from descargo.v1.verdict_pb2 import Answer
    from descargo_server.demo.cast import Cast

__all__ = ["Corrected", "Drawn", "Forgery", "Issued", "StepFailed", "Story", "expect"]

WRONG_CODES: Final = ("C205", "C207", "E301", "E304", "S105")


class StepFailed(Exception):  # noqa: N818 - it says what happened
    """A step got another answer than the one that it expects."""

    def __init__(self, step: str, subject: str, expected: str, got: str) -> None:
        """Keeps the step's key and subject, and both answers in short."""
        super().__init__(step)
        self.step = step
        self.subject = subject
        self.expected = expected
        self.got = got


@dataclass(frozen=True, slots=True)
class Issued:
    """A license that was submitted, with its answer."""

    grant: Grant
    answer: Answer


@dataclass(frozen=True, slots=True)
class Drawn:
    """An exercise, with its answer."""

    exercise: Exercise
    declaration_number: str
    request_id: str
    answer: Answer
    repeats: int = 0
    """Number of the exercise that this one repeats; 0 when it is new."""


@dataclass(frozen=True, slots=True)
class Forgery:
    """A forged submission, with its answer."""

    how: str
    """Key of the text that says what was forged."""
    grant: Grant
    answer: Answer


@dataclass(frozen=True, slots=True)
class Corrected:
    """A submission with mistakes, the answer to it, and the answer to the corrected one."""

    grant: Grant
    wrong: dict[str, Any]
    right: dict[str, Any]
    refused: Answer
    accepted: Answer


@dataclass
class Story:
    """The steps, and what they leave for the steps after them."""

    cast: Cast
    start: Start
    grants: Grants
    firmas: dict[str, str] = field(default_factory=dict)
    """Discharge signatures by the number of the license."""
    answers: list[tuple[str, Sequence[Answer]]] = field(default_factory=list)
    """Every answer under a short name, in order; those to a stream are together."""

    def keep(self, name: str, *answers: Answer) -> None:
        """Keeps what was answered; whatever is kept is proved in the end."""
        self.answers.append((name, answers))

    def every_answer(self) -> list[Answer]:
        """Every answer, in order."""
        return [answer for _, together in self.answers for answer in together]

    def issue_licenses(self) -> list[Issued]:
        """Three agencies submit; one license is already in use and brings its remainder."""
        opening = (self.grants.steel, self.grants.wood, self.grants.rifles)
        return [self._issue(each) for each in opening]

    def exercise_licenses(self) -> list[Drawn]:
        """Both lanes draw on one license until nothing is left; the others are drawn on once."""
        steel, wood, rifles = self.grants.steel, self.grants.wood, self.grants.rifles
        first = Exercise(NUEVO_LAREDO, steel, 1, "60000", "48000")
        drawn = [self.exercise(first)]
        drawn.append(self._repeat(drawn[0]))
        further: tuple[tuple[Exercise, Sequence[str]], ...] = (
            (Exercise(TIJUANA, steel, 1, "30000", "24000"), ()),
            (Exercise(TIJUANA, wood, 2, "80", "20000"), ()),
            (Exercise(NUEVO_LAREDO, rifles, 2, "20", "10000"), ()),
            (Exercise(NUEVO_LAREDO, steel, 3, "15000", "12000"), ("N424", "N425")),
            (Exercise(NUEVO_LAREDO, steel, 3, "10000", "8000"), ("W811",)),
            (Exercise(TIJUANA, steel, 3, "1000", "800"), ("N421",)),
        )
        return drawn + [self.exercise(each, codes) for each, codes in further]

    def forge_licenses(self) -> list[Forgery]:
        """Two forgeries come in over the agency's own connection, and leave no license behind."""
        forged = self.cast.payload(submission_document(self.grants.forged, self.start))
        strange = self.cast.sealed(forged, "forger")
        honest = self.cast.payload(submission_document(self.grants.altered, self.start))
        altered = self.cast.sealed(honest, self.grants.altered.signer)
        # One byte longer or shorter would be found by any parser; a figure of the same length is
        # found by the signature alone.
        altered.payload = honest.replace(b"50000", b"99000", 1)
        forgeries = []
        for how, grant, envelope, code in (
            ("forged_stranger", self.grants.forged, strange, "F503"),
            ("forged_payload", self.grants.altered, altered, "F501"),
        ):
            answer = self.cast.agency(grant.signer).submit(envelope)
            expect("step_forge", grant.number, answer, "error", (code,))
            self._expect_unknown(grant)
            self.keep("forged", answer)
            forgeries.append(Forgery(how, grant, answer))
        return forgeries

    def correct_license(self) -> Corrected:
        """A submission with several mistakes gets all of them; corrected, it gets its firma."""
        grant = self.grants.corrected
        right = submission_document(grant, self.start)
        wrong = mistaken(right, self.start)
        agency = self.cast.agency(grant.signer)
        refused = agency.submit(self.cast.sealed(self.cast.payload(wrong), grant.signer))
        expect("step_mistakes", grant.number, refused, "error", WRONG_CODES)
        self.keep("mistakes", refused)
        return Corrected(grant, wrong, right, refused, self._issue(grant).answer)

    def exercise(self, exercise: Exercise, codes: Sequence[str] = ()) -> Drawn:
        """A lane exercises a license; the answer must have these findings."""
        number = exercise.declaration_number(self.start.day)
        firma = self.firmas[exercise.grant.number]
        document = declaration_document(exercise, firma, self.start.day)
        request_id = str(uuid.uuid4())
        lane = self.cast.lane(exercise.office.lane)
        answer = lane.validate(declaration_of(document), request_id)
        # Warnings never refuse: a firma carries them.
        outcome = "firma" if all(code.startswith("W") for code in codes) else "error"
        expect("step_exercise", number, answer, outcome, codes)
        self.keep("exercise", answer)
        return Drawn(exercise, number, request_id, answer)

    def _issue(self, grant: Grant) -> Issued:
        payload = self.cast.payload(submission_document(grant, self.start))
        answer = self.cast.agency(grant.signer).submit(self.cast.sealed(payload, grant.signer))
        expect("step_issue", grant.number, answer, "firma", ())
        self.firmas[grant.number] = answer.verdict.firma.discharge_signature
        self.keep("license", answer)
        return Issued(grant, answer)

    def _repeat(self, drawn: Drawn) -> Drawn:
        exercise = drawn.exercise
        firma = self.firmas[exercise.grant.number]
        document = declaration_document(exercise, firma, self.start.day)
        lane = self.cast.lane(exercise.office.lane)
        answer = lane.validate(declaration_of(document), drawn.request_id)
        first, again = (each.SerializeToString() for each in (drawn.answer, answer))
        if first != again:
            raise StepFailed("step_repeat", drawn.declaration_number, "=", "!=")
        return Drawn(exercise, drawn.declaration_number, drawn.request_id, answer, repeats=1)

    def _expect_unknown(self, grant: Grant) -> None:
        """The forged license must not exist, whoever asks for it."""
        name = license_pb2.LicenseId(
            agency=grant.agency, permit_key=grant.permit_key, permit_number=grant.number
        )
        try:
            self.cast.agency(grant.signer).license(name)
        except RequestRefused as refused:
            if refused.reason == "LICENSE_UNKNOWN":
                return
            raise
        raise StepFailed("step_forge", grant.number, "LICENSE_UNKNOWN", "OK")


def expect(step: str, subject: str, answer: Answer, outcome: str, codes: Sequence[str]) -> None:
    """Raises StepFailed unless outcome and findings, warnings included, are the expected ones."""
    found = sorted({each.code for each in answer.verdict.findings})
    got = " ".join([outcome_of(answer.verdict), *found])
    expected = " ".join([outcome, *sorted(codes)])
    if got != expected:
        raise StepFailed(step, subject, expected, got)
