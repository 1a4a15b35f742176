"""`descargo verify`: proves offline what was decided, and how openssl proves the same."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from descargo_client.cli.answers import print_verdict
from descargo_client.cli.options import command
from descargo_client.cli.session import Session, read_file, write_file
from descargo_client.documents import verdict_document
from descargo_client.faults import BadInput

if TYPE_CHECKING:
    from descargo_client import receipts


def register(app: typer.Typer) -> None:
    """Adds the command."""

    @command(app, "verify", connected=False)
    def verify(
        session: Session,
        receipt: Annotated[Path, typer.Argument(help="argument.receipt")],
        key: Annotated[Path, typer.Option("--key", help="option.public_key")],
        extract: Annotated[Path | None, typer.Option("--extract", help="option.extract")] = None,
    ) -> int:
        from descargo_client import receipts  # noqa: PLC0415 - cryptography is slow to import

        public_key = receipts.load_public_key(read_file(key))
        presented = receipts.read_receipts(read_file(receipt))
        proven = [receipts.verify_receipt(each, public_key) for each in presented]
        if extract is not None:
            _extract(extract, proven)
        if session.as_json:
            documents = [
                _document(each, _files(extract or Path(), position, len(proven)), key)
                for position, each in enumerate(proven, start=1)
            ]
            session.write_json(documents[0] if len(documents) == 1 else {"receipts": documents})
        else:
            _print(session, proven, extract, key)
        return 0


def _print(
    session: Session, proven: list[receipts.ProvenReceipt], extract: Path | None, key: Path
) -> None:
    console = session.screen()
    for position, each in enumerate(proven, start=1):
        valid = session.say("verify.valid", key_id=each.receipt.key_id)
        console.print(Text(valid, style="bold green"))
        print_verdict(session, console, each.verdict)
        where = extract or Path()
        if extract is None:
            console.print(Text(session.say("verify.extract")), soft_wrap=True)
        else:
            console.print(Text(session.say("verify.openssl")))
        payload, signature = _files(where, position, len(proven))
        console.print(Text(_openssl(payload, signature, key)), soft_wrap=True)


def _document(
    proven: receipts.ProvenReceipt, files: tuple[Path, Path], key: Path
) -> dict[str, object]:
    payload, signature = files
    return {
        "valid": True,
        "key_id": proven.receipt.key_id,
        "verdict": verdict_document(proven.verdict),
        "openssl": _openssl(payload, signature, key),
    }


def _files(where: Path, position: int, count: int) -> tuple[Path, Path]:
    suffix = "" if count == 1 else f"-{position}"
    return where / f"payload{suffix}.bin", where / f"signature{suffix}.der"


def _extract(where: Path, proven: list[receipts.ProvenReceipt]) -> None:
    try:
        where.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("file.unwritable", file=where, why=error.strerror or error) from error
    for position, each in enumerate(proven, start=1):
        payload, signature = _files(where, position, len(proven))
        write_file(payload, each.receipt.payload)
        write_file(signature, each.receipt.signature)


def _openssl(payload: Path, signature: Path, key: Path) -> str:
    return shlex.join(
        [
            "openssl",
            "dgst",
            "-sha256",
            "-verify",
            str(key),
            "-signature",
            str(signature),
            str(payload),
        ]
    )
