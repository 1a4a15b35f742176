"""`descargo-server pki demo`: a folder with all that a demonstration needs. Nothing is real.

Keys are written readable by their owner only, and an existing folder is never overwritten unless it
is a former demo and that is asked for.
"""

from __future__ import annotations

import os
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from descargo_server.admin.exit_codes import BAD_USAGE, FAILED, OK
from descargo_server.admin.pki.cast import CALLERS, CSD_SERIAL, FORGER_SERIAL, SIGNERS
from descargo_server.admin.pki.efirma import new_authority
from descargo_server.admin.pki.encrypted_key import encrypted_pkcs8
from descargo_server.admin.pki.people import CSD_COMPANY, SE_OFFICIAL
from descargo_server.admin.pki.texts import CONFIG, MARKER, READ_ME, REVOCATIONS, access_text
from descargo_server.admin.pki.tls import new_tls_authority
from descargo_server.admin.terminal import complain, say
from descargo_server.config.model import Listen

if TYPE_CHECKING:
    from pathlib import Path

    from descargo_server.admin.pki.efirma import EfirmaPair
    from descargo_server.admin.pki.tls import TlsPair

__all__ = ["make_demo_pki", "write_demo_pki"]

READ_ME_NAME: Final = "README.txt"
FOLDERS: Final = ("tls", "efirma", "data")
FILES: Final = (
    "receipt.key.pem",
    "receipt.pub.pem",
    "codes.secret",
    "access.toml",
    "revocations.toml",
    "descargo.toml",
    READ_ME_NAME,
)
CODE_SECRET_BYTES: Final = 32
PASSWORD_BYTES: Final = 9
SALT_BYTES: Final = 8


class FolderInUse(Exception):  # noqa: N818 - it says what the folder is
    """The folder holds something that must not be overwritten."""


def make_demo_pki(out: Path, *, force: bool, listen: str, valid_from: str) -> int:
    """Makes the demo's folder and says what to do with it; returns the exit code."""
    try:
        Listen.parse(listen)
        start = _start(valid_from)
    except ValueError as error:
        complain(f"--listen must be HOST:PORT and --valid-from YYYY-MM-DD: {error}")
        return BAD_USAGE
    try:
        _make_room(out, force=force)
        write_demo_pki(out, listen, start)
    except FolderInUse as in_use:
        complain(str(in_use))
        return FAILED
    except OSError as error:
        complain(f"`{error.filename}` cannot be written: {(error.strerror or 'refused').lower()}")
        return FAILED
    say(f"{out} is ready. Serve it with: descargo-server serve --config {out / 'descargo.toml'}")
    return OK


def write_demo_pki(out: Path, listen: str, valid_from: datetime) -> None:
    """Writes the whole demo into an empty folder."""
    # First, so that a folder left half done by an interruption is known as a demo.
    _write(out / READ_ME_NAME, READ_ME.encode())
    fingerprints = _write_tls(out / "tls", valid_from)
    _write_efirma(out / "efirma", valid_from)
    _write_validator_keys(out)
    _write(out / "access.toml", access_text(fingerprints, valid_from.date()).encode())
    _write(out / "revocations.toml", REVOCATIONS.encode())
    _write(out / "descargo.toml", CONFIG.format(listen=listen).encode())


def _start(valid_from: str) -> datetime:
    """First instant of every certificate: yesterday, so that a clock that is late does no harm."""
    if valid_from:
        return datetime.strptime(valid_from, "%Y-%m-%d").replace(tzinfo=UTC)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=1)


def _make_room(out: Path, *, force: bool) -> None:
    """Makes the folder, or empties a former demo; raises FolderInUse otherwise."""
    out.mkdir(parents=True, exist_ok=True)
    if not any(out.iterdir()):
        return
    read_me = out / READ_ME_NAME
    is_demo = read_me.is_file() and read_me.read_bytes().startswith(MARKER.encode())
    if not is_demo:
        raise FolderInUse(f"`{out}` is not empty and no demo PKI - name another folder")
    if not force:
        raise FolderInUse(f"`{out}` holds a demo PKI - add --force to replace it and its ledger")
    for folder in FOLDERS:
        if (out / folder).is_dir():
            shutil.rmtree(out / folder)
    for name in FILES:
        (out / name).unlink(missing_ok=True)


def _write_tls(folder: Path, valid_from: datetime) -> dict[str, str]:
    """TLS certificates and keys; returns the callers' fingerprints."""
    authority = new_tls_authority(valid_from)
    _write(folder / "ca.pem", authority.own.certificate.public_bytes(Encoding.PEM))
    _write_tls_pair(folder, "server", authority.server(valid_from))
    fingerprints = {}
    for caller in CALLERS:
        pair = authority.client(caller.name, valid_from)
        _write_tls_pair(folder, caller.name, pair)
        fingerprints[caller.name] = pair.certificate.fingerprint(hashes.SHA256()).hex()
    return fingerprints


def _write_tls_pair(folder: Path, name: str, pair: TlsPair) -> None:
    _write(folder / f"{name}.pem", pair.certificate.public_bytes(Encoding.PEM))
    _write_secret(folder / f"{name}.key", _pem(pair.key))


def _write_efirma(folder: Path, valid_from: datetime) -> None:
    """The authority's certificates, the signers' pairs, a forger's and an invoice seal."""
    authority = new_authority(valid_from)
    root = authority.root.public_bytes(Encoding.PEM)
    issuing = authority.issuing.certificate.public_bytes(Encoding.PEM)
    _write(folder / "root.pem", root)
    _write(folder / "issuing.pem", issuing)
    _write(folder / "ca.pem", root + issuing)
    for signer in SIGNERS:
        pair = authority.efirma(signer.holder, signer.serial, valid_from)
        _write_efirma_pair(folder, signer.name, pair)
    # Same names, same number, other keys: only the chain gives the forger away.
    forger = new_authority(valid_from).efirma(SE_OFFICIAL, FORGER_SERIAL, valid_from)
    _write_efirma_pair(folder, "forger", forger)
    _write_efirma_pair(folder, "csd", authority.csd(CSD_COMPANY, CSD_SERIAL, valid_from))


def _write_efirma_pair(folder: Path, name: str, pair: EfirmaPair) -> None:
    password = secrets.token_urlsafe(PASSWORD_BYTES).encode()
    salt, iv = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(SALT_BYTES)
    _write(folder / f"{name}.cer", pair.certificate.public_bytes(Encoding.DER))
    _write_secret(folder / f"{name}.key", encrypted_pkcs8(pair.key, password, salt, iv))
    _write_secret(folder / f"{name}.password", password)


def _write_validator_keys(out: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write_secret(out / "receipt.key.pem", _pem(key))
    _write(out / "receipt.pub.pem", public)
    _write_secret(out / "codes.secret", secrets.token_bytes(CODE_SECRET_BYTES))


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_secret(path: Path, content: bytes) -> None:
    """Written with the rights of its owner only from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
