"""The side of lanes, prevalidators and brokers: checks, exercises, and asks for outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from descargo.v1 import validation_service_pb2

if TYPE_CHECKING:
    from descargo.v1.declaration_pb2 import Declaration
    from descargo.v1.validation_service_pb2 import ListRequiredLicensesResponse
    from descargo.v1.verdict_pb2 import Answer
    from descargo_client.channel import Channel


class Lane:
    """A lane's calls over an open channel."""

    def __init__(self, channel: Channel) -> None:
        """Takes the channel; it stays the caller's to close."""
        from descargo.v1.validation_service_pb2_grpc import ValidationServiceStub  # noqa: PLC0415 - imports grpc

        self._channel = channel
        self._stub = ValidationServiceStub(channel.grpc)

    def validate(self, declaration: Declaration, request_id: str) -> Answer:
        """Exercises one license for one line; the answer is a firma or an error."""
        request = validation_service_pb2.ValidateLicenseRequest(
            request_id=request_id, declaration=declaration
        )
        return self._channel.call(self._stub.ValidateLicense, request, request_id).answer

    def check(self, declaration: Declaration, min_revision: str = "") -> Answer:
        """Asks what would be answered; the answer is a preview or an error, and nothing changes."""
        request = validation_service_pb2.CheckLicenseRequest(
            declaration=declaration, min_revision=min_revision
        )
        return self._channel.call(self._stub.CheckLicense, request).answer

    def outcome(self, request_id: str) -> Answer:
        """Gets again what an earlier request was answered, byte for byte."""
        request = validation_service_pb2.GetOutcomeRequest(request_id=request_id)
        return self._channel.call(self._stub.GetOutcome, request, request_id).answer

    def required(self, declaration: Declaration, on_date: str) -> ListRequiredLicensesResponse:
        """Asks which licenses the declaration's one line needs on a day."""
        request = validation_service_pb2.ListRequiredLicensesRequest(
            declaration=declaration, on_date=on_date
        )
        return self._channel.call(self._stub.ListRequiredLicenses, request)
