"""access.toml: every mistake is named with its line, and a file with one is not used at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from descargo_server.config.problems import ConfigurationInvalid
from descargo_server.identity.access_file import load_registry

if TYPE_CHECKING:
    from pathlib import Path

AGENCIES = frozenset({"SE", "SEDENA"})
ONE = "a" * 64
TWO = "b" * 64
HUB = f'[[identity]]\nname = "vucem"\nrole = "hub"\ncertificate_sha256 = "{ONE}"\n'
AGENCY = f'[[identity]]\nname = "se"\nrole = "agency"\ncertificate_sha256 = "{ONE}"\n'
LANE = f'[[identity]]\nname = "lane"\nrole = "lane"\nspki_sha256 = "{TWO}"\n'
SIGNER = '[[signer]]\nrfc = "FIMP800101D12"\nname = "PERSONA FICTICIA"\nagency = "SE"\n'


def problems_of(folder: Path, text: str) -> list[tuple[int | None, str]]:
    path = folder / "access.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationInvalid) as caught:
        load_registry(path, AGENCIES)
    for problem in caught.value.problems:
        assert problem.file == path
        assert problem.remedy
    return [(problem.line, problem.what) for problem in caught.value.problems]


def test_right_file_gives_identities_and_signers(tmp_path: Path) -> None:
    path = tmp_path / "access.toml"
    text = (
        AGENCY
        + 'agency = "SE"\npermit_keys = ["C1", "AV"]\n'
        + LANE
        + 'office = "240"\nlane = "3"\n'
        + SIGNER
        + 'from = "2026-01-01"\nto = ""\n'
        + f'[[revoked_identity]]\ncertificate_sha256 = "{ONE}"\nat = "2026-05-01T00:00:00Z"\n'
    )
    path.write_text(text, encoding="utf-8")
    registry = load_registry(path, AGENCIES)
    by_certificate = registry.with_certificate(ONE, "")
    by_key = registry.with_certificate("", TWO)
    assert by_certificate is not None
    assert by_key is not None
    assert (by_certificate.name, by_certificate.permit_keys) == ("se", ("C1", "AV"))
    assert (by_key.name, by_key.office) == ("lane", "240")
    assert registry.with_certificate(TWO, ONE) is None
    assert registry.signers[0].valid_to is None
    assert len(registry) == 2


def test_hub_has_one_agency_or_several_with_their_keys(tmp_path: Path) -> None:
    path = tmp_path / "access.toml"
    for stated, named in (
        ('agency = "SE"\npermit_keys = ["C1"]\n', ("SE",)),
        ('agencies = [{ agency = "SE", permit_keys = ["C1"] }, { agency = "SEDENA" }]\n',
         ("SE", "SEDENA")),
    ):  # fmt: skip
        path.write_text(HUB + stated, encoding="utf-8")
        identity = load_registry(path, AGENCIES).named("vucem")
        assert identity is not None
        assert identity.named_agencies == named


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (AGENCY, 1, "no `agency`"),
        (AGENCY + 'agency = "NOBODY"\n', 5, "unknown agency `NOBODY`"),
        (AGENCY + 'agency = "SE"\noffice = "240"\n', 6, "takes no `office`"),
        (AGENCY + 'agency = "SE"\npermit_key = ["C1"]\n', 6, "unknown key `permit_key`"),
        (AGENCY.replace("agency", "boss"), 3, "`role`"),
        (AGENCY.replace(ONE, ONE[1:]) + 'agency = "SE"\n', 4, "`certificate_sha256`"),
        (AGENCY.replace(ONE, ONE.upper()) + 'agency = "SE"\n', 4, "`certificate_sha256`"),
        (AGENCY.replace(ONE, "") + 'agency = "SE"\n', 1, "exactly one of"),
        (AGENCY + f'agency = "SE"\nspki_sha256 = "{TWO}"\n', 1, "exactly one of"),
        (AGENCY.replace('"se"', '"SE 1"') + 'agency = "SE"\n', 2, "`name`"),
        (LANE, 1, "no `office`"),
        (LANE + 'office = "24A"\n', 5, "`office`"),
        (LANE + 'office = "240"\n' + LANE + 'office = "240"\n', 7, "occurs on line 2"),
        (SIGNER, 1, "`from` is missing"),
        (SIGNER + 'from = "2026-01-01"\nto = "2025-01-01"\n', 6, "before"),
        (SIGNER + 'from = "soon"\n', 5, "`from`"),
        (SIGNER.replace("FIMP", "1234") + 'from = "2026-01-01"\n', 2, "`rfc`"),
        (SIGNER.replace('"SE"', '"XX"') + 'from = "2026-01-01"\n', 4, "unknown agency `XX`"),
        ('[[signers]]\nrfc = "X"\n', 1, "unknown table `signers`"),
        ('[identity]\nname = "se"\n', 1, "not a list"),
        (f'[[revoked_identity]]\ncertificate_sha256 = "{ONE}"\nat = "2026-05-01"\n', 3, "`at`"),
        ('[[identity]]\nname = "se\n', 2, "not TOML"),
        (HUB, 1, "exactly one of agency and agencies"),
        (HUB + 'agency = "SE"\nagencies = [{ agency = "SE" }]\n', 1, "exactly one of agency"),
        (HUB + 'agencies = [{ agency = "XX" }]\n', 5, "unknown agency `XX`"),
        (HUB + 'agencies = [{ agency = "SE" }, { agency = "SE" }]\n', 5, "each agency once"),
        (HUB + 'agencies = [{ agency = "SE", keys = ["C1"] }]\n', 5, "unknown key"),
        (HUB + 'agencies = [{ agency = "SE", permit_keys = ["c1"] }]\n', 5, "`agencies.0"),
        (HUB + 'agencies = [{ agency = "SE" }]\npermit_keys = ["C1"]\n', 6, "each of them"),
        (AGENCY + 'agencies = [{ agency = "SE" }]\n', 5, "takes no `agencies`"),
    ],
)
def test_mistake_is_named_with_its_line(text: str, line: int, words: str, tmp_path: Path) -> None:
    found = problems_of(tmp_path, text)
    assert any(at == line and words in what for at, what in found), found


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    text = AGENCY + LANE + SIGNER
    assert [line for line, _ in problems_of(tmp_path, text)] == [1, 5, 9]


def test_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "access.toml"
    path.write_bytes(AGENCY.encode() + b'agency = "\xd1"\n')
    with pytest.raises(ConfigurationInvalid) as caught:
        load_registry(path, AGENCIES)
    assert caught.value.problems[0].line == 5
    assert "UTF-8" in caught.value.problems[0].what


def test_absent_file_is_a_problem_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationInvalid) as caught:
        load_registry(tmp_path / "none.toml", AGENCIES)
    assert "cannot be read" in caught.value.problems[0].what
