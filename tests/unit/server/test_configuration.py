"""descargo.toml: what is wrong is said with file, line and remedy, and all at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from descargo_server.admin.check import check_configuration
from descargo_server.config.engine_settings import engine_settings
from descargo_server.config.load import load_configuration
from descargo_server.config.model import Listen
from descargo_server.config.problems import ConfigurationInvalid, Problem

if TYPE_CHECKING:
    from pathlib import Path


def changed(folder: Path, old: str, new: str) -> Path:
    """The demo's configuration with one change."""
    path = folder / "descargo.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def problems_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationInvalid) as caught:
        load_configuration(path)
    assert caught.value.problems
    assert all(problem.remedy for problem in caught.value.problems)
    return caught.value.problems


def test_demo_configuration_can_be_served(
    demo_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_configuration(demo_copy / "descargo.toml") == 0
    said = capsys.readouterr().out
    assert "can be served" in said
    assert "mTLS" in said


def test_engine_settings_have_every_name_of_the_core(demo_copy: Path) -> None:
    configuration = load_configuration(demo_copy / "descargo.toml")
    settings = json.loads(engine_settings(configuration))
    assert set(settings) == {
        "validator",
        "ledger_path",
        "receipt_key_path",
        "code_secret_path",
        "catalogue_path",
        "instruments_path",
        "anchors_path",
        "intermediates_path",
        "revocations_path",
        "signers",
        "policy",
        "clock_path",
        "ruleset_paths",
        "processes",
        "queue_max",
        "refusals_kept_per_caller",
    }
    assert settings["ledger_path"] == str(demo_copy / "data" / "ledger.sqlite3")
    assert settings["clock_path"] is None
    assert settings["policy"] == {
        "backdating_days": 0,
        "signed_at_window_hours": 168,
        "clock_skew_seconds": 300,
        "unknown_tariff_code": "refuse",
        "low_balance_percent": 10,
        "expiry_warning_days": 7,
        "alert_expiry_days": 30,
        "paid_hold_days": 90,
        "wrong_signature_limit": 5,
    }
    assert {signer["agency"] for signer in settings["signers"]} == {"SE", "SEMARNAT", "SEDENA"}
    assert settings["signers"][0]["to"] == ""


@pytest.mark.parametrize(
    ("change", "line", "what", "remedy"),
    [
        (("validator =", "validater ="), 2, "unknown key `validater`", "did you mean `validator`?"),
        (('"descargo.demo"', '"Descargo demo"'), 2, "`validator`", "descargo.demo"),
        (('"127.0.0.1:0"', '"127.0.0.1"'), 3, "must be HOST:PORT", "127.0.0.1:50443"),
        (('"127.0.0.1:0"', '"127.0.0.1:65536"'), 3, "at most 65535", "port 0"),
        (('"data"', "7"), 4, "`data_dir`", "data_dir"),
        (("[tls]", "[tlz]"), 7, "unknown key `tlz`", "did you mean `tls`?"),
        (('key = "tls/server.key"\n', ""), 7, "`tls.key` is missing", "tls/server.key"),
        (('"refuse"', '"maybe"'), 23, "`policy.unknown_tariff_code`", "refuse"),
        (("[policy]", "[policy]\nbackdating_days = -1"), 22, "`policy.backdating_days`", "0"),
        (("[policy]", "[limits]\nqueue_max = 0\n[policy]"), 22, "`limits.queue_max`", "4096"),
        (("[policy]", "[server]\nworkers = 0\n[policy]"), 22, "`server.workers`", "2"),
        (
            ("[policy]", "[server]\nworkers = 65\n[policy]"),
            22,
            "less than or equal to 64",
            "workers",
        ),
        (
            ("[policy]", '[metrics]\nlisten = "0.0.0.0:1"\n[policy]'),
            22,
            "not loopback",
            "127.0.0.1",
        ),
        (("[policy]", '[demo]\nclock_file = "c"\n[policy]'), 22, "clock file", "allow = true"),
        (("[policy]", "[demo]\nplaintext = true\n[policy]"), 22, "[tls]", "remove"),
        (('"efirma/root.pem"', '"efirma/none.pem"'), 13, "cannot be read", "correct"),
        (("listen =", "listen"), 3, "not TOML", "syntax"),
    ],
)
def test_mistake_is_named_with_line_and_remedy(
    change: tuple[str, str], line: int, what: str, remedy: str, demo_copy: Path
) -> None:
    found = problems_of(changed(demo_copy, *change))
    assert any(
        problem.line == line and what in problem.what and remedy in problem.remedy
        for problem in found
    ), [str(problem) for problem in found]


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("tls/server.key", b"no key", "private key"),
        ("tls/server.pem", b"", "no certificate"),
        ("tls/ca.pem", b"-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n", "no cert"),
        ("efirma/root.pem", b"\x00", "no certificate"),
        ("efirma/issuing.pem", b"\x00", "no certificate"),
        ("codes.secret", b"short", "5 bytes, fewer than 32"),
        ("receipt.key.pem", b"no key", "private key"),
        ("revocations.toml", b"\xff", "UTF-8"),
        ("access.toml", b"[[identity]]\n", "`name` is missing"),
    ],
)
def test_spoilt_file_is_named(name: str, content: bytes, what: str, demo_copy: Path) -> None:
    (demo_copy / name).write_bytes(content)
    found = problems_of(demo_copy / "descargo.toml")
    assert any(problem.file == demo_copy / name and what in problem.what for problem in found), [
        str(problem) for problem in found
    ]


