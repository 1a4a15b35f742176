"""OperationsService: what the operator calls."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from descargo_server.identity.permissions import OPERATIONS_SERVICE
from descargo_server.rpc.handlers import service_handler

if TYPE_CHECKING:
    import grpc

    from descargo_server._core import Caller
    from descargo_server.rpc.handlers import Desk

__all__ = ["operations_service"]

CARRIED_OUT_WITHIN: Final = 0.9
"""Part of the caller's time after which he is told that a quarantine still goes on."""


def operations_service(desk: Desk) -> grpc.GenericRpcHandler:
    """The handler of `descargo.v1.OperationsService`."""
    return service_handler(
        desk,
        OPERATIONS_SERVICE,
        {
            "EnrollSigner": _enroll_signer,
            "ListSigners": _list_signers,
            "RevokeCertificate": _revoke_certificate,
            "ListAffectedLicenses": _list_affected_licenses,
            "QuarantineCertificate": _quarantine_certificate,
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


async def _list_affected_licenses(
    desk: Desk, caller: Caller, request: bytes, _timeout_s: float
) -> bytes:
    return await asyncio.to_thread(desk.engine.list_affected_licenses, caller, request)


async def _quarantine_certificate(
    desk: Desk, caller: Caller, request: bytes, timeout_s: float
) -> bytes:
    # It waits for many commits; the core answers a little before the caller gives up.
    patience_s = timeout_s * CARRIED_OUT_WITHIN
    return await asyncio.to_thread(desk.engine.quarantine_certificate, caller, request, patience_s)
