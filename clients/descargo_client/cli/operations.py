"""`descargo operations`: what the operator says of certificates and officials.

`quarantine` is the whole way of a compromised key: it lists every license and verdict that rests on
the certificate, holds the licenses, and says what comes next.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from google.protobuf.timestamp_pb2 import Timestamp
from rich.text import Text

from descargo.v1 import operations_service_pb2
from descargo_client.certificates import parse_certificate
from descargo_client.cli.answers import license_name
from descargo_client.cli.exercise import checked_request_id
from descargo_client.cli.options import command
from descargo_client.cli.session import Session, clean, read_file
from descargo_client.faults import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from descargo_client.documents import Document

FINGERPRINT: Final = re.compile(r"[0-9a-fA-F]{64}\Z")

Certificate = Annotated[str, typer.Option("--certificate", help="option.certificate_or_sha256")]
Reason = Annotated[str, typer.Option("--reason", help="option.reason")]
Key = Annotated[str, typer.Option("--request-id", help="option.request_id")]


def register(app: typer.Typer) -> None:
    """Adds the commands of the operator."""
    group = typer.Typer(help="help_group.operations", no_args_is_help=True)
    app.add_typer(group, name="operations")
    _register_certificates(group)
    signer = typer.Typer(help="help_group.signer", no_args_is_help=True)
    group.add_typer(signer, name="signer")
    _register_signers(signer)


def _register_certificates(group: typer.Typer) -> None:
    @command(group, "quarantine", connected=True)
    def operations_quarantine(
        session: Session,
        *,
        certificate: Certificate,
        signed_after: Annotated[str, typer.Option("--signed-after", help="option.signed_after")],
        reason: Reason = "",
        dry_run: Annotated[bool, typer.Option("--dry-run", help="option.dry_run")] = False,
        request_id: Key = "",
    ) -> int:
        fingerprint, since = _fingerprint(certificate), _instant(signed_after)
        if not dry_run and not reason.strip():
            raise BadInput("cli.missing", name="--reason")
        with session.channel() as channel:
            from descargo_client.operations import Operations  # noqa: PLC0415 - grpc is slow to import

            operations = Operations(channel)
            licenses = _documents(operations.affected(fingerprint, since))
            if not session.as_json:
                _print_affected(session, licenses)
            answer = None
            if not dry_run:
                key = checked_request_id(request_id or str(uuid.uuid4()))
                session.note("operations.ordered", request_id=key)
                answer = operations.quarantine(fingerprint, since, reason, key)
        if session.as_json:
            document: Document = {"licenses": licenses}
            if answer is not None:
                document |= {"quarantined": answer.licenses, "revision": answer.revision}
            session.write_json(document)
        elif answer is not None:
            session.note("operations.held", count=answer.licenses, revision=answer.revision)
        return 0

    @command(group, "revoke", connected=True)
    def operations_revoke(
        session: Session,
        certificate: Certificate,
        at: Annotated[str, typer.Option("--at", help="option.revoked_at")],
        reason: Reason,
        request_id: Key = "",
    ) -> int:
        fingerprint, instant = _fingerprint(certificate), _instant(at)
        with session.channel() as channel:
            from descargo_client.operations import Operations  # noqa: PLC0415 - grpc is slow to import

            revision = Operations(channel).revoke(fingerprint, instant, reason, request_id)
        _tell_revision(session, revision)
        return 0


def _register_signers(group: typer.Typer) -> None:
    @command(group, "enroll", connected=True)
    def operations_signer_enroll(
        session: Session,
        *,
        rfc: Annotated[str, typer.Option("--rfc", help="option.signer_rfc")],
        name: Annotated[str, typer.Option("--name", help="option.signer_name")],
        agency: Annotated[str, typer.Option("--agency", help="option.signer_agency")],
        valid_from: Annotated[str, typer.Option("--from", help="option.signer_from")],
        reason: Reason,
        valid_to: Annotated[str, typer.Option("--to", help="option.signer_to")] = "",
        permit_key: Annotated[
            list[str] | None, typer.Option("--permit-key", help="option.signer_key")
        ] = None,
        certificate: Annotated[
            Path | None, typer.Option("--certificate", help="option.signer_certificate")
        ] = None,
        request_id: Key = "",
    ) -> int:
        signer = operations_service_pb2.Signer(
            rfc=rfc,
            name=name,
            agency=agency,
            permit_keys=permit_key or [],
            valid_from=valid_from,
            valid_to=valid_to,
        )
        content = b"" if certificate is None else read_file(certificate)
        with session.channel() as channel:
            from descargo_client.operations import Operations  # noqa: PLC0415 - grpc is slow to import

            revision = Operations(channel).enroll(signer, reason, content, request_id)
        _tell_revision(session, revision)
        return 0

    @command(group, "list", connected=True)
    def operations_signer_list(session: Session) -> int:
        with session.channel() as channel:
            from descargo_client.operations import Operations  # noqa: PLC0415 - grpc is slow to import

            signers = [_signer_document(each) for each in Operations(channel).signers()]
        if session.as_json:
            session.write_json({"signers": signers})
            return 0
        console = session.screen()
        for each in signers:
            keys = ", ".join(each["permit_keys"]) or "*"
            period = f"{each['valid_from']} - {each['valid_to']}"
            where = each["enrolled_by"] or session.say("operations.of_files")
            line = f"{each['agency']}  {each['rfc']}  {each['name']}  {keys}  {period}  {where}"
            console.print(Text(clean(line)))
        session.note("operations.signers", count=len(signers))
        return 0


def _fingerprint(certificate: str) -> bytes:
    """SHA-256 of a certificate, from its file or stated."""
    if FINGERPRINT.match(certificate):
        return bytes.fromhex(certificate)
    parsed = parse_certificate(read_file(Path(certificate)))
    return hashlib.sha256(parsed.encoding).digest()


def _instant(stated: str) -> Timestamp:
    made = Timestamp()
    try:
        made.FromJsonString(stated)
    except ValueError as error:
        raise BadInput("operations.instant", value=stated) from error
    return made


def _documents(found: Iterable[operations_service_pb2.AffectedLicense]) -> list[Document]:
    """One object for each license; what came over several pages is put together."""
    documents: list[Document] = []
    last: Document | None = None
    for each in found:
        name = {
            "agency": each.license.agency,
            "permit_key": each.license.permit_key,
            "permit_number": each.license.permit_number,
        }
        if last is not None and last["license"] == name:
            last["verdict_ids"] += each.verdict_ids
            continue
        last = {
            "license": name,
            "versions": list(each.versions),
            "quarantined": each.quarantined,
            "verdict_ids": list(each.verdict_ids),
        }
        documents.append(last)
    return documents


def _print_affected(session: Session, licenses: Sequence[Document]) -> None:
    console = session.screen()
    for each in licenses:
        versions = ", ".join(map(str, each["versions"]))
        line = session.say(
            "operations.affected", license=license_name(each["license"]), versions=versions
        )
        console.print(Text(clean(line), style="bold"))
        for verdict_id in each["verdict_ids"]:
            console.print(Text(f"    {clean(verdict_id)}"))
    verdicts = sum(len(each["verdict_ids"]) for each in licenses)
    session.note("operations.listed", count=len(licenses), verdicts=verdicts)


def _signer_document(signer: operations_service_pb2.Signer) -> Document:
    return {
        "rfc": signer.rfc,
        "name": signer.name,
        "agency": signer.agency,
        "permit_keys": list(signer.permit_keys),
        "valid_from": signer.valid_from,
        "valid_to": signer.valid_to,
        "certificate_sha256": signer.certificate_sha256.hex(),
        "enrolled_by": signer.enrolled_by,
        "enrolled_at": signer.enrolled_at.ToJsonString() if signer.enrolled_by else "",
        "reason": signer.reason,
    }


def _tell_revision(session: Session, revision: str) -> None:
    if session.as_json:
        session.write_json({"revision": revision})
    else:
        session.note("operations.binds", revision=revision)
