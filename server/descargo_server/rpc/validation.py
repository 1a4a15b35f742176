"""ValidationService: what customs lanes, prevalidators, brokers and holders call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from descargo_server.identity.permissions import VALIDATION_SERVICE
from descargo_server.rpc.handlers import service_handler

if TYPE_CHECKING:
    import grpc

    from descargo_server._core import Caller
    from descargo_server.rpc.handlers import Desk

__all__ = ["validation_service"]


def validation_service(desk: Desk) -> grpc.GenericRpcHandler:
    """The handler of `descargo.v1.ValidationService`."""
    return service_handler(
        desk,
        VALIDATION_SERVICE,
        {
            "CheckLicense": _check_license,
            "CheckDeclaration": _check_declaration,
            "ValidateLicense": _validate_license,
            "ReserveDeclaration": _reserve_declaration,
            "PayDeclaration": _pay_declaration,
            "ValidateDeclaration": _validate_declaration,
            "ReleaseDeclaration": _release_declaration,
            "RectifyDeclaration": _rectify_declaration,
            "GetOutcome": _get_outcome,
            "ListRequiredLicenses": _list_required_licenses,
        },
    )


async def _check_license(desk: Desk, caller: Caller, request: bytes, _timeout_s: float) -> bytes:
    return desk.engine.check_license(caller, request)


async def _validate_license(desk: Desk, caller: Caller, request: bytes, timeout_s: float) -> bytes:
    ticket = desk.engine.validate_license(caller, request, timeout_s)
    return await desk.completions.answer(ticket, timeout_s)


async def _check_declaration(
    desk: Desk, caller: Caller, request: bytes, _timeout_s: float
) -> bytes:
    # Thousands of draws take too long for the loop.
    return await asyncio.to_thread(desk.engine.check_declaration, caller, request)


async def _reserve_declaration(
    desk: Desk, caller: Caller, request: bytes, timeout_s: float
) -> bytes:
    ticket = desk.engine.reserve_declaration(caller, request, timeout_s)
    return await desk.completions.answer(ticket, timeout_s)


async def _pay_declaration(desk: Desk, caller: Caller, request: bytes, timeout_s: float) -> bytes:
    ticket = desk.engine.pay_declaration(caller, request, timeout_s)
    return await desk.completions.answer(ticket, timeout_s)


async def _validate_declaration(
    desk: Desk, caller: Caller, request: bytes, timeout_s: float
) -> bytes:
    ticket = desk.engine.validate_declaration(caller, request, timeout_s)
    return await desk.completions.answer(ticket, timeout_s)


async def _release_declaration(
    desk: Desk, caller: Caller, request: bytes, timeout_s: float
) -> bytes:
    ticket = desk.engine.release_declaration(caller, request, timeout_s)
    return await desk.completions.answer(ticket, timeout_s)


async def _rectify_declaration(
    desk: Desk, caller: Caller, request: bytes, timeout_s: float
) -> bytes:
    ticket = desk.engine.rectify_declaration(caller, request, timeout_s)
    return await desk.completions.answer(ticket, timeout_s)


async def _get_outcome(desk: Desk, caller: Caller, request: bytes, _timeout_s: float) -> bytes:
    return desk.engine.get_outcome(caller, request)


async def _list_required_licenses(
    desk: Desk, _caller: Caller, request: bytes, _timeout_s: float
) -> bytes:
    return desk.engine.list_required_licenses(request)
