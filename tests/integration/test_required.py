"""ListRequiredLicenses and `descargo required`, against a real server with the sample rules."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from google.protobuf.json_format import MessageToJson

from descargo.v1 import declaration_pb2, license_pb2, validation_service_pb2
from descargo_server._core import Ruleset
from descargo_server.catalogues.importer import newest_catalogue
from descargo_server.config.files import shipped_folder
from descargo_server.config.load import instruments_path, load_configuration
from descargo_server.config.problems import ConfigurationInvalid
from descargo_server.rulesets import rule_files
from tests.support.engines import engine
from tests.support.servers import Server, server
from tests.support.world import LANE
from tests.vectors.raw_calls import Failure, call

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.world import World

SEED: Final = shipped_folder().parent / "rulesets" / "seed"
LIST: Final = "ListRequiredLicenses"
Response = validation_service_pb2.ListRequiredLicensesResponse


@pytest.fixture(scope="module")
def served(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is configured with the sample rules."""
    folder = tmp_path_factory.mktemp("required")
    config = f'[rules]\nfolder = "{SEED}"\n'
    with server(world, folder, extra_config=config) as running:
        yield running


def line(tariff: str = "72081003", country: str = "CHN") -> declaration_pb2.Declaration:
    """A declaration of one line, as far as rules look at it."""
    stated = declaration_pb2.Declaration(
        declaration_key="A1",
        operation=license_pb2.OPERATION_TYPE_IMPORT,
        regime="IMD",
        clearance_office="240",
    )
    stated.lines.add(
        tariff_code=license_pb2.TariffCode(code=tariff, nico="00"),
        country_origin_destination=country,
    )
    return stated


def asked(stated: declaration_pb2.Declaration, on: str = "2026-05-01") -> bytes:
    """The request's bytes."""
    request = validation_service_pb2.ListRequiredLicensesRequest(declaration=stated, on_date=on)
    return request.SerializeToString()


def answered(served: Server, request: bytes) -> Response:
    """The response."""
    answer = call(served.channel(LANE), LIST, request)
    assert isinstance(answer, bytes), answer
    return Response.FromString(answer)


def test_a_line_is_told_what_it_needs_and_what_exempts(served: Server) -> None:
    response = answered(served, asked(line()))
    (requirement,) = response.requirements
    assert requirement.rule_id == "se-av-acero"
    (license_id,) = requirement.any_of
    assert (license_id.agency, license_id.permit_key, license_id.permit_number) == ("SE", "AV", "")
    assert [identifier.key for identifier in requirement.exempting] == ["EA"]
    assert requirement.illustrative
    assert response.judged
    assert list(response.judged_permit_keys) == ["AV"]
    files = [(path.name, path.read_bytes()) for path in rule_files(SEED)]
    catalogue = newest_catalogue([shipped_folder()]).read_bytes()
    ruleset = Ruleset(files, catalogue, instruments_path().read_bytes())
    assert response.ruleset_hash == ruleset.sha256()


def test_a_rule_for_certain_goods_says_for_which(served: Server) -> None:
    (requirement,) = answered(served, asked(line("87032101"))).requirements
    (used,) = requirement.only_with
    assert (used.key, list(used.complements)) == ("ES", ["U"])


@pytest.mark.parametrize(
    ("stated", "on"),
    [(line("01012101"), "2026-05-01"), (line(), "2025-12-31")],
    ids=["another code", "the day before"],
)
def test_what_the_rules_do_not_cover_is_not_judged(
    served: Server, stated: declaration_pb2.Declaration, on: str
) -> None:
    response = answered(served, asked(stated, on))
    assert not response.judged
    assert not response.requirements
    assert len(response.ruleset_hash) == 32


