"""What every call goes through: who calls, whether he may, how long he waits, and how it ends.

Methods are registered without a Python deserializer, so requests and answers stay bytes. Each
handler ends in an answer or in exactly one status: a panic of the core is a BaseException in
Python, and a handler that let it through would leave the client waiting for ever.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

import grpc

from descargo_server import limits
from descargo_server.identity.permissions import may_call
from descargo_server.refused import Refused
from descargo_server.rpc.errors import abort_with, is_reason
from descargo_server.telemetry.metrics import ANSWERED, CANCELLED

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from structlog.typing import FilteringBoundLogger

    from descargo_server._core import Caller
    from descargo_server.completions import Completions
    from descargo_server.engine import DecisionEngine
    from descargo_server.identity.authenticator import Authenticator
    from descargo_server.identity.callers import Callers
    from descargo_server.identity.outstanding import Outstanding
    from descargo_server.identity.registry import Identity
    from descargo_server.telemetry.metrics import Metrics

__all__ = [
    "NOT_OURS",
    "Answer",
    "Desk",
    "ServicerContext",
    "admitted",
    "refusal_of",
    "seconds_left",
    "service_handler",
]

Answer: TypeAlias = "Callable[[Desk, Caller, bytes, float], Awaitable[bytes]]"
"""How one method answers: desk, the core's caller, the request's bytes, seconds that remain."""

ServicerContext: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"

IDENTITY_REASONS: Final = frozenset(
    {
        "IDENTITY_UNKNOWN",
        "CERTIFICATE_EXPIRED",
        "CERTIFICATE_REVOKED",
        "CERTIFICATE_UNFIT",
    }
)
"""Refusals that an operator wants to see: somebody tries what he may not."""

OUR_REASONS: Final = frozenset({"FAULT", "STORE_UNAVAILABLE"})
"""Faults of ours that the core names: the operator is told what, the caller only that."""

NOT_OURS: Final = (asyncio.CancelledError, GeneratorExit, KeyboardInterrupt, SystemExit)
"""What ends a handler from outside. Swallowing a cancellation leaks the call in grpc.aio."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the handlers share."""

    engine: DecisionEngine
    completions: Completions
    authenticator: Authenticator
    callers: Callers
    outstanding: Outstanding
    metrics: Metrics
    log: FilteringBoundLogger
    reports: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """One report at a time: each takes seconds."""


def service_handler(
    desk: Desk,
    service: str,
    answers: Mapping[str, Answer],
    streams: Mapping[str, grpc.RpcMethodHandler[bytes, bytes]] = MappingProxyType({}),
) -> grpc.GenericRpcHandler:
    """The handler of one service: each method answers bytes with bytes; streams bring their own."""
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        method: grpc.unary_unary_rpc_method_handler(_unary(desk, f"/{service}/{method}", answer))
        for method, answer in answers.items()
    }
    return grpc.method_handlers_generic_handler(service, handlers | dict(streams))


def _unary(
    desk: Desk, method: str, answer: Answer
) -> Callable[[bytes, ServicerContext], Awaitable[bytes]]:
    """One method, with everything around it that must never be forgotten."""
    metrics = desk.metrics.of_method(method)

    async def handle(request: bytes, context: ServicerContext) -> bytes:
        started = time.perf_counter()
        try:
            response = await _answered(desk, method, answer, request, context)
        except NOT_OURS:
            metrics.observe(CANCELLED, time.perf_counter() - started)
            raise
        except BaseException as error:  # noqa: BLE001 - a panic of the core is one
            refused = refusal_of(desk, method, error)
        else:
            metrics.observe(ANSWERED, time.perf_counter() - started)
            return response
        metrics.observe(refused.reason, time.perf_counter() - started)
        return await abort_with(context, refused)

    return handle


async def _answered(
    desk: Desk, method: str, answer: Answer, request: bytes, context: ServicerContext
) -> bytes:
    identity = admitted(desk, method, context)
    timeout_s = seconds_left(context)
    with desk.outstanding.one_more(identity.name):
        return await answer(desk, desk.callers.of(identity), request, timeout_s)


def admitted(desk: Desk, method: str, context: ServicerContext) -> Identity:
    """Who calls; raises Refused when he is not known or may not call this."""
    identity = desk.authenticator.caller_of(context)
    if not may_call(identity.role, method):
        _log_refusal(desk, method, identity)
        raise Refused("ROLE_NOT_ALLOWED", detail=f"role `{identity.role}`")
    return identity


def still_admitted(desk: Desk, method: str, context: ServicerContext, identity: Identity) -> None:
    """For a call that stays open: raises Refused once its caller may not go on as he began.

    A certificate may have been revoked, or what its identity may do is another matter now; then the
    caller opens the call again, under that.
    """
    now = admitted(desk, method, context)
    if now.name != identity.name:
        raise Refused("IDENTITY_UNKNOWN", detail="the certificate is another identity's now")
    if now != identity:
        raise Refused("DRAINING", retry_after_ms=limits.DRAINING_RETRY_AFTER_MS)


def seconds_left(context: ServicerContext) -> float:
    """How long the caller waits, bounded; raises Refused when he has stopped waiting."""
    remaining: float | None = context.time_remaining()
    if remaining is None:
        return limits.CALL_TIMEOUT_MAX_S
    if remaining <= 0:
        raise Refused("NOT_DECIDED")
    return min(remaining, limits.CALL_TIMEOUT_MAX_S)


def _log_refusal(desk: Desk, method: str, identity: Identity) -> None:
    desk.log.warning("role not allowed", method=method, caller=identity.name, role=identity.role)


def refusal_of(desk: Desk, method: str, error: BaseException) -> Refused:
    """What the caller is told. A fault is logged whole and told as one word."""
    if not isinstance(error, Refused) or not is_reason(error.reason):
        desk.log.error("fault", method=method, exc_info=error)
        return Refused("FAULT")
    if error.reason in OUR_REASONS:
        desk.log.error("fault", method=method, reason=error.reason, detail=error.detail)
        return Refused(error.reason, retry_after_ms=error.retry_after_ms)
    if error.reason in IDENTITY_REASONS:
        desk.log.warning("caller refused", method=method, reason=error.reason, detail=error.detail)
    return error
