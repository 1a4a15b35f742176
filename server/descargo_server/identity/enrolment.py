"""Enrols officials with their certificates: only a fit one is taken, and then no other counts.

A `[[signer]]` may name the file of its certificate, or its fingerprint. With the file, the key and
the kind of the certificate are looked at when the server starts, when there is time to ask for a
better one: RSA of 2048 bits or more with the exponent 65537, P-256, or Ed25519, in an e.firma of
the official's RFC.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from descargo_server.config.problems import Problem
    from descargo_server.config.toml_file import TomlFile
    from descargo_server.identity.registry import Signer

__all__ = ["enrol"]

CERTIFICATE_BYTES_MAX: Final = 64 * 1024
"""A certificate in PEM with room for text around it; in DER the core takes 8 KiB."""
REMEDY: Final = (
    "name an e.firma in DER or PEM with RSA >= 2048 bits and exponent 65537, P-256 or Ed25519"
)


def enrol(
    file: TomlFile, signers: Mapping[int, Signer], problems: list[Problem]
) -> dict[int, Signer]:
    """The signers, each bound to the certificate that its row names."""
    enrolled = dict(signers)
    for position, signer in signers.items():
        if not signer.certificate:
            continue
        try:
            enrolled[position] = _bound(file, signer)
        except _UnfitError as unfit:
            where = ("signer", position, "certificate")
            problems.append(file.problem(where, f"`{signer.certificate}` {unfit}", REMEDY))
    problems.extend(_twice(file, enrolled))
    return enrolled


class _UnfitError(Exception):
    """Why a certificate is not enrolled."""


def _bound(file: TomlFile, signer: Signer) -> Signer:
    # Imported here: a registry without certificates is read without the core.
    from descargo_server import _core  # noqa: PLC0415

    path = file.path.parent / signer.certificate
    try:
        with path.open("rb") as opened:
            content = opened.read(CERTIFICATE_BYTES_MAX)
    except OSError as error:
        raise _UnfitError(f"cannot be read: {(error.strerror or 'refused').lower()}") from error
    try:
        fingerprint, rfc, _ = _core.enrolled(content)
    except ValueError as error:
        raise _UnfitError(f"is not fit to sign: {error}") from error
    if rfc != signer.rfc:
        raise _UnfitError("is the certificate of another RFC")
    if signer.certificate_sha256 not in {"", fingerprint}:
        raise _UnfitError("does not have the fingerprint in `certificate_sha256`")
    return signer.model_copy(update={"certificate_sha256": fingerprint})


def _twice(file: TomlFile, signers: Mapping[int, Signer]) -> Iterator[Problem]:
    """A certificate that is enrolled for two people: one of the rows names the wrong one."""
    owner: dict[str, Signer] = {}
    for position, signer in signers.items():
        fingerprint = signer.certificate_sha256
        if fingerprint and owner.setdefault(fingerprint, signer).rfc != signer.rfc:
            what = f"the certificate of `{signer.rfc}` is enrolled for another RFC already"
            yield file.problem(("signer", position), what, "correct one of the two rows")
