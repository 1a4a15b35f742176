"""`descargo-server signer affected`: what rests on a certificate whose key may be in other hands.

Reads the ledger beside a running server or without one, and changes nothing. What counts is when
the validator decided, not when a submission says that it was signed: who has the key writes any
signing time that he likes, but he cannot have sent it before he had the key.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError

from descargo.v1 import submission_pb2, verdict_pb2
from descargo_server.admin.exit_codes import BAD_USAGE, FAILED, OK
from descargo_server.admin.terminal import complain, say
from descargo_server.clock import parse_instant
from descargo_server.config.load import read_config
from descargo_server.config.problems import ConfigurationInvalid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["AffectedLicense", "affected_licenses", "refused_verdicts", "show_affected"]

FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}\Z")
NANOS: Final = 1_000_000_000

VERSIONS: Final = """
SELECT l.license_id, l.agency, l.permit_key, l.permit_number, v.version, v.envelope, v.verdict_no,
       d.decided_at
FROM license_version v JOIN license l USING (license_id) JOIN verdict d USING (verdict_no)
WHERE d.decided_at >= ? ORDER BY l.agency, l.permit_key, l.lookup_number, v.version
"""
LATER: Final = """
SELECT DISTINCT m.verdict_no, m.kind FROM movement m
WHERE m.license_id = ? AND m.verdict_no > ? ORDER BY m.verdict_no
"""
REFUSED: Final = """
SELECT verdict_no, answer FROM verdict WHERE refused = 1 AND decided_at >= ? ORDER BY verdict_no
"""


@dataclass(frozen=True, slots=True)
class AffectedLicense:
    """One version of a license that the certificate signed, and all that came after it."""

    agency: str
    permit_key: str
    permit_number: str
    version: int
    verdict_id: str
    """The verdict that accepted the version."""
    decided_at: str
    movements_after: tuple[tuple[str, str], ...]
    """Verdict and kind of each later movement of the license: these rest on the version too."""


def show_affected(config_path: Path, certificate: str, after: str, *, as_json: bool) -> int:
    """Lists them; returns the exit code."""
    fingerprint = certificate.replace(":", "").lower()
    if not FINGERPRINT.match(fingerprint):
        complain("--certificate is not a SHA-256 of 64 hexadecimal digits")
        return BAD_USAGE
    try:
        since = parse_instant(after)
        ledger = read_config(config_path)[1].ledger
    except ValueError as error:
        complain(f"--after: {error}")
        return BAD_USAGE
    except ConfigurationInvalid as invalid:
        complain(*(str(problem) for problem in invalid.problems))
        return BAD_USAGE
    try:
        with closing(_open(ledger)) as connection:
            licenses = list(affected_licenses(connection, fingerprint, since))
            refused = list(refused_verdicts(connection, fingerprint, since))
    except (sqlite3.Error, DecodeError) as error:
        complain(f"the ledger `{ledger}` cannot be read: {error}")
        return FAILED
    if as_json:
        found = {"licenses": [asdict(each) for each in licenses], "refused_verdicts": refused}
        say(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        _print(licenses, refused)
    return OK


def affected_licenses(
    connection: sqlite3.Connection, fingerprint: str, since: datetime
) -> Iterator[AffectedLicense]:
    """Each version that the certificate signed and that was accepted at an instant or later."""
    ledger_id = _ledger_id(connection)
    for row in connection.execute(VERSIONS, (_nanos(since),)):
        license_id, agency, permit_key, permit_number, version, envelope, verdict_no, at = row
        signed = submission_pb2.Envelope.FromString(envelope)
        if hashlib.sha256(signed.certificate_der).hexdigest() != fingerprint:
            continue
        later = connection.execute(LATER, (license_id, verdict_no))
        yield AffectedLicense(
            agency,
            permit_key,
            permit_number,
            version,
            _verdict_id(ledger_id, verdict_no),
            datetime.fromtimestamp(at // NANOS, UTC).isoformat(),
            tuple((_verdict_id(ledger_id, number), _kind(kind)) for number, kind in later),
        )


def refused_verdicts(
    connection: sqlite3.Connection, fingerprint: str, since: datetime
) -> Iterator[str]:
    """Each refusal of what the certificate signed: attempts, which changed nothing."""
    ledger_id = _ledger_id(connection)
    signer = bytes.fromhex(fingerprint)
    for verdict_no, answer in connection.execute(REFUSED, (_nanos(since),)):
        if verdict_pb2.Answer.FromString(answer).verdict.signer_sha256 == signer:
            yield _verdict_id(ledger_id, verdict_no)


def _open(ledger: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{ledger.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None
    )
    # One snapshot for all that is read, whatever a running server adds meanwhile.
    connection.execute("BEGIN")
    return connection


def _ledger_id(connection: sqlite3.Connection) -> str:
    (ledger_id,) = connection.execute("SELECT ledger_id FROM ledger").fetchone()
    return str(ledger_id)


def _verdict_id(ledger_id: str, verdict_no: int) -> str:
    """As the core names it."""
    return f"{ledger_id}-{verdict_no:012}"


def _nanos(instant: datetime) -> int:
    # From whole parts: a float could not hold nanoseconds since 1970.
    since_1970 = instant - datetime(1970, 1, 1, tzinfo=UTC)
    seconds = since_1970.days * 86_400 + since_1970.seconds
    return seconds * NANOS + since_1970.microseconds * 1_000


def _kind(number: int) -> str:
    named = verdict_pb2.MovementKind.DESCRIPTOR.values_by_number.get(number)
    return str(number) if named is None else named.name.removeprefix("MOVEMENT_KIND_")


def _print(licenses: list[AffectedLicense], refused: list[str]) -> None:
    for each in licenses:
        name = f"{each.agency} {each.permit_key} {each.permit_number}"
        say(f"{name}  version {each.version}  {each.verdict_id}  {each.decided_at}")
        say(*(f"    {verdict_id}  {kind}" for verdict_id, kind in each.movements_after))
    say(*(f"refused  {verdict_id}" for verdict_id in refused))
    movements = sum(len(each.movements_after) for each in licenses)
    say(
        f"{len(licenses)} versions of licenses, {movements} movements after them,"
        f" {len(refused)} refusals"
    )
