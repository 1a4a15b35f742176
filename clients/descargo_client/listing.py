"""Lists of licenses, of their versions and of their movements, page after page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from descargo.v1 import submission_service_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from descargo.v1.license_pb2 import LicenseId
    from descargo.v1.submission_service_pb2 import LicenseRecord, LicenseVersion
    from descargo.v1.verdict_pb2 import RecordedMovement, Standing
    from descargo_client.channel import Channel

PAGE_SIZE: Final = 500


class Listing:
    """What agencies, auditors and coordinators read over an open channel."""

    def __init__(self, channel: Channel, page_size: int = PAGE_SIZE) -> None:
        """Takes the channel; it stays the caller's to close."""
        from descargo.v1.submission_service_pb2_grpc import SubmissionServiceStub  # noqa: PLC0415 - imports grpc

        self._channel = channel
        self._page_size = page_size
        self._stub = SubmissionServiceStub(channel.grpc)

    def licenses(self, asked: str = "") -> Iterator[LicenseRecord]:
        """Every license that passes a filter, by agency, key and number."""
        token = ""
        while True:
            request = submission_service_pb2.ListLicensesRequest(
                filter=asked, page_size=self._page_size, page_token=token
            )
            page = self._channel.call(self._stub.ListLicenses, request)
            # A page may be empty and have a next one: the server looks at a bounded number.
            yield from page.records
            token = page.next_page_token
            if not token:
                return

    def versions(self, license_id: LicenseId) -> Iterator[LicenseVersion]:
        """Every version of a license, from the first on."""
        token = ""
        while True:
            request = submission_service_pb2.ListLicenseVersionsRequest(
                license=license_id, page_size=self._page_size, page_token=token
            )
            page = self._channel.call(self._stub.ListLicenseVersions, request)
            yield from page.versions
            token = page.next_page_token
            if not token:
                return

    def balances(self, subject: LicenseId | str) -> Sequence[Standing]:
        """Where a license stands, or every license of a declaration, by its number."""
        request = submission_service_pb2.GetBalanceRequest()
        if isinstance(subject, str):
            request.declaration_number = subject
        else:
            request.license.CopyFrom(subject)
        return self._channel.call(self._stub.GetBalance, request).standings

    def movements(self, subject: LicenseId | str) -> Iterator[RecordedMovement]:
        """Every movement of a license, or of a declaration, by its number, from the first on."""
        request = submission_service_pb2.ListMovementsRequest(page_size=self._page_size)
        if isinstance(subject, str):
            request.declaration_number = subject
        else:
            request.license.CopyFrom(subject)
        while True:
            page = self._channel.call(self._stub.ListMovements, request)
            yield from page.movements
            request.page_token = page.next_page_token
            if not request.page_token:
                return
