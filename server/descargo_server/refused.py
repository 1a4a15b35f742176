"""The exception for a caller's mistake: it becomes one gRPC status with one reason.

Defined in Python and raised from Rust too, so that both sides refuse with the same class. A finding
is never raised: it stands in a verdict. A fault of ours is any other exception.
"""

from __future__ import annotations

__all__ = ["Refused"]


class Refused(Exception):  # noqa: N818 - the domain's word for it; what is wrong is the request
    """A request that ends without a verdict, with the reason that its caller is told.

    `reason` is a name of reasons.toml, `field` the path of the field that is wrong or empty,
    `detail` a short text without keys, signatures or personal data, `retry_after_ms` when to try
    again, or None.
    """

    def __init__(
        self,
        reason: str,
        field: str = "",
        detail: str = "",
        retry_after_ms: int | None = None,
    ) -> None:
        """Keeps what the caller is told; positional, since Rust calls it."""
        super().__init__(reason, field, detail, retry_after_ms)
        self.reason = reason
        self.field = field
        self.detail = detail
        self.retry_after_ms = retry_after_ms

    def __str__(self) -> str:
        """The reason, with its field and detail where there are any."""
        return " ".join(part for part in (self.reason, self.field, self.detail) if part)
