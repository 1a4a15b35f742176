"""Why a call or a file gave no answer, as typed errors.

None of these is a verdict: firma and error are answers, and answers are values. Each class has the
exit code that the command line ends with, and says itself in Spanish or English from the catalogue.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from descargo_client.texts import Language, text


class ClientError(Exception):
    """The base of what the client raises: a key of the catalogue and its values."""

    exit_code: ClassVar[int] = 2

    def __init__(self, key: str, **values: object) -> None:
        """Keeps the key of the text and the values that it speaks of."""
        super().__init__(key)
        self.key = key
        self.values = values

    def text(self, language: Language) -> str:
        """Says what is wrong and how to mend it."""
        return text(self.key, language, **self.values)

    def __str__(self) -> str:
        """Says it in English, for logs and tracebacks."""
        return self.text("en")


class BadInput(ClientError):  # noqa: N818 - the name says what it is
    """A file, an option or a key that cannot be used; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file, with its place."""

    key: str
    """Key of the text in the catalogue."""
    values: tuple[tuple[str, str], ...] = ()
    """What the text speaks of."""
    line: int = 0
    """Line of the file, from 1; 0 when it is the whole file."""
    field: str = ""
    """Column, or path from the object, such as `issue.lines[0].unit`."""

    def text(self, language: Language) -> str:
        """Says what is wrong and how to mend it, without the place."""
        return text(self.key, language, **dict(self.values))


class BadFile(BadInput):
    """A file with problems, all of them."""

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        """Keeps the file's name and everything that is wrong with it."""
        super().__init__("file.problems", file=file, count=len(problems))
        self.file = file
        self.problems = problems


@dataclass(frozen=True, slots=True)
class CallFailure:
    """What is known about a call that ended without an answer."""

    status: str
    """Name of the gRPC code, such as `UNAVAILABLE`."""
    reason: str = ""
    """Reason in the server's `ErrorInfo`, such as `OUTCOME_UNCERTAIN`; empty when it sent none."""
    message_es: str = ""
    """What is wrong and how to mend it, es-MX."""
    message_en: str = ""
    """What is wrong and how to mend it, English."""
    fields: tuple[str, ...] = ()
    """Fields that the server objects to, each with its explanation."""
    retry_after_s: float | None = None
    """How long the server asks to wait before a retry."""
    request_id: str = ""
    """Key of the request; ask for its outcome with it, or repeat it."""
    detail: str = ""
    """What the transport said, for the operator."""


class CallFault(ClientError):  # noqa: N818 - the name says what it is
    """A call that ended without an answer."""

    def __init__(self, failure: CallFailure) -> None:
        """Keeps what is known about the call."""
        super().__init__("call.failed")
        self.failure = failure

    @property
    def reason(self) -> str:
        """The server's reason, or the gRPC code when it gave none."""
        return self.failure.reason or self.failure.status

    def text(self, language: Language) -> str:
        """Says what is wrong and how to mend it."""
        failure = self.failure
        return failure.message_es if language == "es" else failure.message_en


class RequestRefused(CallFault):
    """The server will not answer this request as it stands; repeating it changes nothing."""

    exit_code: ClassVar[int] = 2


class TransportFault(CallFault):
    """No answer came. For a request that changes something, its outcome may be unknown."""

    exit_code: ClassVar[int] = 3


class StreamBroken(ClientError):  # noqa: N818 - the name says what it is
    """What came over a stream is not what the validator promised; nothing is known to be lost."""

    exit_code: ClassVar[int] = 3


class NotAllowed(CallFault):
    """The caller is not known, or may not do this."""

    exit_code: ClassVar[int] = 4
