"""The one way in which a call ends without a verdict.

A reason of reasons.toml decides the status and the texts; nothing else in the server names a
status. The details travel as `google.rpc.Status` in the trailing metadata, by `context.abort`:
`abort_with_status` hides the status from OpenTelemetry's interceptors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Never, Protocol

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage, RetryInfo
from google.rpc.status_pb2 import Status

from descargo.catalogue import reasons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

    from descargo.catalogue import ReasonRow
    from descargo_server.refused import Refused

__all__ = ["DETAILS_KEY", "DOMAIN", "AbortableContext", "abort_with", "is_reason", "status_of"]

DOMAIN: Final = "descargo.v1"
DETAILS_KEY: Final = "grpc-status-details-bin"
LOCALE: Final = "es-MX"


class AbortableContext(Protocol):
    """The part of a grpc.aio context that ends a call."""

    async def abort(
        self,
        code: grpc.StatusCode,
        details: str = "",
        trailing_metadata: tuple[tuple[str, bytes], ...] = (),
    ) -> Never:
        """Ends the call."""
        ...


def is_reason(reason: str) -> bool:
    """Whether the contract has a reason."""
    return reason in reasons()


async def abort_with(context: AbortableContext, refused: Refused) -> Never:
    """Ends a call with the status, texts and details of a refusal."""
    row = reasons()[refused.reason]
    status = status_of(refused)
    await context.abort(
        grpc.StatusCode[row.status], status.message, ((DETAILS_KEY, status.SerializeToString()),)
    )


def status_of(refused: Refused) -> Status:
    """The whole status of a refusal."""
    row = reasons()[refused.reason]
    code: int = grpc.StatusCode[row.status].value[0]
    message = f"{row.message_en} {refused.detail}".strip()
    status = Status(code=code, message=message)
    for detail in _details(row, refused):
        packed = AnyMessage()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def _details(row: ReasonRow, refused: Refused) -> Iterator[Message]:
    metadata = {"remedy_en": row.remedy_en}
    metadata |= {"field": refused.field} if refused.field else {}
    metadata |= {"detail": refused.detail} if refused.detail else {}
    yield ErrorInfo(reason=row.reason, domain=DOMAIN, metadata=metadata)
    yield LocalizedMessage(locale=LOCALE, message=f"{row.message_es} {row.remedy_es}")
    if refused.field:
        description = refused.detail or row.message_en
        violation = BadRequest.FieldViolation(
            field=refused.field, description=description, reason=row.reason
        )
        yield BadRequest(field_violations=[violation])
    if refused.retry_after_ms is not None:
        delay = Duration()
        delay.FromMilliseconds(refused.retry_after_ms)
        yield RetryInfo(retry_delay=delay)
