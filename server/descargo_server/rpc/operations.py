"""OperationsService: what the operator calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from descargo_server.identity.permissions import OPERATIONS_SERVICE
from descargo_server.rpc.handlers import service_handler

if TYPE_CHECKING:
    import grpc

    from descargo_server._core import Caller
    from descargo_server.rpc.handlers import Desk

__all__ = ["operations_service"]


def operations_service(desk: Desk) -> grpc.GenericRpcHandler:
    """The handler of `descargo.v1.OperationsService`."""
    return service_handler(
        desk,
        OPERATIONS_SERVICE,
        {
            "EnrollSigner": _enroll_signer,
            "ListSigners": _list_signers,
            "RevokeCertificate": _revoke_certificate,
        },
    )


async def _enroll_signer(desk: Desk, caller: Caller, request: bytes, timeout_s: float) -> bytes:
    ticket = desk.engine.enroll_signer(caller, request, timeout_s)
    return await desk.completions.answer(ticket, timeout_s)


async def _revoke_certificate(
    desk: Desk, caller: Caller, request: bytes, timeout_s: float
) -> bytes:
    ticket = desk.engine.revoke_certificate(caller, request, timeout_s)
    return await desk.completions.answer(ticket, timeout_s)


async def _list_signers(desk: Desk, caller: Caller, request: bytes, _timeout_s: float) -> bytes:
    return await asyncio.to_thread(desk.engine.list_signers, caller, request)
