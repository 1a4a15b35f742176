"""What the server needs of the core, as a type.

`descargo_server._core.Engine` is the one in production. Naming the shape here lets the rpc layer be
tested without Rust, and shows the whole seam on one page: a caller and bytes in, bytes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from descargo_server._core import Caller, SubmissionStream
    from descargo_server.identity.registry import Identity

__all__ = ["CallerFactory", "Completion", "DecisionEngine", "Refusal"]

Refusal: TypeAlias = tuple[str, str, str, int | None]
"""Reason, field, detail, and after how many milliseconds to try again."""

Completion: TypeAlias = tuple[int, bytes | None, Refusal | None]
"""Ticket, and either the answer's bytes or a refusal."""


class DecisionEngine(Protocol):
    """Decides, draws, records and signs."""

    def wakeup_fd(self) -> int:
        """A descriptor that is readable when `drain` has something."""
        ...

    def drain(self) -> list[Completion]:
        """What was decided since the last call."""
        ...

    def submit_license(self, caller: Caller, request: bytes, timeout_s: float | None, /) -> int:
        """Queues a submission; the answer comes by its ticket."""
        ...

    def validate_license(self, caller: Caller, request: bytes, timeout_s: float | None, /) -> int:
        """Queues an exercise; the answer comes by its ticket."""
        ...

    def check_license(self, caller: Caller, request: bytes, /) -> bytes:
        """Answers what an exercise would be answered."""
        ...

    def reserve_declaration(
        self, caller: Caller, request: bytes, timeout_s: float | None, /
    ) -> int:
        """Queues a hold; the answer comes by its ticket."""
        ...

    def pay_declaration(self, caller: Caller, request: bytes, timeout_s: float | None, /) -> int:
        """Queues a payment; the answer comes by its ticket."""
        ...

    def validate_declaration(
        self, caller: Caller, request: bytes, timeout_s: float | None, /
    ) -> int:
        """Queues an exercise of a whole declaration; the answer comes by its ticket."""
        ...

    def release_declaration(
        self, caller: Caller, request: bytes, timeout_s: float | None, /
    ) -> int:
        """Queues a release; the answer comes by its ticket."""
        ...

    def rectify_declaration(
        self, caller: Caller, request: bytes, timeout_s: float | None, /
    ) -> int:
        """Queues a rectification; the answer comes by its ticket."""
        ...

    def check_declaration(self, caller: Caller, request: bytes, /) -> bytes:
        """Answers what a hold or an exercise would be answered."""
        ...

    def get_license(self, caller: Caller, request: bytes, /) -> bytes:
        """Reads a license."""
        ...

    def get_outcome(self, caller: Caller, request: bytes, /) -> bytes:
        """Reads an earlier answer."""
        ...

    def list_required_licenses(self, request: bytes, /) -> bytes:
        """Says which licenses a line needs."""
        ...

    def list_licenses(self, caller: Caller, request: bytes, /) -> bytes:
        """Reads a page of licenses; for a thread beside the loop's."""
        ...

    def list_license_versions(self, caller: Caller, request: bytes, /) -> bytes:
        """Reads a page of a license's versions; for a thread beside the loop's."""
        ...

    def report_activity(self, caller: Caller, request: bytes, /) -> bytes:
        """Reads what happened on some days; for a thread beside the loop's."""
        ...

    def enroll_signer(self, caller: Caller, request: bytes, timeout_s: float | None, /) -> int:
        """Queues an enrolment; the answer comes by its ticket."""
        ...

    def revoke_certificate(self, caller: Caller, request: bytes, timeout_s: float | None, /) -> int:
        """Queues a revocation; the answer comes by its ticket."""
        ...

    def quarantine_certificate(
        self, caller: Caller, request: bytes, timeout_s: float | None, /
    ) -> bytes:
        """Orders a quarantine and waits until it is carried out; for a thread."""
        ...

    def list_affected_licenses(self, caller: Caller, request: bytes, /) -> bytes:
        """Reads a page of what rests on a certificate; for a thread beside the loop's."""
        ...

    def list_signers(self, caller: Caller, request: bytes, /) -> bytes:
        """Reads a page of the officials whose signatures count; for a thread beside the loop's."""
        ...

    def get_balance(self, caller: Caller, request: bytes, /) -> bytes:
        """Reads where licenses stand; for a thread beside the loop's."""
        ...

    def list_movements(self, caller: Caller, request: bytes, /) -> bytes:
        """Reads a page of movements; for a thread beside the loop's."""
        ...

    def watch_from(self, request: bytes, /) -> str:
        """The cursor that a WatchExercisesRequest begins at."""
        ...

    def watch_part(self, caller: Caller, cursor: str, /) -> tuple[list[bytes], str, bool]:
        """Events after a cursor, where to go on, whether there are more; for a thread."""
        ...

    def open_stream(self, caller: Caller, first_message: bytes, /) -> SubmissionStream:
        """Opens a stream of submissions; its answers come by its ticket, many of them."""
        ...

    def today(self) -> str:
        """The day in Mexico City."""
        ...

    def day_alerts(
        self, caller: Caller, cursor: str, after: tuple[str, str, str] | None, /
    ) -> tuple[list[bytes], tuple[str, str, str] | None]:
        """Some of today's alerts, and where the others go on; for a thread."""
        ...

    def reload_authority(self, settings_json: str, /) -> None:
        """Takes other signers and revocations from now on, or raises ValueError."""
        ...

    def close(self) -> None:
        """Finishes the queue, then stops."""
        ...


class CallerFactory(Protocol):
    """Makes the core's caller of an identity."""

    def __call__(self, identity: Identity, /) -> Caller:
        """The caller as the core knows it."""
        ...
