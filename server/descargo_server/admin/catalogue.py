"""`descargo-server catalogue import`: a newer catalogue beside the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from descargo_server.admin.exit_codes import BAD_USAGE, FAILED, OK
from descargo_server.admin.terminal import complain, say
from descargo_server.catalogues.importer import CatalogueError, import_sat_catalogs
from descargo_server.config.load import read_config
from descargo_server.config.problems import ConfigurationInvalid

__all__ = ["import_catalogue"]

SAT_CATALOGS: Final = "sat-catalogs"


def import_catalogue(
    source: Path, source_format: str, config: Path | None, out: Path | None
) -> int:
    """Imports into the folder of a server, or into any folder; returns the exit code."""
    if source_format != SAT_CATALOGS:
        complain(f"unknown format `{source_format}`; known: {SAT_CATALOGS}")
        return BAD_USAGE
    try:
        match (config, out):
            case (Path() as file, None):
                folder = read_config(file)[1].catalogues
            case (None, Path() as folder):
                pass
            case _:
                complain("say either --config FILE or --out DIR")
                return BAD_USAGE
        folder.mkdir(parents=True, exist_ok=True)
        imported = import_sat_catalogs(source, folder)
    except ConfigurationInvalid as invalid:
        complain(*(str(problem) for problem in invalid.problems))
        return BAD_USAGE
    except CatalogueError as error:
        complain(*(str(problem) for problem in error.problems))
        return FAILED
    say(f"{imported.path}", f"version  {imported.version}")
    say(*(f"{section:16} {rows:6}" for section, rows in imported.rows.items()))
    return OK
