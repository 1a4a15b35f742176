"""The files that a configuration names: there, readable, and what they are said to be."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from descargo_server import limits
from descargo_server.catalogues.importer import CatalogueError, newest_catalogue
from descargo_server.clock import FileClock
from descargo_server.config.problems import Problem
from descargo_server.rulesets import rule_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from descargo_server.config.model import ServerConfig, TlsSection
    from descargo_server.config.toml_file import KeyPath, TomlFile

__all__ = ["catalogue_of", "file_problems", "shipped_folder"]

ROTATE_HINT = "`descargo-server pki demo --out DIR` shows a set that works"


class _Unusable(Exception):  # noqa: N818 - it says what the file is
    """What is wrong with a file's content, and how to mend it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def file_problems(file: TomlFile, config: ServerConfig) -> Iterator[Problem]:
    """Every file that is missing, unreadable or something else."""
    checks: list[tuple[KeyPath, Path | None, Callable[[bytes], object]]] = [
        (("trust", "anchors"), config.trust.anchors, _certificates),
        (("trust", "intermediates"), config.trust.intermediates, _certificates),
        (("trust", "revocations"), config.trust.revocations, _text),
        (("keys", "receipt"), config.keys.receipt, _receipt_key),
        (("keys", "codes"), config.keys.codes, _codes),
    ]
    if config.tls is not None:
        checks += [
            (("tls", "certificate"), config.tls.certificate, _server_certificate),
            (("tls", "key"), config.tls.key, _private_key),
            (("tls", "client_ca"), config.tls.client_ca, _certificates),
        ]
    before = [problem for check in checks if (problem := _checked(file, *check))]
    yield from before
    if config.tls is not None and not before:
        yield from _pair_problems(file, config.tls)
    yield from _folder_problems(file, config)
    yield from _clock_problems(file, config)
    folder = config.rules.folder
    if folder is not None and not rule_files(folder):
        # A validator that judges nothing because of a slip in a path would look as if it did.
        what = f"`{folder}` holds no file of rules"
        yield file.problem(
            ("rules", "folder"), what, "name a folder with `*.toml` of rules, or remove it"
        )


def catalogue_of(config: ServerConfig, problems: list[Problem]) -> Path | None:
    """The newest catalogue, shipped or imported; None, and a problem, when none can be used."""
    try:
        return newest_catalogue([config.catalogues, shipped_folder()])
    except CatalogueError as error:
        problems.extend(
            Problem(Path(found.file), found.line or None, found.what, found.remedy)
            for found in error.problems
        )
        return None


def shipped_folder() -> Path:
    """The folder of the catalogue and of the profiles that ship with the product."""
    return Path(str(resources.files("descargo_server.catalogues")))


def _checked(
    file: TomlFile, where: KeyPath, path: Path | None, read: Callable[[bytes], object]
) -> Problem | None:
    if path is None:
        return None
    try:
        read(path.read_bytes())
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        return file.problem(
            where, f"`{path}` cannot be read: {reason}", "correct the path or rights"
        )
    except _Unusable as unusable:
        return Problem(path, None, unusable.what, unusable.remedy)
    return None


def _certificates(content: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise _Unusable("holds no certificate in PEM", ROTATE_HINT) from error


def _server_certificate(content: bytes) -> x509.Certificate:
    """ECDSA only: with an RSA certificate, TLS 1.2 would be offered (see `transport`)."""
    certificate = _certificates(content)[0]
    if not isinstance(certificate.public_key(), ec.EllipticCurvePublicKey):
        what = "is not an ECDSA certificate, with which only TLS 1.3 is spoken"
        raise _Unusable(what, "issue the server's certificate for an ECDSA P-256 key")
    return certificate


def _private_key(content: bytes) -> PrivateKeyTypes:
    try:
        return load_pem_private_key(content, password=None)
    except (ValueError, TypeError) as error:
        raise _Unusable("is not a private key in PEM without password", ROTATE_HINT) from error


def _receipt_key(content: bytes) -> PrivateKeyTypes:
    key = _private_key(content)
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise _Unusable("is not a P-256 key", "make one with openssl genpkey -algorithm EC")


def _codes(content: bytes) -> bytes:
    if len(content) < limits.CODE_SECRET_BYTES_MIN:
        what = f"has {len(content)} bytes, fewer than {limits.CODE_SECRET_BYTES_MIN}"
        raise _Unusable(what, "make one with openssl rand -out codes.secret 32")
    return content


def _text(content: bytes) -> str:
    """The core reads the revocations; here only what it could not say well is said."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _Unusable("is not UTF-8", "save the file with the encoding UTF-8") from error


def _pair_problems(file: TomlFile, tls: TlsSection) -> Iterator[Problem]:
    certificate = _server_certificate(tls.certificate.read_bytes())
    key = _private_key(tls.key.read_bytes())
    if certificate.public_key() != key.public_key():
        what = f"`{tls.key}` is not the key of `{tls.certificate}`"
        yield file.problem(("tls", "key"), what, "name the two files of one pair")


def _folder_problems(file: TomlFile, config: ServerConfig) -> Iterator[Problem]:
    """The folder of the ledger: made when it is absent, and it must take files."""
    try:
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or "refused").lower()
        what = f"`{config.data_dir}` cannot be made: {reason}"
        yield file.problem(("data_dir",), what, "name a folder that can be written")
        return
    if not os.access(config.data_dir, os.W_OK | os.X_OK):
        what = f"`{config.data_dir}` cannot be written"
        yield file.problem(("data_dir",), what, "give the server's user the right to write")


def _clock_problems(file: TomlFile, config: ServerConfig) -> Iterator[Problem]:
    path = config.demo.clock_file
    if path is None or not config.demo.allow:
        return
    try:
        FileClock(path).now()
    except (OSError, ValueError) as error:
        what = f"`{path}` holds no instant: {error}"
        yield file.problem(("demo", "clock_file"), what, "write one line: 2026-05-01T00:00:00Z")
