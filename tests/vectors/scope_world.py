"""A world with callers of every role, so that who may do what can be tried on a real server."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from descargo_server.admin.pki import tls
from descargo_server.admin.pki.people import SEMARNAT_SIGNER, TRADER
from descargo_server.config.load import load_configuration
from tests.support.world import FIRST_DAY, World

if TYPE_CHECKING:
    from pathlib import Path

    from tests.vectors.signers import SigningWorld

__all__ = ["IDENTITIES", "OTHER_TRADER", "REVOKED", "STRANGER", "role_of", "write_scope_world"]

TLS_DAYS: Final = 70 * 365
"""gRPC judges TLS by the real clock, so these certificates hold long beyond the test's."""
STRANGER: Final = "stranger"
"""Has a certificate of the right authority, and stands in no file."""
REVOKED: Final = "gone"
"""Stands in the file, and its certificate is revoked."""
OTHER_TRADER: Final = SEMARNAT_SIGNER.rfc
"""A right RFC that is not the holder's."""

IDENTITIES: Final[tuple[dict[str, Any], ...]] = (
    {"name": "se", "role": "agency", "agency": "SE"},
    {"name": "semarnat", "role": "agency", "agency": "SEMARNAT"},
    {"name": "sener", "role": "agency", "agency": "SENER"},
    {"name": REVOKED, "role": "agency", "agency": "SE"},
    {"name": "hub", "role": "hub", "agency": "SE"},
    {
        "name": "hub-of-two",
        "role": "hub",
        "agencies": [{"agency": "SE", "permit_keys": ["C1"]}, {"agency": "SEMARNAT"}],
    },
    {"name": "lane-240", "role": "lane", "office": "240", "lane": "1"},
    {"name": "lane-241", "role": "lane", "office": "241", "lane": "1"},
    {"name": "lane-400", "role": "lane", "office": "400", "lane": "1"},
    {"name": "prevalidator", "role": "prevalidator"},
    {"name": "broker", "role": "broker", "broker_license": "3456"},
    {"name": "broker-1234", "role": "broker", "broker_license": "1234"},
    {"name": "holder", "role": "holder", "rfc": TRADER.rfc},
    {"name": "holder-other", "role": "holder", "rfc": OTHER_TRADER},
    {"name": "coordinator", "role": "coordinator"},
    {"name": "rule-officer", "role": "rule_officer"},
    {"name": "auditor", "role": "auditor"},
    {"name": "operator", "role": "operator"},
)


def role_of(name: str) -> str:
    """The role of a caller."""
    return str(next(row["role"] for row in IDENTITIES if row["name"] == name))


def write_scope_world(world: World, signing: SigningWorld, root: Path) -> World:
    """Fills a folder: the validator's own keys as they are, callers and signers of our own."""
    for name in ("receipt.key.pem", "receipt.pub.pem", "codes.secret", "descargo.toml"):
        shutil.copyfile(world.root / name, root / name)
    (root / "efirma").mkdir()
    settings = signing.settings(root / "efirma")
    (root / "efirma" / "revoked.toml").replace(root / "revocations.toml")
    blocks = [_block("identity", row) for row in _enrolled(root)]
    blocks += [_block("signer", row) for row in settings["signers"]]
    (root / "access.toml").write_text("\n".join(blocks), encoding="utf-8")
    return World(root, load_configuration(root / "descargo.toml"))


def _enrolled(root: Path) -> list[dict[str, Any]]:
    """Issues certificates for the server and every caller; returns the rows of access.toml."""
    (root / "tls").mkdir()
    with patch.multiple(tls, LEAF_DAYS=TLS_DAYS, AUTHORITY_DAYS=TLS_DAYS):
        authority = tls.new_tls_authority(FIRST_DAY)
        certificate = authority.own.certificate.public_bytes(Encoding.PEM)
        (root / "tls" / "ca.pem").write_bytes(certificate)
        _write_pair(root / "tls", "server", authority.server(FIRST_DAY))
        _write_pair(root / "tls", STRANGER, authority.client(STRANGER, FIRST_DAY))
        rows = []
        for identity in IDENTITIES:
            pair = authority.client(identity["name"], FIRST_DAY)
            _write_pair(root / "tls", identity["name"], pair)
            fingerprint = pair.certificate.fingerprint(hashes.SHA256()).hex()
            rows.append(identity | {"certificate_sha256": fingerprint})
    return rows


def _write_pair(folder: Path, name: str, pair: tls.TlsPair) -> None:
    key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{name}.pem").write_bytes(pair.certificate.public_bytes(Encoding.PEM))
    (folder / f"{name}.key").write_bytes(key)
    (folder / f"{name}.key").chmod(0o600)


def _block(table: str, row: dict[str, Any]) -> str:
    """One table of an array. JSON is TOML here, but for the colons: no text has one."""
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False).replace(':', ' =')}"
        for key, value in row.items()
    ]
    text = f"[[{table}]]\n" + "\n".join(lines) + "\n"
    if row.get("name") == REVOKED:
        fingerprint = row["certificate_sha256"]
        text += f'\n[[revoked_identity]]\ncertificate_sha256 = "{fingerprint}"\n'
        text += 'at = "2026-05-01T00:00:00Z"\n'
    return text
