"""`--answers OUT.jsonl`: each answer on its line, as soon as it is there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from descargo_client.faults import BadInput

if TYPE_CHECKING:
    from pathlib import Path
    from typing import TextIO


class AnswerLines:
    """The file of answers; without a path nothing is written."""

    def __init__(self, path: Path | None) -> None:
        """Opens it; what an earlier run wrote stays until there is something in its place."""
        self._file: TextIO | None = None
        self._is_old = True
        if path is None:
            return
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as error:
            raise BadInput("file.unwritable", file=path, why=error.strerror or error) from error

    def write(self, document: object) -> None:
        """Writes one answer."""
        if self._file is None:
            return
        if self._is_old and self._file.seekable():
            self._file.truncate(0)
        self._is_old = False
        self._file.write(json.dumps(document, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