def test_key_of_another_certificate_is_refused(demo_copy: Path) -> None:
    path = changed(demo_copy, "tls/server.key", "tls/se.key")
    assert "is not the key of" in problems_of(path)[0].what


def test_rsa_server_certificate_is_refused_since_tls12_would_be_spoken(demo_copy: Path) -> None:
    path = changed(demo_copy, "tls/server.pem", "efirma/root.pem")
    assert any("not an ECDSA" in problem.what for problem in problems_of(path))


def test_receipt_key_must_be_p256(demo_copy: Path) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (demo_copy / "receipt.key.pem").write_bytes(pem)
    assert "is not a P-256 key" in problems_of(demo_copy / "descargo.toml")[0].what


def test_problems_of_all_files_are_named_at_once(
    demo_copy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = changed(demo_copy, '"efirma/root.pem"', '"none.pem"')
    (demo_copy / "codes.secret").write_bytes(b"")
    (demo_copy / "access.toml").write_text("[[signer]]\n", encoding="utf-8")
    assert check_configuration(path) == 2
    said = capsys.readouterr().err
    for name in ("descargo.toml:13", "codes.secret", "access.toml:1"):
        assert str(demo_copy / name) in said
    assert "problem(s)" in said


def test_unreadable_imported_catalogue_is_named(demo_copy: Path) -> None:
    folder = demo_copy / "data" / "catalogues"
    folder.mkdir(parents=True)
    (folder / "tariff-broken.tsv.gz").write_bytes(b"not gzip")
    found = problems_of(demo_copy / "descargo.toml")
    assert found[0].file == folder / "tariff-broken.tsv.gz"


def plaintext(folder: Path, listen: str) -> Path:
    path = changed(folder, '"127.0.0.1:0"', f'"{listen}"')
    text = path.read_text(encoding="utf-8")
    start, end = text.index("[tls]"), text.index("[trust]")
    path.write_text(text[:start] + "[demo]\nplaintext = true\n" + text[end:], encoding="utf-8")
    return path


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "localhost:1", "[::1]:0", "127.9.9.9:7"])
def test_plaintext_is_allowed_on_loopback(listen: str, demo_copy: Path) -> None:
    assert load_configuration(plaintext(demo_copy, listen)).config.tls is None


@pytest.mark.parametrize("listen", ["[::]:0", "192.0.2.1:1", "descargo.example:1"])
def test_plaintext_elsewhere_is_refused(listen: str, demo_copy: Path) -> None:
    (problem,) = problems_of(plaintext(demo_copy, listen))
    assert "not loopback" in problem.what
    assert "127.0.0.1" in problem.remedy
    assert problem.line == 8


def test_no_tls_without_plaintext_is_refused(demo_copy: Path) -> None:
    path = plaintext(demo_copy, "127.0.0.1:0")
    path.write_text(path.read_text(encoding="utf-8").replace("plaintext = true", ""), "utf-8")
    assert problems_of(path)[0].what == "no table [tls]"


@pytest.mark.parametrize("text", ["", "soon", "2026-05-01T00:00:00"])
def test_clock_file_without_an_instant_is_refused(text: str, demo_copy: Path) -> None:
    (demo_copy / "clock").write_text(text, encoding="utf-8")
    path = changed(demo_copy, "[policy]", '[demo]\nallow = true\nclock_file = "clock"\n[policy]')
    assert "holds no instant" in problems_of(path)[0].what


@pytest.mark.parametrize(
    ("text", "host", "port", "loopback"),
    [
        ("127.0.0.1:50443", "127.0.0.1", 50443, True),
        ("[::1]:1", "::1", 1, True),
        ("localhost:0", "localhost", 0, True),
        ("192.0.2.1:65535", "192.0.2.1", 65535, False),
    ],
)
def test_address_is_read_and_written_back(
    text: str, host: str, port: int, *, loopback: bool
) -> None:
    listen = Listen.parse(text)
    assert (listen.host, listen.port, listen.is_loopback) == (host, port, loopback)
    assert str(listen) == text
