"""Says who is calling, on every call, or refuses.

The certificate comes from the call's own security context, never from the peer's address, which
another client may have a moment later. What it says is cached by its bytes; whether it is still
valid, not revoked and enrolled is asked again each time, since a connection may stay open for half
an hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from descargo_server.identity.certificate import certificate_facts
from descargo_server.refused import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from descargo_server.clock import Clock
    from descargo_server.identity.registry import Identity, Registry

__all__ = ["Authenticator", "CallContext", "DemoAuthenticator", "TlsAuthenticator"]

CERTIFICATE_PROPERTY: Final = "x509_pem_cert"
DEMO_METADATA: Final = "descargo-identity"


class CallContext(Protocol):
    """The part of a grpc.aio context that says who calls."""

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """What TLS proved."""
        ...

    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]] | None:
        """The headers of the call."""
        ...


class Authenticator(Protocol):
    """Names the caller of a call."""

    registry: Registry

    def caller_of(self, context: CallContext) -> Identity:
        """The identity that calls; raises Refused when there is none that may."""
        ...


class TlsAuthenticator:
    """Believes the client's certificate."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        """`registry` may be replaced whole while calls run; each call reads it once."""
        self.registry = registry
        self._clock = clock

    def caller_of(self, context: CallContext) -> Identity:
        """The identity of the certificate, if that is fit, valid, not revoked and enrolled."""
        pem = next(iter(context.auth_context().get(CERTIFICATE_PROPERTY, ())), None)
        if pem is None:
            raise Refused("IDENTITY_UNKNOWN", detail="no client certificate")
        facts = certificate_facts(pem)
        if facts is None:
            raise Refused("CERTIFICATE_UNFIT", detail="it cannot be read")
        if facts.unfit_because:
            raise Refused("CERTIFICATE_UNFIT", detail=facts.unfit_because)
        at = self._clock.now()
        registry = self.registry
        if registry.is_revoked(facts.sha256, at):
            raise Refused("CERTIFICATE_REVOKED")
        if not facts.is_valid_at(at):
            detail = f"valid from {facts.not_before:%Y-%m-%dT%H:%M:%SZ}"
            detail += f" to {facts.not_after:%Y-%m-%dT%H:%M:%SZ}"
            raise Refused("CERTIFICATE_EXPIRED", detail=detail)
        identity = registry.with_certificate(facts.sha256, facts.spki_sha256)
        if identity is None:
            raise Refused("IDENTITY_UNKNOWN", detail=f"certificate `{facts.sha256}`")
        return identity


class DemoAuthenticator:
    """Believes what the caller says. Only for the demo without TLS, on loopback."""

    def __init__(self, registry: Registry) -> None:
        """`registry` may be replaced whole while calls run."""
        self.registry = registry

    def caller_of(self, context: CallContext) -> Identity:
        """The identity that the header `descargo-identity` names."""
        for key, value in context.invocation_metadata() or ():
            if key == DEMO_METADATA and isinstance(value, str):
                identity = self.registry.named(value)
                if identity is not None:
                    return identity
        raise Refused("IDENTITY_UNKNOWN", detail=f"no known identity in header `{DEMO_METADATA}`")
