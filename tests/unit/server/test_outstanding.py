"""One caller's open calls are bounded, and do not count against another's."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING

import grpc
import pytest

from descargo_server.identity.outstanding import Outstanding
from descargo_server.refused import Refused

if TYPE_CHECKING:
    from tests.unit.server.conftest import FakeEngine, Running


def test_bound_is_per_identity_and_given_back() -> None:
    outstanding = Outstanding(2)
    with ExitStack() as stack:
        for name in ("a", "a", "b", "b"):
            stack.enter_context(outstanding.one_more(name))
        with pytest.raises(Refused, match="LIMIT_EXCEEDED 3 calls open, more than 2"):
            stack.enter_context(outstanding.one_more("a"))
    assert len(outstanding) == 0
    with outstanding.one_more("a"):
        assert len(outstanding) == 1


async def test_ended_and_cancelled_calls_are_given_back(
    engine: FakeEngine, served: Running
) -> None:
    outstanding = served.server.outstanding
    await served.call("ValidationService/CheckLicense")
    assert len(outstanding) == 0
    engine.hold = True
    call = asyncio.ensure_future(served.call("ValidationService/ValidateLicense"))
    while len(outstanding) == 0:  # noqa: ASYNC110 - the condition has no event
        await asyncio.sleep(0)
    with pytest.raises(grpc.aio.AioRpcError):
        await served.call("ValidationService/ValidateLicense", as_role="broker")
    assert len(outstanding) == 1
    call.cancel()
    while len(outstanding) > 0:  # noqa: ASYNC110 - the condition has no event
        await asyncio.sleep(0)
