"""Runs the command line: finds the command, speaks the language, and ends with a stable code.

0 firma, preview or done; 1 error; 2 wrong use or bad file; 3 no answer; 4 not allowed;
130 interrupted.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from descargo_client import __version__
from descargo_client.cli import (
    canonical,
    certificate,
    declarations,
    exercise,
    license_show,
    operations,
    report,
    required,
    submit,
    verify,
    watch,
)
from descargo_client.cli.session import Session, write_error
from descargo_client.faults import ClientError
from descargo_client.texts import LANGUAGES, Language, catalogue, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from descargo_client.cli.session import Output

USAGE: Final = 2
INTERRUPTED: Final = 130
_TEXT_ATTRIBUTES: Final = ("help", "short_help", "epilog", "rich_help_panel")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    session = Session(_early_output(arguments), _early_language(arguments))
    _use_utf8()
    # gRPC would write its own lines, in no language that people read, beside ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    command: Any = get_command(_app())
    _localise(command, session.language)
    if not arguments or "--help" in arguments:
        _localise_frames(session.language)
    try:
        code = int(command.main(arguments, prog_name="descargo", standalone_mode=False) or 0)
    except ClientError as error:
        write_error(session, error)
        return error.exit_code
    except TyperException as error:
        write_error(session, _usage_error(error))
        return USAGE
    except typer.Abort:
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader went away, as `head` does; writing at exit would only fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    if code == INTERRUPTED:
        session.note("cli.interrupted")
    return code


def run() -> None:
    """The entry point of the installed script."""
    raise SystemExit(main())


def _app() -> typer.Typer:
    app = typer.Typer(
        name="descargo",
        help="help.descargo",
        epilog="example.descargo",
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    _register_version(app)
    submit.register(app)
    exercise.register(app)
    declarations.register(app)
    required.register(app)
    license_show.register(app)
    watch.register(app)
    report.register(app)
    verify.register(app)
    certificate.register(app)
    canonical.register(app)
    operations.register(app)
    return app


def _show_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"descargo {__version__}\n")
        raise typer.Exit


def _register_version(app: typer.Typer) -> None:
    @app.callback()
    def root(
        *,
        version: Annotated[
            bool,
            typer.Option(
                "--version", help="option.show_version", callback=_show_version, is_eager=True
            ),
        ] = False,
    ) -> None:
        del version


def _localise(command: Any, language: Language) -> None:
    """Replaces the keys that commands and options carry by the texts of the language."""
    keys = catalogue()
    for part in (command, *command.params):
        for name in _TEXT_ATTRIBUTES:
            key = getattr(part, name, None)
            if isinstance(key, str) and key in keys:
                setattr(part, name, text(key, language))
    help_option = command.get_help_option(typer.Context(command))
    help_option.help = text("option.help", language)
    for inner in getattr(command, "commands", {}).values():
        _localise(inner, language)


def _localise_frames(language: Language) -> None:
    """What typer itself writes around help; loaded only for help, since it is slow to import."""
    from typer import rich_utils  # noqa: PLC0415 - slow to import

    for name in ("ARGUMENTS_PANEL_TITLE", "OPTIONS_PANEL_TITLE", "COMMANDS_PANEL_TITLE"):
        setattr(rich_utils, name, text(f"panel.{name.partition('_')[0].lower()}", language))
    rich_utils.DEFAULT_STRING = text("panel.default", language)
    rich_utils.ENVVAR_STRING = text("panel.envvar", language)
    rich_utils.REQUIRED_LONG_STRING = text("panel.required", language)


def _early_language(arguments: Sequence[str]) -> Language:
    """The language, found before the arguments are parsed, so that a wrong use is said in it."""
    given = _early(arguments, ("--lang",)) or os.environ.get("DESCARGO_LANG", "")
    return next((each for each in LANGUAGES if each == given), LANGUAGES[0])


def _early_output(arguments: Sequence[str]) -> Output:
    return "json" if _early(arguments, ("-o", "--output")) == "json" else "table"


def _early(arguments: Sequence[str], names: tuple[str, ...]) -> str:
    for name in names:
        if name in arguments[:-1]:
            return arguments[arguments.index(name) + 1]
        for argument in arguments:
            if argument.startswith(f"{name}="):
                return argument.partition("=")[2]
    return ""


def _usage_error(error: TyperException) -> ClientError:
    kind = type(error).__name__
    parameter = getattr(error, "param", None)
    hint = _hint(parameter)
    if kind == "NoArgsIsHelpError":
        return ClientError("cli.no_command")
    if kind == "MissingParameter":
        return ClientError("cli.missing", name=hint)
    if kind == "NoSuchOption":
        return ClientError("cli.no_such_option", name=getattr(error, "option_name", ""))
    return ClientError("cli.usage", why=error.format_message())


def _hint(parameter: Any) -> str:
    names = [each for each in getattr(parameter, "opts", ()) if each.startswith("-")]
    return names[0] if names else str(getattr(parameter, "name", "") or "").upper()


def _use_utf8() -> None:
    """JSON is UTF-8 whatever the locale says."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