def test_without_rules_nothing_is_judged(world: World, tmp_path: Path) -> None:
    with engine(world, tmp_path) as live:
        response = Response.FromString(live.core.list_required_licenses(asked(line())))
    assert (response.judged, response.ruleset_hash) == (False, b"")
    assert response.catalogue_version


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"regime": "ABC"}, "declaration.regime"),
        ({"declaration_key": "Q9"}, "declaration.declaration_key"),
        ({"operation": 0}, "declaration.operation"),
        ({"operation": 9}, "declaration.operation"),
        ({"clearance_office": "24"}, "declaration.clearance_office"),
        ({"clearance_office": "990"}, "declaration.clearance_office"),
    ],
)
def test_what_rules_need_must_be_stated_and_known(
    served: Server, change: dict[str, str | int], field: str
) -> None:
    stated = line()
    for name, value in change.items():
        setattr(stated, name, value)
    answer = call(served.channel(LANE), LIST, asked(stated))
    assert answer == Failure("INVALID_ARGUMENT", "FIELD_INVALID", field)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"country_origin_destination": "XXX"}, "country_origin_destination"),
        ({"value_usd": "1.234"}, "value_usd"),
        ({"umt": license_pb2.Measure(quantity="1e3", unit=1)}, "umt.quantity"),
        ({"tariff_code": license_pb2.TariffCode(code="7208100", nico="00")}, "tariff_code"),
        ({"tariff_code": license_pb2.TariffCode(code="72081003")}, "tariff_code"),
    ],
)
def test_what_rules_need_of_the_line_must_be_known(
    served: Server, change: dict[str, object], field: str
) -> None:
    stated = line()
    stated.lines[0].MergeFrom(declaration_pb2.DeclarationLine(**change))  # type: ignore[arg-type]
    if "tariff_code" in change:
        stated.lines[0].tariff_code.CopyFrom(change["tariff_code"])  # type: ignore[arg-type]
    answer = call(served.channel(LANE), LIST, asked(stated))
    assert answer == Failure("INVALID_ARGUMENT", "FIELD_INVALID", f"declaration.lines[0].{field}")


def test_one_line_on_a_day_is_asked_about(served: Server) -> None:
    channel = served.channel(LANE)
    two = line()
    two.lines.add().CopyFrom(two.lines[0])
    for request, field in (
        (asked(two), "declaration.lines"),
        (asked(line(), "2026-02-30"), "on_date"),
        (asked(line(), ""), "on_date"),
    ):
        assert call(channel, LIST, request) == Failure("INVALID_ARGUMENT", "FIELD_INVALID", field)


def test_the_command_says_it_in_spanish(served: Server, world: World, tmp_path: Path) -> None:
    file = tmp_path / "line.json"
    file.write_text(MessageToJson(line()), encoding="utf-8")
    tls = world.root / "tls"
    command = [
        str(Path(sys.executable).parent / "descargo"), "required", str(file), "--on", "2026-05-01",
        "--server", served.address, "--tls-ca", str(tls / "ca.pem"),
        "--tls-cert", str(tls / f"{LANE}.pem"), "--tls-key", str(tls / f"{LANE}.key"),
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "Se pide uno de estos permisos: SE AV (regla se-av-acero)" in ran.stdout
    assert "Exime: EA" in ran.stdout
    assert "Regla ilustrativa" in ran.stdout
    ran = subprocess.run([*command, "-o", "json"], capture_output=True, text=True, check=False)
    assert json.loads(ran.stdout)["requirements"][0]["rule_id"] == "se-av-acero"
    command[4] = "2025-12-31"
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.stdout.startswith("No se juzga")
    command[4] = "31/12/2025"
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 2


def test_bad_rules_and_an_empty_folder_stop_the_start(world: World, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    config = tmp_path / "descargo.toml"
    text = (world.root / "descargo.toml").read_text(encoding="utf-8")
    for name in ("access.toml", "revocations.toml", "receipt.key.pem", "codes.secret"):
        (tmp_path / name).write_bytes((world.root / name).read_bytes())
    for name in ("tls", "efirma"):
        (tmp_path / name).symlink_to(world.root / name)
    config.write_text(f'{text}\n[rules]\nfolder = "rules"\n', encoding="utf-8")
    with pytest.raises(ConfigurationInvalid) as told:
        load_configuration(config)
    assert "holds no file of rules" in str(told.value.problems[0])
    bad = rules / "bad.toml"
    bad.write_text("format = 1\n", encoding="utf-8")
    load_configuration(config)
    with (
        pytest.raises(ValueError, match=r"bad\.toml:1:1: the set does not say what it judges"),
        engine(world, tmp_path, ruleset_paths=[str(bad)]),
    ):
        pass
