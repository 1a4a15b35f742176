"""The command line `descargo-server`: each command parses its arguments and calls one function."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from descargo_server.admin.exit_codes import BAD_USAGE, FAILED, OK
from descargo_server.admin.terminal import complain, say
from descargo_server.admin.verify_raw import ALGORITHMS, answer_lines

__all__ = ["main"]

cli = typer.Typer(
    help="Descargo: validates the licenses of Mexican customs and says firma or error.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
config_cli = typer.Typer(help="The configuration.", no_args_is_help=True)
catalogue_cli = typer.Typer(help="The dated catalogues.", no_args_is_help=True)
signer_cli = typer.Typer(help="Officials and their certificates.", no_args_is_help=True)
rules_cli = typer.Typer(help="Rules: which permits a line needs.", no_args_is_help=True)
pki_cli = typer.Typer(help="Keys and certificates.", no_args_is_help=True)
cli.add_typer(config_cli, name="config")
cli.add_typer(catalogue_cli, name="catalogue")
cli.add_typer(rules_cli, name="rules")
cli.add_typer(pki_cli, name="pki")
cli.add_typer(signer_cli, name="signer")

ConfigOption = Annotated[
    Path, typer.Option("--config", help="The file descargo.toml.", metavar="FILE")
]


def main() -> NoReturn:
    """Runs the command that the arguments name."""
    cli()
    sys.exit(OK)


@cli.command(epilog="Example: descargo-server serve --config demo/descargo.toml")
def serve(
    config: ConfigOption,
    ready_file: Annotated[
        Path | None,
        typer.Option("--ready-file", help="Write the port here once serving.", metavar="PATH"),
    ] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. SIGHUP reads access.toml and revocations again."""
    from descargo_server.admin.serve import serve as serve_until_told  # noqa: PLC0415 - starts grpc

    raise typer.Exit(serve_until_told(config, ready_file))


@config_cli.command("check", epilog="Example: descargo-server config check --config descargo.toml")
def config_check(config: ConfigOption) -> None:
    """Check the configuration and every file that it names; print all problems at once."""
    from descargo_server.admin.check import check_configuration  # noqa: PLC0415 - loads the core

    raise typer.Exit(check_configuration(config))


@catalogue_cli.command(
    "import",
    epilog="Example: descargo-server catalogue import --format sat-catalogs DIR --config FILE",
)
def catalogue_import(
    source: Annotated[Path, typer.Argument(help="The folder of the files.", metavar="DIR")],
    source_format: Annotated[
        str, typer.Option("--format", help="Format of the files: sat-catalogs.")
    ],
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Import for this server.", metavar="FILE"),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Import into this folder.", metavar="DIR")
    ] = None,
) -> None:
    """Import a newer catalogue; the server takes it at its next start."""
    from descargo_server.admin.catalogue import import_catalogue  # noqa: PLC0415 - loads the parser

    raise typer.Exit(import_catalogue(source, source_format, config, out))


@signer_cli.command(
    "affected",
    epilog="Example: descargo-server signer affected --certificate SHA256"
    " --after 2026-05-01T00:00:00Z --config descargo.toml",
)
def signer_affected(
    certificate: Annotated[
        str, typer.Option("--certificate", help="SHA-256 of the certificate.", metavar="SHA256")
    ],
    after: Annotated[
        str, typer.Option("--after", help="From this RFC 3339 instant on.", metavar="INSTANT")
    ],
    config: ConfigOption,
    as_json: Annotated[bool, typer.Option("--json", help="As one JSON object.")] = False,
) -> None:
    """List every license and verdict that rests on a certificate. Reads the ledger only."""
    from descargo_server.admin.signer import show_affected  # noqa: PLC0415 - loads the contract

    raise typer.Exit(show_affected(config, certificate, after, as_json=as_json))


RulesArgument = Annotated[
    list[Path], typer.Argument(help="Files of rules, or folders of them.", metavar="FILE...")
]
RulesConfigOption = Annotated[
    Path | None,
    typer.Option("--config", help="Check against this server's catalogue.", metavar="FILE"),
]


