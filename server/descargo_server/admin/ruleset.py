"""`descargo-server rules`: check rulesets, and run the cases that lie beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from descargo_server._core import Ruleset
from descargo_server.admin.exit_codes import BAD_USAGE, FAILED, OK
from descargo_server.admin.terminal import complain, say
from descargo_server.catalogues.importer import newest_catalogue
from descargo_server.config.files import shipped_folder
from descargo_server.config.load import instruments_path, read_config
from descargo_server.config.problems import ConfigurationInvalid
from descargo_server.rulesets import CASES_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["check_ruleset", "try_ruleset"]


def check_ruleset(paths: Sequence[Path], config: Path | None) -> int:
    """Checks files and folders of rules as one set; returns the exit code."""
    compiled = _compiled(paths, config)
    if isinstance(compiled, int):
        return compiled
    count = compiled.rule_count()
    say(
        f"{count} rule{'' if count == 1 else 's'}, no problem", f"sha256  {compiled.sha256().hex()}"
    )
    return OK


def try_ruleset(paths: Sequence[Path], config: Path | None) -> int:
    """Runs the cases in and beside the files; returns the exit code."""
    compiled = _compiled(paths, config)
    if isinstance(compiled, int):
        return compiled
    ran, problems = 0, list[str]()
    try:
        for path in _files(paths, cases=True):
            count, told = compiled.run_cases(str(path), path.read_bytes())
            ran += count
            problems += told
    except OSError as error:
        return _unreadable(error)
    if problems:
        complain(*problems)
        return FAILED
    if not ran:
        complain(f"no case was found: cases are in files that end with `{CASES_SUFFIX}`")
        return BAD_USAGE
    say(f"{ran} cases, all as expected")
    return OK


def _compiled(paths: Sequence[Path], config: Path | None) -> Ruleset | int:
    """The set, or the exit code after its problems were told."""
    try:
        folders = [shipped_folder()] if config is None else [
            read_config(config)[1].catalogues, shipped_folder()
        ]  # fmt: skip
        files = [(str(path), path.read_bytes()) for path in _files(paths, cases=False)]
        catalogue = newest_catalogue(folders).read_bytes()
        return Ruleset(files, catalogue, instruments_path().read_bytes())
    except ConfigurationInvalid as invalid:
        complain(*(str(problem) for problem in invalid.problems))
        return BAD_USAGE
    except OSError as error:
        return _unreadable(error)
    except ValueError as error:
        complain(*error.args[0])
        return FAILED


def _files(paths: Sequence[Path], *, cases: bool) -> list[Path]:
    """Files as named, and those of folders, of one of both kinds, each once."""
    found: dict[Path, None] = {}
    for path in paths:
        files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
        found.update((file, None) for file in files if _is_cases(file) is cases)
    return list(found)


def _is_cases(path: Path) -> bool:
    return path.name.endswith(CASES_SUFFIX)


def _unreadable(error: OSError) -> int:
    complain(f"`{error.filename}` cannot be read: {(error.strerror or 'unreadable').lower()}")
    return BAD_USAGE
