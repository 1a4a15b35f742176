"""The options that commands share, declared once, and how they become a connection.

A command's body takes a `Session` first and its own options after it; `command` adds the shared
ones.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from descargo_client.cli.session import Output, Session
from descargo_client.connection import Connection, read_profile
from descargo_client.faults import BadInput
from descargo_client.texts import Language

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

PANEL: Final = "panel.connection"


def _option(
    *names: str, help_key: str, envvar: str | None = None, panel: str | None = PANEL
) -> Any:
    return typer.Option(*names, help=help_key, envvar=envvar, rich_help_panel=panel)


def _shared(name: str, annotation: Any, default: object) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, annotation=annotation, default=default)


def _connection_text(name: str, option: str) -> inspect.Parameter:
    envvar = "DESCARGO_" + option.removeprefix("--").replace("-", "_").upper()
    declared = _option(option, help_key=f"option.{name}", envvar=envvar)
    return _shared(name, Annotated[str | None, declared], None)


OUTPUT_OPTIONS: Final = (
    _shared(
        "output",
        Annotated[Output, _option("--output", "-o", help_key="option.output", panel=None)],
        "table",
    ),
    _shared(
        "lang",
        Annotated[
            Language,
            _option("--lang", help_key="option.lang", envvar="DESCARGO_LANG", panel=None),
        ],
        "es",
    ),
)
"""Options of every command."""

CONNECTION_OPTIONS: Final = (
    _connection_text("server", "--server"),
    _connection_text("tls_cert", "--tls-cert"),
    _connection_text("tls_key", "--tls-key"),
    _connection_text("tls_ca", "--tls-ca"),
    _connection_text("server_name", "--server-name"),
    _shared(
        "timeout",
        Annotated[
            float | None,
            _option("--timeout", help_key="option.timeout", envvar="DESCARGO_TIMEOUT"),
        ],
        None,
    ),
    _shared(
        "plaintext",
        Annotated[
            bool | None,
            _option("--plaintext", help_key="option.plaintext", envvar="DESCARGO_PLAINTEXT"),
        ],
        None,
    ),
    _connection_text("identity", "--identity"),
    _connection_text("profile", "--profile"),
)
"""Options of every command that calls a validator."""


def command(
    app: typer.Typer, name: str, *, connected: bool
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Registers a command whose body gets a Session; `help.NAME`, `example.NAME` describe it."""
    shared = (*OUTPUT_OPTIONS, *(CONNECTION_OPTIONS if connected else ()))

    def register(body: Callable[..., int]) -> Callable[..., int]:
        own = list(inspect.signature(body, eval_str=True).parameters.values())[1:]

        def run(**arguments: Any) -> int:
            common = {each.name: arguments.pop(each.name) for each in shared}
            session = Session(common.pop("output"), common.pop("lang"), common)
            return body(session, **arguments)

        _declare(run, (*own, *shared))
        key = body.__name__.replace("_", ".")
        app.command(name, help=f"help.{key}", epilog=f"example.{key}")(run)
        return body

    return register


def _declare(run: Callable[..., int], parameters: Sequence[inspect.Parameter]) -> None:
    """Gives the function the signature that typer reads."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    declared = [each.replace(kind=keyword) for each in parameters]
    run.__signature__ = inspect.Signature(declared)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in declared}


def settings_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of the connection: options first, then the profile."""
    profile = options.get("profile")
    settings: dict[str, Any] = dict(read_profile(Path(profile))) if profile else {}
    given = {name: value for name, value in options.items() if value is not None}
    given.pop("profile", None)
    return settings | given


def connection_of(options: Mapping[str, Any]) -> Connection:
    """Makes the connection; raises BadInput naming the option that is missing or wrong."""
    settings = settings_of(options)
    settings.pop("validator", None)
    timeout = settings.pop("timeout", None)
    if timeout is not None:
        settings["timeout_s"] = float(timeout)
    for name in ("tls_cert", "tls_key", "tls_ca"):
        if settings.get(name):
            settings[name] = Path(settings[name])
    if not settings.get("plaintext"):
        for name in ("tls_cert", "tls_key", "tls_ca"):
            if not settings.get(name):
                raise BadInput("connection.missing", option=f"--{name.replace('_', '-')}")
    return Connection(**settings)


def validator_of(options: Mapping[str, Any], given: str | None) -> str:
    """Name of the validator that submissions are addressed to, from the option or the profile."""
    return given or str(settings_of(options).get("validator", ""))
