"""Remembers what was signed and sent from a file, so that running it again replays.

The outbox is a JSON-lines file beside the input. An envelope is written before it is sent, and how
it ended after the answer. A second run sends the very same envelope with the same key for what got
a firma or no answer at all, so the validator replays; what got an error is signed anew, since the
error may be mended by now outside the file (a signer enrolled, a clock set).
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError

from descargo.v1 import submission_pb2
from descargo_client import agency
from descargo_client.faults import BadInput

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path
    from typing import TextIO

    from google.protobuf.message import Message

    from descargo_client.signing import Signer

SUFFIX: Final = ".outbox.jsonl"


@dataclass(frozen=True, slots=True)
class Letter:
    """One signed submission with the key that it is sent under."""

    content_key: str
    """Names what the file says and who signs it, whenever that happens."""
    request_id: str
    """Key of the request."""
    envelope: submission_pb2.Envelope
    """What is sent."""
    submission: submission_pb2.Submission | None = None
    """What a canonical string says; it is sent beside the envelope."""


class Outbox:
    """The letters of one file; safe to use from several threads."""

    def __init__(self, path: Path | None) -> None:
        """Opens the outbox of an earlier run, or begins one; no path, no memory."""
        self._lock = threading.Lock()
        self._letters: dict[str, Letter] = {}
        self._errors: Counter[str] = Counter()
        self._file: TextIO | None = None
        if path is None:
            return
        try:
            torn = path.exists() and self._read(path)
            self._file = path.open("a", encoding="utf-8")
            if torn:
                self._file.write("\n")
        except OSError as error:
            raise BadInput("file.unwritable", file=path, why=error.strerror or error) from error

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()

    def letter(
        self,
        submission: submission_pb2.Submission,
        signer: Signer,
        *,
        validator: str,
        signed_at: datetime,
        form: agency.Form = "payload",
    ) -> Letter:
        """The letter of an earlier run if it may be sent again, else a new one, signed now.

        An earlier letter keeps the form that it was signed in: it says the same.
        """
        content_key = _content_key(submission, signer, validator)
        with self._lock:
            earlier = self._letters.get(content_key)
        if earlier is not None:
            return earlier
        addressed = agency.address(submission, validator=validator, signed_at=signed_at)
        if form == "canonical":
            envelope, beside = agency.seal_canonical(addressed, signer), addressed
        else:
            envelope, beside = agency.seal(agency.serialise(addressed), signer), None
        request_id = agency.request_id_of(envelope, self._errors[content_key])
        entry = {
            "content": content_key,
            "request_id": request_id,
            "envelope": _encoded(envelope),
        }
        if beside is not None:
            entry["submission"] = _encoded(beside)
        self._write(entry)
        return Letter(content_key, request_id, envelope, beside)

    def answered(self, letter: Letter, outcome: str) -> None:
        """Notes how a letter ended."""
        self._write(
            {
                "content": letter.content_key,
                "request_id": letter.request_id,
                "outcome": outcome,
            }
        )

    def settle(self, content_key: str, request_id: str, outcome: str) -> None:
        """Notes how a letter of an earlier run ended, if that run was killed before it could."""
        with self._lock:
            letter = self._letters.get(content_key)
        if letter is None or letter.request_id != request_id or outcome == "firma":
            return
        self.answered(letter, outcome)
        with self._lock:
            del self._letters[content_key]
            self._errors[content_key] += 1

    def _write(self, entry: dict[str, str]) -> None:
        with self._lock:
            if self._file is not None:
                self._file.write(json.dumps(entry) + "\n")
                self._file.flush()

    def _read(self, path: Path) -> bool:
        """Takes in an earlier run; says whether its last line is torn, as a power cut leaves it."""
        *lines, last = path.read_bytes().split(b"\n")
        for number, line in enumerate(lines, start=1):
            try:
                if line.startswith(b"{") and line.endswith(b"}"):
                    self._take(json.loads(line))
            except (ValueError, KeyError, TypeError, DecodeError) as error:
                raise BadInput("outbox.damaged", file=path, line=number) from error
        return bool(last)

    def _take(self, entry: dict[str, str]) -> None:
        content_key = entry["content"]
        if "envelope" in entry:
            envelope = submission_pb2.Envelope.FromString(base64.b64decode(entry["envelope"]))
            beside = (
                submission_pb2.Submission.FromString(base64.b64decode(entry["submission"]))
                if "submission" in entry
                else None
            )
            self._letters[content_key] = Letter(content_key, entry["request_id"], envelope, beside)
        elif entry["outcome"] != "firma":
            self._letters.pop(content_key, None)
            self._errors[content_key] += 1


def _encoded(message: Message) -> str:
    return base64.b64encode(message.SerializeToString(deterministic=True)).decode("ascii")


def _content_key(submission: submission_pb2.Submission, signer: Signer, validator: str) -> str:
    digest = hashlib.sha256()
    for part in (agency.serialise(submission), signer.certificate.encoding, validator.encode()):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()
