"""Client of Descargo, the customs licence validator.

    from descargo_client import Agency, Channel, Connection, Lane, load_signer

`Agency` makes, signs and submits licenses; `Lane` checks and exercises them; `verify_receipt`
proves an answer offline; `certificate_facts` says whose a certificate is. gRPC is loaded with the
first of `Agency`, `Channel`, `Lane` that is used, since it is slow to import.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Final

from descargo_client.certificates import CertificateFacts, certificate_facts
from descargo_client.connection import Connection
from descargo_client.faults import (
    BadFile,
    BadInput,
    CallFault,
    ClientError,
    NotAllowed,
    RequestRefused,
    StreamBroken,
    TransportFault,
)

if TYPE_CHECKING:
    from descargo_client.agency import Agency, build_submission, request_id_of, seal, serialise
    from descargo_client.channel import Channel
    from descargo_client.lane import Lane
    from descargo_client.receipts import (
        ReceiptInvalid,
        load_public_key,
        read_receipts,
        verify_receipt,
    )
    from descargo_client.signing import Signer, load_signer
    from descargo_client.stream import AgencyStream, StreamAnswer

__version__: Final = "0.1.0"

__all__ = [
    "Agency",
    "AgencyStream",
    "BadFile",
    "BadInput",
    "CallFault",
    "CertificateFacts",
    "Channel",
    "ClientError",
    "Connection",
    "Lane",
    "NotAllowed",
    "ReceiptInvalid",
    "RequestRefused",
    "Signer",
    "StreamAnswer",
    "StreamBroken",
    "TransportFault",
    "__version__",
    "build_submission",
    "certificate_facts",
    "load_public_key",
    "load_signer",
    "read_receipts",
    "request_id_of",
    "seal",
    "serialise",
    "verify_receipt",
]

_MODULE_OF: Final = {
    "Agency": "agency",
    "AgencyStream": "stream",
    "Channel": "channel",
    "Lane": "lane",
    "ReceiptInvalid": "receipts",
    "Signer": "signing",
    "StreamAnswer": "stream",
    "build_submission": "agency",
    "load_public_key": "receipts",
    "load_signer": "signing",
    "read_receipts": "receipts",
    "request_id_of": "agency",
    "seal": "agency",
    "serialise": "agency",
    "verify_receipt": "receipts",
}


def __getattr__(name: str) -> object:
    """Loads what is slow to import when it is first used."""
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{module}"), name)
