"""The sample ruleset that ships with the server, one file per agency, with its cases.

`ruleset.schema.json` is the JSON Schema of a file of rules: editors check and complete with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CASES_SUFFIX", "rule_files"]

CASES_SUFFIX: Final = ".cases.toml"
"""How a file of cases ends; every other `.toml` of a folder holds rules."""


def rule_files(folder: Path | None) -> list[Path]:
    """The files of rules in a folder, in the order of their names."""
    if folder is None:
        return []
    files = sorted(folder.glob("*.toml"))
    return [file for file in files if not file.name.endswith(CASES_SUFFIX)]
