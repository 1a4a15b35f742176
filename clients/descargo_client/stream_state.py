"""What is known of a file's stream while it is under way, kept so that a killed run goes on.

A JSON-lines file: first the stream's id with what the stream is made of, then each answer as it
came. It is gone once everything is answered. While it is there the file may not change, since the
answers stand for its items by their places.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import IO, TYPE_CHECKING, Any, Final, Self

from google.protobuf.message import DecodeError

from descargo.v1 import verdict_pb2
from descargo_client.faults import BadInput
from descargo_client.folder.lock import lock

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX: Final = ".stream.jsonl"


@dataclass(frozen=True, slots=True)
class Origin:
    """What a stream is made of; the same all the time that it is under way."""

    content: str
    """Digest of what the file says, item by item."""
    signer: str
    """Digest of the certificate that the items are signed with."""
    validator: str
    """Whom they are addressed to."""
    total: int
    """How many items the file has."""


@dataclass(frozen=True, slots=True)
class Held:
    """An answer that an earlier run got."""

    position: int
    """Place of the item in the file, from 0."""
    content_key: str
    """The outbox's name of what was sent."""
    answer: verdict_pb2.ItemAnswer
    """The answer."""


class StreamState:
    """The state of one file's stream. Use it as a context, or close it."""

    def __init__(self, path: Path | None, origin: Origin) -> None:
        """Takes up the stream of an earlier run, or begins one; without a path nothing is kept.

        Raises BadInput when another process has it, or when it was begun with something else.
        """
        self.stream_id = str(uuid.uuid4())
        """Names the stream."""
        self.held: list[Held] = []
        """Answers of earlier runs, in the order of the stream."""
        self._path = path
        self._file: IO[bytes] | None = None
        self._count = 0
        if path is None:
            return
        try:
            self._file = _opened(path)
            self._begin(path, self._file, origin)
        except OSError as error:
            self.close()
            raise BadInput("file.unwritable", file=path, why=error.strerror or error) from error
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Returns the state itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    @property
    def answered(self) -> int:
        """The last sequence of the stream whose answer is kept."""
        return self._count

    def keep(self, position: int, content_key: str, answer: verdict_pb2.ItemAnswer) -> None:
        """Keeps the answer that came next."""
        self._count += 1
        encoded = base64.b64encode(answer.SerializeToString()).decode("ascii")
        self._write({"item": position, "content": content_key, "answer": encoded})

    def finish(self) -> None:
        """Everything is answered: the next run is another stream."""
        if self._file is None or self._path is None:
            return
        self._file.truncate(0)
        # Some systems keep a file that is open; an empty one says the same.
        with suppress(OSError):
            self._path.unlink()

    def close(self) -> None:
        """Closes the file, which others may have then."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self, path: Path, file: IO[bytes], origin: Origin) -> None:
        file.seek(0)
        *lines, torn = file.read().split(b"\n")
        if torn:
            # A power cut left half a line: its answer comes again.
            file.truncate(sum(len(line) + 1 for line in lines))
            file.seek(0, os.SEEK_END)
        if not lines:
            self._write({"stream_id": self.stream_id} | asdict(origin))
            return
        for number, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
                if number == 1:
                    self.stream_id = str(uuid.UUID(entry.pop("stream_id")))
                    began = Origin(**entry)
                else:
                    self.held.append(_held(entry, began.total))
            except (ValueError, KeyError, TypeError, DecodeError, binascii.Error) as error:
                raise BadInput("stream.damaged", file=path, line=number) from error
        self._count = len(self.held)
        _compare(path, began, origin, self._count)

    def _write(self, entry: dict[str, Any]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(entry).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise BadInput(
                "file.unwritable", file=self._path, why=error.strerror or error
            ) from error


def _opened(path: Path) -> IO[bytes]:
    """The file, locked; it ends with the process however that ends."""
    while True:
        file = path.open("a+b")
        try:
            lock(file)
            # Another process may have finished the stream between the two.
            if path.exists() and os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return file
        except BlockingIOError as error:
            file.close()
            raise BadInput("stream.locked", state=path) from error
        except BaseException:
            file.close()
            raise
        file.close()


def _held(entry: dict[str, Any], total: int) -> Held:
    position = int(entry["item"])
    if not 0 <= position < total:
        raise ValueError(position)
    answer = verdict_pb2.ItemAnswer.FromString(base64.b64decode(entry["answer"], validate=True))
    return Held(position, str(entry["content"]), answer)


def _compare(path: Path, began: Origin, origin: Origin, held: int) -> None:
    values = {"state": path, "held": held, "total": began.total}
    if (began.content, began.total) != (origin.content, origin.total):
        raise BadInput("stream.file_changed", **values)
    if (began.signer, began.validator) != (origin.signer, origin.validator):
        raise BadInput("stream.signer_changed", **values)
