"""Help, wrong use, profiles, `certificate show`, and a start that loads no more than it needs."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from descargo.v1 import verdict_pb2
from descargo_client.cli import main as entry
from descargo_client.texts import catalogue

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.client.conftest import CertificateMaker, EfirmaFiles, Ran, ScriptedValidator

    Run = Callable[..., Ran]

REQUEST_ID = "3f0c2f0e-6f0e-4d7e-9a51-1c0a3e9a7f10"
COMMANDS = [
    ["submit"], ["validate"], ["check"], ["outcome"], ["license", "show"], ["verify"],
    ["certificate", "show"], ["operations", "quarantine"], ["operations", "revoke"],
    ["operations", "signer", "enroll"], ["operations", "signer", "list"],
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(("language", "word"), [("es", "Ejemplo"), ("en", "Example")])
def test_every_command_has_help_with_an_example_in_both_languages(
    descargo: Run, command: list[str], language: str, word: str
) -> None:
    ran = descargo(*command, "--lang", language, "--help")
    assert ran.code == 0
    assert f"{word}: descargo {' '.join(command)}" in " ".join(ran.out.split())
    assert [key for key in catalogue() if re.search(rf"(?<!\S){re.escape(key)}\b", ran.out)] == []


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "comando"),
        (["firmar"], "firmar"),
        (["outcome"], "REQUEST_ID"),
        (["outcome", REQUEST_ID, "--nada"], "--nada"),
        (["outcome", REQUEST_ID, "--timeout", "mucho"], "--timeout"),
        (["outcome", "no-es-uuid", "--plaintext"], "UUID"),
        (["outcome", REQUEST_ID], "--tls-cert"),
        (["outcome", REQUEST_ID, "--plaintext", "--server", "10.0.0.1:1"], "10.0.0.1"),
        (["outcome", REQUEST_ID, "-o", "xml"], "xml"),
        (["certificate", "show", "/no/existe.cer"], "/no/existe.cer"),
        (["validate", "--plaintext", "--rfc", "X"], "--declaration-number"),
        (["check", "--plaintext", "--file", "a.json", "--rfc", "X"], "--rfc"),
    ],
)
def test_wrong_use_ends_with_2_and_says_what(
    descargo: Run, arguments: list[str], part: str
) -> None:
    ran = descargo(*arguments)
    assert ran.code == 2
    assert part in ran.err


def test_a_measure_without_unit_is_refused(descargo: Run) -> None:
    options = {
        "declaration-number": "1", "declaration-key": "A1", "operation": "IMPORT", "regime": "IMD",
        "rfc": "X", "office": "240", "tariff": "1", "nico": "00", "origin": "USA", "seller": "USA",
        "umc": "500", "umt": "500:", "value-usd": "1", "permit-key": "C1", "permit-number": "1",
        "firma": "A",
    }  # fmt: skip
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    ran = descargo("check", "--plaintext", *flags)
    assert ran.code == 2
    assert ran.err.count("CANTIDAD:UNIDAD") == 2


def test_an_error_as_json_is_one_object_with_its_key(descargo: Run) -> None:
    ran = descargo("outcome", "x", "--plaintext", "-o", "json")
    assert (ran.code, ran.error["key"]) == (2, "option.not_uuid")


def test_a_certificate_is_shown_in_both_outputs(descargo: Run, efirma: EfirmaFiles) -> None:
    ran = descargo("certificate", "show", efirma.cert)
    assert ran.code == 0
    for part in ("PERSONA ÑANDÚ DE PRUEBA", "CACX7605101P8", "30001000000400002335", "e.firma"):
        assert part in ran.out
    ran = descargo("certificate", "show", efirma.cert, "-o", "json")
    assert list(ran.json) == [
        "rfc", "curp", "number", "kind", "name", "representative_rfc", "valid_from", "valid_to",
        "issuer",
    ]  # fmt: skip
    assert ran.json["name"] == "PERSONA ÑANDÚ DE PRUEBA"
    assert "ÑANDÚ" in ran.out


def test_a_name_cannot_steer_the_terminal(
    descargo: Run, certs: CertificateMaker, tmp_path: Path
) -> None:
    file = tmp_path / "a.cer"
    subject = certs.name(CN=(0x0C, "MALO\x1b[2J[red]"), uid=(0x0C, "EKU9003173C9"))
    file.write_bytes(certs.certificate(subject))
    ran = descargo("certificate", "show", file)
    assert "\x1b" not in ran.out
    assert "[red]" in ran.out


def test_garbage_ends_with_2(descargo: Run, tmp_path: Path) -> None:
    file = tmp_path / "a.cer"
    file.write_bytes(bytes(range(256)))
    ran = descargo("certificate", "show", file, "--lang", "en")
    assert (ran.code, ran.out) == (2, "")
    assert "not an X.509 certificate" in ran.err


def _answer(validator: ScriptedValidator) -> None:
    verdict = verdict_pb2.Verdict(firma=verdict_pb2.Firma(acceptance_code="WXYZ6789"))
    validator.replies.append(validator.answer(verdict))


def test_a_profile_names_the_connection_and_options_win(
    validator: ScriptedValidator, descargo: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answer(validator)
    profile = tmp_path / "carril.toml"
    profile.write_text(
        f'server = "{validator.address}"\nplaintext = true\nidentity = "lane-1"\n'
        'timeout = 5\nvalidator = "descargo.prueba"\n'
    )
    assert descargo("outcome", REQUEST_ID, "--profile", profile).code == 0
    monkeypatch.setenv("DESCARGO_PROFILE", str(profile))
    monkeypatch.setenv("DESCARGO_IDENTITY", "lane-2")
    assert descargo("outcome", REQUEST_ID).code == 0
    assert descargo("outcome", REQUEST_ID, "--identity", "lane-3").code == 0
    assert validator.identities == ["lane-1", "lane-2", "lane-3"]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("servidor = 'x'", "servidor"),
        ("timeout = 'mucho'", "timeout"),
        ("server = 5", "server"),
        ("server =", "TOML"),
    ],
)
def test_a_bad_profile_is_refused(descargo: Run, tmp_path: Path, content: str, part: str) -> None:
    profile = tmp_path / "p.toml"
    profile.write_text(content)
    ran = descargo("outcome", REQUEST_ID, "--profile", profile)
    assert ran.code == 2
    assert part in ran.err


def test_paths_of_a_profile_are_relative_to_it(descargo: Run, tmp_path: Path) -> None:
    profile = tmp_path / "p.toml"
    profile.write_text('tls_cert = "a.pem"\ntls_key = "a.key"\ntls_ca = "tls/ca.pem"\n')
    ran = descargo("outcome", REQUEST_ID, "--profile", profile, "-o", "json")
    assert str(tmp_path / "tls" / "ca.pem") in ran.error["message"]


def test_an_interrupt_ends_with_130_and_says_how_to_ask(
    descargo: Run, validator: ScriptedValidator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("descargo_client.lane.Lane.validate", interrupted)
    file = tmp_path / "p.json"
    file.write_text("{}")
    to = ["--server", validator.address, "--plaintext"]
    ran = descargo("validate", "--file", file, "--request-id", REQUEST_ID, *to)
    assert ran.code == 130
    assert f"descargo outcome {REQUEST_ID}" in ran.err


def test_help_loads_neither_grpc_nor_cryptography() -> None:
    program = (
        "import sys; from descargo_client.cli.main import main; main(['--help']);"
        "assert not {'grpc', 'cryptography'} & set(sys.modules), 'too much'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_the_script_ends_with_mains_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["descargo", "outcome", "x", "--plaintext"])
    with pytest.raises(SystemExit) as caught:
        entry.run()
    assert caught.value.code == 2


def test_help_is_in_spanish_throughout_and_the_version_is_the_packages(descargo: Run) -> None:
    shown = descargo("submit", "--help").out
    for part in ("Argumentos", "Opciones", "[obligatorio]", "Muestra esta ayuda"):
        assert part in shown
    assert "Show this message" not in shown
    project = Path(__file__).parents[3] / "clients" / "pyproject.toml"
    version = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
    ran = descargo("--version")
    assert (ran.code, ran.out) == (0, f"descargo {version}\n")


def test_a_declaration_comes_from_standard_input(
    descargo: Run, validator: ScriptedValidator, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answer(validator)
    stdin = io.TextIOWrapper(io.BytesIO(b'{"declaration_number": "262434566000001"}'))
    monkeypatch.setattr(sys, "stdin", stdin)
    to = ["--server", validator.address, "--plaintext"]
    assert descargo("validate", "--file", "-", *to).code == 0
    assert validator.requests[0].declaration.declaration_number == "262434566000001"
