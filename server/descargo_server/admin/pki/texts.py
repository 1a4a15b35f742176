"""The text files of the demo: configuration, identities, revocations, and what the folder is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from descargo_server.admin.pki.cast import CALLERS, SIGNERS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from descargo_server.admin.pki.cast import TomlValue

__all__ = ["CONFIG", "MARKER", "READ_ME", "REVOCATIONS", "access_text"]

MARKER: Final = "Descargo demo PKI"
"""First line of the folder's README.txt; a folder without it is never overwritten."""

READ_ME: Final = f"""{MARKER}

Everything here is made up for a demonstration: people, companies, authorities and keys. It proves
nothing about anybody, and no server that decides on real licenses may use any of it.

descargo.toml      configuration; start with: descargo-server serve --config descargo.toml
access.toml        who may connect as what, and whose signatures count
revocations.toml   revoked signing certificates
tls/               certificates for connections (ECDSA P-256); ca.pem signs all of them
efirma/            signing pairs shaped like the SAT's e.firma: NAME.cer (DER), NAME.key (encrypted
                   PKCS#8, DER), NAME.password; ca.pem is root.pem and issuing.pem. The SAT's
                   authorities have RSA keys of 4,096 bits, these have 2,048.
                   forger: everything right but the authority. csd: an invoice seal, not an e.firma.
receipt.key.pem    signs receipts; receipt.pub.pem checks them
codes.secret       keys acceptance codes and discharge signatures
"""

CONFIG: Final = """\
# Configuration of a demonstration. Paths are relative to this file.
validator = "descargo.demo"
listen = "{listen}"
data_dir = "data"
access = "access.toml"

[tls]
certificate = "tls/server.pem"
key = "tls/server.key"
client_ca = "tls/ca.pem"

[trust]
anchors = "efirma/root.pem"
intermediates = "efirma/issuing.pem"
revocations = "revocations.toml"

[keys]
receipt = "receipt.key.pem"
codes = "codes.secret"

[policy]
# The shipped tariff ends in March 2024. A server in use warns; the demo shows the finding C203.
unknown_tariff_code = "refuse"
"""

REVOCATIONS: Final = """\
# Signing certificates that are revoked, from an instant on. One table each:
#
# [[revoked]]
# serial = "30001000000500000003"   # 20 digits, or: certificate_sha256 = "64 hex digits"
# at = "2026-05-01T00:00:00Z"
# reason = "key lost"
"""

ACCESS_HEAD: Final = "# Who may connect as what, and whose signatures count. Deny by default.\n"


def access_text(fingerprints: Mapping[str, str], valid_from: date) -> str:
    """access.toml for the demo's callers, by the fingerprints of their certificates."""
    blocks = [ACCESS_HEAD]
    for caller in CALLERS:
        rows = {"name": caller.name, "role": caller.role}
        rows |= {"certificate_sha256": fingerprints[caller.name]}
        blocks.append(_block("identity", rows | dict(caller.scope)))
    for signer in SIGNERS:
        rows = {"rfc": signer.holder.rfc, "name": signer.holder.name, "agency": signer.agency}
        blocks.append(_block("signer", rows | {"from": valid_from.isoformat(), "to": ""}))
    return "\n".join(blocks)


def _block(table: str, rows: Mapping[str, TomlValue]) -> str:
    return f"[[{table}]]\n" + "".join(f"{key} = {_toml(row)}\n" for key, row in rows.items())


def _toml(value: TomlValue) -> str:
    """A text, a list or an inline table, as TOML writes it."""
    match value:
        case str():
            return f'"{value}"'
        case list():
            return f"[{', '.join(_toml(each) for each in value)}]"
        case _:
            return f"{{ {', '.join(f'{key} = {_toml(each)}' for key, each in value.items())} }}"
