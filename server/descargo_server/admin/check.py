"""`descargo-server config check`: all problems at once, before anybody waits at a lane."""

from __future__ import annotations

from typing import TYPE_CHECKING

from descargo_server.admin.exit_codes import BAD_USAGE, OK
from descargo_server.admin.terminal import complain, say
from descargo_server.config.load import load_configuration
from descargo_server.config.problems import ConfigurationInvalid

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_configuration"]


def check_configuration(path: Path) -> int:
    """Prints every problem, or what would be served; returns the exit code."""
    try:
        configuration = load_configuration(path)
    except ConfigurationInvalid as invalid:
        complain(*(str(problem) for problem in invalid.problems))
        complain(f"{len(invalid.problems)} problem(s)")
        return BAD_USAGE
    config = configuration.config
    say(
        f"{path} can be served",
        f"validator   {config.validator}",
        f"listen      {config.listen} ({'mTLS' if config.tls else 'plaintext, demo only'})",
        f"identities  {len(configuration.registry)}",
        f"signers     {len(configuration.registry.signers)}",
        f"catalogue   {configuration.catalogue.name}",
        f"ledger      {config.ledger}",
    )
    return OK