@rules_cli.command("check", epilog="Example: descargo-server rules check rules/se.toml")
def rules_check(files: RulesArgument, config: RulesConfigOption = None) -> None:
    """Check files of rules as one set; print every problem as file:line:column."""
    from descargo_server.admin.ruleset import check_ruleset  # noqa: PLC0415 - loads the core

    raise typer.Exit(check_ruleset(files, config))


@rules_cli.command("test", epilog="Example: descargo-server rules test rules")
def rules_test(files: RulesArgument, config: RulesConfigOption = None) -> None:
    """Run the cases (*.cases.toml) that are named or lie in the folders, against the rules."""
    from descargo_server.admin.ruleset import try_ruleset  # noqa: PLC0415 - loads the core

    raise typer.Exit(try_ruleset(files, config))


@pki_cli.command("demo", epilog="Example: descargo-server pki demo --out demo")
def pki_demo(
    out: Annotated[Path, typer.Option("--out", help="The folder to fill.", metavar="DIR")],
    force: Annotated[
        bool, typer.Option("--force", help="Replace a former demo PKI in that folder.")
    ] = False,
    listen: Annotated[
        str, typer.Option("--listen", help="The address in descargo.toml.")
    ] = "127.0.0.1:50443",
    valid_from: Annotated[
        str, typer.Option("--valid-from", help="First day of certificates; default yesterday.")
    ] = "",
) -> None:
    """Make a demo: authorities, e.firma pairs, TLS pairs, configuration. Nothing of it is real."""
    from descargo_server.admin.pki import make_demo_pki  # noqa: PLC0415 - slow to import

    raise typer.Exit(make_demo_pki(out, force=force, listen=listen, valid_from=valid_from))


@cli.command(
    "verify-raw",
    epilog="Example: descargo-server verify-raw --alg ed25519 --spki key.der --msg m --sig m.sig",
)
def verify_raw(
    alg: Annotated[str, typer.Option("--alg", help=f"One of {', '.join(ALGORITHMS)}.")] = "",
    spki: Annotated[
        Path | None, typer.Option("--spki", help="Public key, DER.", metavar="FILE")
    ] = None,
    msg: Annotated[
        Path | None, typer.Option("--msg", help="What was signed.", metavar="FILE")
    ] = None,
    sig: Annotated[
        Path | None, typer.Option("--sig", help="The signature.", metavar="FILE")
    ] = None,
    batch: Annotated[
        bool, typer.Option("--batch", help="JSON lines {id,alg,spki,msg,sig} in hex on stdin.")
    ] = False,
) -> None:
    """Check one signature with the function that checks submissions. Exit 0 valid, 1 invalid."""
    from descargo_server._core import verify_raw as verify  # noqa: PLC0415 - loads the core

    if batch:
        for line in answer_lines(sys.stdin.buffer, verify):
            say(line)
            sys.stdout.flush()
        raise typer.Exit(OK)
    if not alg or spki is None or msg is None or sig is None:
        complain("say --alg, --spki, --msg and --sig, or --batch")
        raise typer.Exit(BAD_USAGE)
    try:
        reason = verify(alg, spki.read_bytes(), msg.read_bytes(), sig.read_bytes())
    except OSError as error:
        complain(f"`{error.filename}` cannot be read: {(error.strerror or 'unreadable').lower()}")
        raise typer.Exit(BAD_USAGE) from error
    say("valid" if not reason else f"invalid: {reason}")
    raise typer.Exit(FAILED if reason else OK)


@cli.command(epilog="Example: descargo-server demo --once")
def demo(
    once: Annotated[
        bool, typer.Option("--once", help="End by itself, as without a terminal.")
    ] = False,
    lang: Annotated[str, typer.Option("--lang", help="es or en.")] = "es",
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the demo works.", metavar="DIR")
    ] = Path("demo"),
) -> None:
    """Show the whole main job on this machine: submit, exercise, refuse, correct, prove."""
    from descargo_server.demo import run_demo  # noqa: PLC0415 - the only command that needs it

    raise typer.Exit(run_demo(once=once, lang=lang, folder=folder))
