"""The operator's side: whose signatures count, and what rests on a certificate."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from descargo.v1 import operations_service_pb2
from descargo_client.faults import CallFault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.timestamp_pb2 import Timestamp

    from descargo.v1.operations_service_pb2 import (
        AffectedLicense,
        QuarantineCertificateResponse,
        Signer,
    )
    from descargo_client.channel import Channel

PAGE_SIZE: Final = 500
GOES_ON: Final = "OUTCOME_UNCERTAIN"
CALLS_MAX: Final = 1_000
"""How often an order that goes on is asked for, each time as long as the connection waits."""


class Operations:
    """An operator's calls over an open channel."""

    def __init__(self, channel: Channel) -> None:
        """Takes the channel; it stays the caller's to close."""
        from descargo.v1.operations_service_pb2_grpc import OperationsServiceStub  # noqa: PLC0415 - imports grpc

        self._channel = channel
        self._stub = OperationsServiceStub(channel.grpc)

    def affected(self, certificate_sha256: bytes, since: Timestamp) -> Iterator[AffectedLicense]:
        """Every license that rests on a certificate; one of many verdicts comes more than once."""
        token = ""
        while True:
            request = operations_service_pb2.ListAffectedLicensesRequest(
                page_size=PAGE_SIZE,
                page_token=token,
                certificate_sha256=certificate_sha256,
                signed_after=since,
            )
            page = self._channel.call(self._stub.ListAffectedLicenses, request)
            yield from page.licenses
            token = page.next_page_token
            if not token:
                return

    def quarantine(
        self, certificate_sha256: bytes, since: Timestamp, reason: str, request_id: str = ""
    ) -> QuarantineCertificateResponse:
        """Holds every license that rests on a certificate; asks on while the order goes on."""
        key = request_id or str(uuid.uuid4())
        request = operations_service_pb2.QuarantineCertificateRequest(
            request_id=key,
            certificate_sha256=certificate_sha256,
            signed_after=since,
            reason=reason,
        )
        for _ in range(CALLS_MAX - 1):
            try:
                return self._channel.call(self._stub.QuarantineCertificate, request, key)
            except CallFault as fault:
                if fault.reason != GOES_ON:
                    raise
        return self._channel.call(self._stub.QuarantineCertificate, request, key)

    def revoke(
        self, certificate_sha256: bytes, at: Timestamp, reason: str, request_id: str = ""
    ) -> str:
        """Revokes a certificate; the revision from which it binds."""
        key = request_id or str(uuid.uuid4())
        request = operations_service_pb2.RevokeCertificateRequest(
            request_id=key, certificate_sha256=certificate_sha256, revoked_at=at, reason=reason
        )
        return self._channel.call(self._stub.RevokeCertificate, request, key).revision

    def enroll(
        self, signer: Signer, reason: str, certificate: bytes = b"", request_id: str = ""
    ) -> str:
        """Enrolls an official; the revision from which the signatures count."""
        key = request_id or str(uuid.uuid4())
        request = operations_service_pb2.EnrollSignerRequest(
            request_id=key, signer=signer, certificate=certificate, reason=reason
        )
        return self._channel.call(self._stub.EnrollSigner, request, key).revision

    def signers(self) -> Iterator[Signer]:
        """Every official whose signatures count."""
        token = ""
        while True:
            request = operations_service_pb2.ListSignersRequest(
                page_size=PAGE_SIZE, page_token=token
            )
            page = self._channel.call(self._stub.ListSigners, request)
            yield from page.signers
            token = page.next_page_token
            if not token:
                return
