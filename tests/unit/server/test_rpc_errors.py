"""Every way in which a call ends without a verdict, over a real connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage, RetryInfo
from google.rpc.status_pb2 import Status
from structlog.testing import capture_logs

from descargo.catalogue import reasons
from descargo_server import limits
from descargo_server.refused import Refused
from descargo_server.rpc.errors import DETAILS_KEY, status_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.server.conftest import FakeEngine, Running

CHECK = "ValidationService/CheckLicense"
VALIDATE = "ValidationService/ValidateLicense"
SUBMIT = "SubmissionService/SubmitLicense"


class PanicLike(BaseException):
    """Like pyo3's PanicException: no Exception."""


async def refusal_of(
    served: Running, method: str, as_role: str = "lane"
) -> tuple[grpc.StatusCode, Status]:
    """The code and the details with which a call ends; they must name the same code."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.call(method, as_role=as_role)
    (details,) = caught.value.trailing_metadata().get_all(DETAILS_KEY)
    assert isinstance(details, bytes)
    status = Status.FromString(details)
    assert status.code == caught.value.code().value[0]
    assert status.message == caught.value.details()
    return caught.value.code(), status


def reason_of(status: Status) -> str:
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.domain == "descargo.v1"
    return str(info.reason)


def raises(error: BaseException) -> Callable[[bytes], None]:
    """The behaviour of a core that ends every request so."""

    def behave(_request: bytes) -> None:
        raise error

    return behave


async def test_answers_are_the_core_bytes(engine: FakeEngine, served: Running) -> None:
    engine.answer = bytes(range(256))
    assert await served.call(CHECK, b"\x00\xff") == bytes(range(256))
    assert await served.call(VALIDATE, b"") == bytes(range(256))
    assert await served.call(SUBMIT, b"s", as_role="agency") == bytes(range(256))
    assert await served.call("SubmissionService/GetLicense", b"g") == bytes(range(256))
    assert await served.call("ValidationService/GetOutcome", b"o") == bytes(range(256))
    assert engine.requests == [b"\x00\xff", b"", b"s", b"g", b"o"]
    assert engine.callers == ["lane", "lane", "agency", "lane", "lane"]


@pytest.mark.parametrize("reason", list(reasons()))
async def test_each_reason_has_its_status_and_spanish_text(
    reason: str, engine: FakeEngine, served: Running
) -> None:
    engine.behave = raises(Refused(reason))
    code, status = await refusal_of(served, CHECK)
    row = reasons()[reason]
    assert code is grpc.StatusCode[row.status]
    assert reason_of(status) == reason
    text = LocalizedMessage()
    assert status.details[1].Unpack(text)
    assert (text.locale, text.message) == ("es-MX", f"{row.message_es} {row.remedy_es}")
    assert len(status.details) == 2


async def test_field_and_retry_are_told(engine: FakeEngine, served: Running) -> None:
    engine.behave = raises(Refused("FIELD_INVALID", "declaration.lines", "must be one line", 1500))
    code, status = await refusal_of(served, VALIDATE)
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    violations, retry = BadRequest(), RetryInfo()
    assert status.details[2].Unpack(violations)
    assert status.details[3].Unpack(retry)
    (violation,) = violations.field_violations
    assert (violation.field, violation.description) == ("declaration.lines", "must be one line")
    assert violation.reason == "FIELD_INVALID"
    assert retry.retry_delay.ToMilliseconds() == 1500


async def test_queued_refusal_reaches_its_caller(engine: FakeEngine, served: Running) -> None:
    engine.refusal = ("REQUEST_ID_REUSED", "request_id", "", None)
    code, status = await refusal_of(served, VALIDATE)
    assert code is grpc.StatusCode.ALREADY_EXISTS
    assert reason_of(status) == "REQUEST_ID_REUSED"


@pytest.mark.parametrize("method", [CHECK, VALIDATE])
@pytest.mark.parametrize(
    "error", [PanicLike("secret-of-the-core"), ValueError("secret-of-the-core")], ids=type
)
async def test_fault_tells_little(
    method: str, error: BaseException, engine: FakeEngine, served: Running
) -> None:
    engine.behave = raises(error)
    code, status = await refusal_of(served, method)
    assert code is grpc.StatusCode.INTERNAL
    assert reason_of(status) == "FAULT"
    assert b"secret-of-the-core" not in status.SerializeToString()
    engine.behave = lambda _: None
    assert await served.call(method) == b"answered"


@pytest.mark.parametrize("reason", ["FAULT", "STORE_UNAVAILABLE"])
async def test_fault_that_the_core_names_tells_no_detail(
    reason: str, engine: FakeEngine, served: Running
) -> None:
    engine.behave = raises(Refused(reason, "secret.field", "secret-of-the-core", 250))
    with capture_logs() as logged:
        _, status = await refusal_of(served, CHECK)
    assert reason_of(status) == reason
    assert b"secret" not in status.SerializeToString()
    retry = RetryInfo()
    assert status.details[-1].Unpack(retry)
    assert retry.retry_delay.ToMilliseconds() == 250
    assert [line["detail"] for line in logged] == ["secret-of-the-core"]


async def test_unknown_reason_is_a_fault(engine: FakeEngine, served: Running) -> None:
    engine.behave = raises(Refused("NO_SUCH_REASON"))
    code, status = await refusal_of(served, CHECK)
    assert code is grpc.StatusCode.INTERNAL
    assert reason_of(status) == "FAULT"


async def test_answer_without_content_is_a_fault(engine: FakeEngine, served: Running) -> None:
    engine.hold = True
    call = asyncio.ensure_future(refusal_of(served, VALIDATE))
    await until(lambda: len(served.server.completions) == 1)
    engine.complete(1, None, None)
    code, status = await call
    assert code is grpc.StatusCode.INTERNAL
    assert reason_of(status) == "FAULT"


async def test_failing_drain_fails_the_waiting_calls(engine: FakeEngine, served: Running) -> None:
    engine.hold = True
    call = asyncio.ensure_future(refusal_of(served, VALIDATE))
    await until(lambda: len(served.server.completions) == 1)
    engine.drain_fault = PanicLike("the queue is gone")
    engine.complete(1, b"lost", None)
    code, status = await call
    assert code is grpc.StatusCode.INTERNAL
    assert reason_of(status) == "FAULT"
    engine.hold = False
    assert await served.call(VALIDATE) == b"answered"


async def test_deadline_is_passed_to_the_core(engine: FakeEngine, served: Running) -> None:
    await served.call(VALIDATE, timeout=5)
    await served.call(VALIDATE, timeout=None)
    await served.call(SUBMIT, as_role="agency", timeout=3600)
    first, none, far = engine.timeouts
    assert first is not None
    assert 0 < first < 6, "the wire rounds up"
    assert (none, far) == (60.0, 60.0)


async def test_no_future_stays_after_the_deadline(engine: FakeEngine, served: Running) -> None:
    engine.hold = True
    call = asyncio.ensure_future(served.call(VALIDATE, timeout=2))
    await until(lambda: len(served.server.completions) == 1)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    # Client and server watch the same instant; whoever is first, the outcome is not known.
    late = {grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE}
    assert caught.value.code() in late
    await until(lambda: len(served.server.completions) == 0)
    engine.complete(1, b"too late", None)
    engine.hold = False
    assert await served.call(VALIDATE) == b"answered"


async def test_cancelled_call_leaves_no_future(engine: FakeEngine, served: Running) -> None:
    engine.hold = True
    call = asyncio.ensure_future(served.call(VALIDATE))
    await until(lambda: len(served.server.completions) == 1)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await until(lambda: len(served.server.completions) == 0)


@pytest.mark.parametrize("name", ["", "nobody", "LANE"])
async def test_unknown_identity_is_refused(name: str, engine: FakeEngine, served: Running) -> None:
    code, status = await refusal_of(served, VALIDATE, as_role=name)
    assert code is grpc.StatusCode.UNAUTHENTICATED
    assert reason_of(status) == "IDENTITY_UNKNOWN"
    assert engine.requests == []


async def test_role_that_may_not_is_refused(engine: FakeEngine, served: Running) -> None:
    code, status = await refusal_of(served, VALIDATE, as_role="broker")
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert reason_of(status) == "ROLE_NOT_ALLOWED"
    assert engine.requests == []


async def test_too_large_request_is_resource_exhausted(engine: FakeEngine, served: Running) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.call(VALIDATE, bytes(limits.MESSAGE_BYTES_MAX + 1))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert engine.requests == []


async def test_outcomes_are_counted(engine: FakeEngine, served: Running) -> None:
    await served.call(CHECK)
    engine.behave = raises(Refused("MESSAGE_UNREADABLE"))
    await refusal_of(served, CHECK)
    sample = served.server.metrics.registry.get_sample_value
    method = f"/descargo.v1.{CHECK}"
    for outcome in ("OK", "MESSAGE_UNREADABLE"):
        assert sample("descargo_calls_total", {"method": method, "outcome": outcome}) == 1
    assert sample("descargo_unreadable_messages_total") == 1


def test_status_without_field_has_no_violation() -> None:
    kinds = [detail.TypeName() for detail in status_of(Refused("OVERLOADED", "", "")).details]
    assert kinds == ["google.rpc.ErrorInfo", "google.rpc.LocalizedMessage"]


async def until(condition: Callable[[], bool]) -> None:
    """Lets the loop run until something is so; the test's timeout bounds it."""
    while not condition():  # noqa: ASYNC110 - the condition has no event
        await asyncio.sleep(0)
