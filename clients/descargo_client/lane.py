"""The side of lanes, prevalidators and brokers: checks, exercises, and asks for outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from descargo.v1 import validation_service_pb2

if TYPE_CHECKING:
    from descargo.v1.declaration_pb2 import Declaration, DeclarationRef
    from descargo.v1.validation_service_pb2 import (
        ListRequiredLicensesResponse,
        ReleaseGround,
    )
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

    def check_declaration(self, declaration: Declaration, min_revision: str = "") -> Answer:
        """Asks what a whole declaration would be answered: held, or at a lane exercised."""
        request = validation_service_pb2.CheckDeclarationRequest(
            declaration=declaration, min_revision=min_revision
        )
        return self._channel.call(self._stub.CheckDeclaration, request).answer

    def reserve_declaration(self, declaration: Declaration, request_id: str) -> Answer:
        """Holds everything that a declaration takes, all lines or nothing."""
        request = validation_service_pb2.ReserveDeclarationRequest(
            request_id=request_id, declaration=declaration
        )
        return self._channel.call(self._stub.ReserveDeclaration, request, request_id).answer

    def pay_declaration(self, position: DeclarationRef, paid_on: str, request_id: str) -> Answer:
        """Tells that a declaration was paid on a day, `YYYY-MM-DD`."""
        request = validation_service_pb2.PayDeclarationRequest(
            request_id=request_id, declaration=position, paid_on=paid_on
        )
        return self._channel.call(self._stub.PayDeclaration, request, request_id).answer

    def validate_declaration(self, declaration: Declaration, request_id: str) -> Answer:
        """Exercises a whole declaration, all lines or nothing."""
        request = validation_service_pb2.ValidateDeclarationRequest(
            request_id=request_id, declaration=declaration
        )
        return self._channel.call(self._stub.ValidateDeclaration, request, request_id).answer

    def release_declaration(
        self, position: DeclarationRef, ground: ReleaseGround.ValueType, request_id: str
    ) -> Answer:
        """Gives back everything that a declaration holds."""
        request = validation_service_pb2.ReleaseDeclarationRequest(
            request_id=request_id, declaration=position, ground=ground
        )
        return self._channel.call(self._stub.ReleaseDeclaration, request, request_id).answer

    def rectify_declaration(
        self, declaration: Declaration, rectified: DeclarationRef, request_id: str
    ) -> Answer:
        """Puts a declaration (the R1) into the place of another."""
        request = validation_service_pb2.RectifyDeclarationRequest(
            request_id=request_id, declaration=declaration, rectified=rectified
        )
        return self._channel.call(self._stub.RectifyDeclaration, request, request_id).answer

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
