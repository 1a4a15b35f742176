"""Calls with bytes over a real connection, and what a call without verdict must say."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar, cast

import grpc
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, LocalizedMessage, RetryInfo
from google.rpc.status_pb2 import Status

from descargo.catalogue import reasons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.protobuf.any_pb2 import Any as AnyMessage

__all__ = ["METHODS", "Failure", "call", "failure_of"]

SUBMISSION: Final = "/descargo.v1.SubmissionService"
VALIDATION: Final = "/descargo.v1.ValidationService"
OPERATIONS: Final = "/descargo.v1.OperationsService"
METHODS: Final = {
    "SubmitLicense": f"{SUBMISSION}/SubmitLicense",
    "GetLicense": f"{SUBMISSION}/GetLicense",
    "ListLicenses": f"{SUBMISSION}/ListLicenses",
    "ListLicenseVersions": f"{SUBMISSION}/ListLicenseVersions",
    "GetBalance": f"{SUBMISSION}/GetBalance",
    "ListMovements": f"{SUBMISSION}/ListMovements",
    "ReportActivity": f"{SUBMISSION}/ReportActivity",
    "ValidateLicense": f"{VALIDATION}/ValidateLicense",
    "CheckLicense": f"{VALIDATION}/CheckLicense",
    "CheckDeclaration": f"{VALIDATION}/CheckDeclaration",
    "ReserveDeclaration": f"{VALIDATION}/ReserveDeclaration",
    "PayDeclaration": f"{VALIDATION}/PayDeclaration",
    "ValidateDeclaration": f"{VALIDATION}/ValidateDeclaration",
    "ReleaseDeclaration": f"{VALIDATION}/ReleaseDeclaration",
    "RectifyDeclaration": f"{VALIDATION}/RectifyDeclaration",
    "GetOutcome": f"{VALIDATION}/GetOutcome",
    "ListRequiredLicenses": f"{VALIDATION}/ListRequiredLicenses",
    "EnrollSigner": f"{OPERATIONS}/EnrollSigner",
    "ListSigners": f"{OPERATIONS}/ListSigners",
    "ListAffectedLicenses": f"{OPERATIONS}/ListAffectedLicenses",
    "QuarantineCertificate": f"{OPERATIONS}/QuarantineCertificate",
    "RevokeCertificate": f"{OPERATIONS}/RevokeCertificate",
}
"""Every method that answers one request with one answer."""
TIMEOUT_S: Final = 30.0

MessageT = TypeVar("MessageT", bound=Message)


@dataclass(frozen=True)
class Failure:
    """How a call ended without a verdict."""

    code: str
    reason: str
    """Empty when gRPC itself refused, before our code saw anything."""
    field: str = ""
    retry_after_s: float | None = None
    said: str = dataclasses.field(default="", compare=False)
    """Everything that was said, to look for what must not be."""


def call(channel: grpc.Channel, method: str, request: bytes) -> bytes | Failure:
    """Calls one method with bytes; returns the answer's bytes, or the failure, checked."""
    unary: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(METHODS[method])
    try:
        return unary(request, timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        # Every error of a call is the call as well, which the types cannot say.
        return _checked(cast("grpc.Call", error))


def failure_of(channel: grpc.Channel, method: str, request: bytes) -> Failure:
    """The failure that must come."""
    answer = call(channel, method, request)
    assert isinstance(answer, Failure), answer
    return answer


def _checked(error: grpc.Call) -> Failure:
    """Holds a failure to the contract: one reason, its own status, a text for people, one path."""
    trailing = {key: value for key, value in error.trailing_metadata() or () if key}
    packed = trailing.get("grpc-status-details-bin")
    if packed is None:
        return Failure(error.code().name, "")
    assert isinstance(packed, bytes)
    details = list(Status.FromString(packed).details)
    (info,) = _unpacked(details, ErrorInfo)
    (text,) = _unpacked(details, LocalizedMessage)
    row = reasons()[info.reason]
    assert info.domain == "descargo.v1"
    assert error.code().name == row.status
    assert text.locale == "es-MX"
    assert row.message_es in text.message
    violations = [each for bad in _unpacked(details, BadRequest) for each in bad.field_violations]
    assert len(violations) <= 1
    assert all(each.reason == info.reason and each.description for each in violations)
    waits = [info.retry_delay.ToNanoseconds() / 1e9 for info in _unpacked(details, RetryInfo)]
    return Failure(
        error.code().name,
        info.reason,
        violations[0].field if violations else "",
        waits[0] if waits else None,
        f"{error.details()} {details}",
    )


def _unpacked(details: Sequence[AnyMessage], kind: type[MessageT]) -> list[MessageT]:
    found = []
    for detail in details:
        message = kind()
        if detail.Unpack(message):
            found.append(message)
    return found
