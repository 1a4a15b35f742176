"""SubmissionService: what agencies call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from descargo_server import limits
from descargo_server.identity.permissions import SUBMISSION_SERVICE
from descargo_server.refused import Refused
from descargo_server.rpc.handlers import service_handler
from descargo_server.streams.submit import submit_handler
from descargo_server.streams.watch import watch_handler

if TYPE_CHECKING:
    import grpc

    from descargo_server._core import Caller
    from descargo_server.rpc.handlers import Desk
    from descargo_server.streams.submit import Submissions
    from descargo_server.streams.watch import Watches

__all__ = ["submission_service"]


def submission_service(
    desk: Desk, watches: Watches, submissions: Submissions
) -> grpc.GenericRpcHandler:
    """The handler of `descargo.v1.SubmissionService`."""
    return service_handler(
        desk,
        SUBMISSION_SERVICE,
        {
            "SubmitLicense": _submit_license,
            "GetLicense": _get_license,
            "ListLicenses": _list_licenses,
            "ListLicenseVersions": _list_license_versions,
            "GetBalance": _get_balance,
            "ListMovements": _list_movements,
            "ReportActivity": _report_activity,
        },
        {
            "SubmitLicenses": submit_handler(desk, submissions),
            "WatchExercises": watch_handler(desk, watches),
        },
    )


async def _submit_license(desk: Desk, caller: Caller, request: bytes, timeout_s: float) -> bytes:
    ticket = desk.engine.submit_license(caller, request, timeout_s)
    return await desk.completions.answer(ticket, timeout_s)


async def _get_license(desk: Desk, caller: Caller, request: bytes, _timeout_s: float) -> bytes:
    return desk.engine.get_license(caller, request)


async def _list_licenses(desk: Desk, caller: Caller, request: bytes, _timeout_s: float) -> bytes:
    # A page may look at thousands of licenses: lanes are answered meanwhile.
    return await asyncio.to_thread(desk.engine.list_licenses, caller, request)


async def _list_license_versions(
    desk: Desk, caller: Caller, request: bytes, _timeout_s: float
) -> bytes:
    return await asyncio.to_thread(desk.engine.list_license_versions, caller, request)


async def _get_balance(desk: Desk, caller: Caller, request: bytes, _timeout_s: float) -> bytes:
    # A declaration may have drawn from thousands of licenses.
    return await asyncio.to_thread(desk.engine.get_balance, caller, request)


async def _list_movements(desk: Desk, caller: Caller, request: bytes, _timeout_s: float) -> bytes:
    return await asyncio.to_thread(desk.engine.list_movements, caller, request)


async def _report_activity(desk: Desk, caller: Caller, request: bytes, _timeout_s: float) -> bytes:
    # One takes seconds of a thread that lists, feeds and orders of quarantine wait for too.
    if desk.reports.locked():
        raise Refused("OVERLOADED", retry_after_ms=limits.REPORT_RETRY_AFTER_MS)
    async with desk.reports:
        return await asyncio.to_thread(desk.engine.report_activity, caller, request)
