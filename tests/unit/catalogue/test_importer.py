"""CSV files of the SAT become one dated catalogue, or are refused with every problem."""

from __future__ import annotations

import gzip
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from descargo_server.catalogues.importer import (
    PROBLEMS_PER_FILE_MAX,
    CatalogueError,
    import_sat_catalogs,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.catalogue.conftest import Catalogue, Source


@dataclass(frozen=True)
class Spoiled:
    """One thing that is wrong with one file, and how the import says so."""

    name: str
    section: str
    before: str
    after: str
    line: int
    says: str


SPOILED: Final = [
    Spoiled(
        name="column missing",
        section="tariff",
        before="vigencia_hasta,unidad",
        after="vigencia_hasta,unit",
        line=1,
        says="must have each column once: `unidad`",
    ),
    Spoiled(
        name="column twice",
        section="units",
        before="id,texto",
        after="id,id",
        line=1,
        says="must have each column once: `id`",
    ),
    Spoiled(
        name="field too many",
        section="tariff",
        before="2024-03-22,1\r\n",
        after="2024-03-22,1,\r\n",
        line=3,
        says="6 fields where the header has 5",
    ),
    Spoiled(
        name="blank line",
        section="broker_licenses",
        before="0101",
        after="\r\n0101",
        line=3,
        says="0 fields where the header has 3",
    ),
    Spoiled(
        name="tariff code of eight digits",
        section="tariff",
        before="7208100200",
        after="72081002",
        line=3,
        says="`fraccion` is `72081002`, not 8 digits of the code and 2 of the NICO",
    ),
    Spoiled(
        name="tariff code with digits of another script",
        section="tariff",
        before="7208100200",
        after="720810020\u0660",
        line=3,
        says="not 8 digits of the code and 2 of the NICO",
    ),
    Spoiled(
        name="unit zero",
        section="units",
        before="14,TON",
        after="00,TON",
        line=2,
        says="`id` is `00`, not a unit key from 1 to 99",
    ),
    Spoiled(
        name="unit missing",
        section="tariff",
        before=",06",
        after=",",
        line=4,
        says="`unidad` is ``, not a unit key from 1 to 99",
    ),
    Spoiled(
        name="unit that the units lack",
        section="tariff",
        before=",06",
        after=",15",
        line=4,
        says="unit `15` is not in cce_20_unidades_medida.csv",
    ),
    Spoiled(
        name="country of two letters",
        section="countries",
        before="BRA",
        after="BR",
        line=3,
        says="`id` is `BR`, not 3 capital letters",
    ),
    Spoiled(
        name="regime in small letters",
        section="regimes",
        before="IMD",
        after="imd",
        line=2,
        says="`id` is `imd`, not 3 capital letters",
    ),
    Spoiled(
        name="direction unknown",
        section="regimes",
        before='"Salida,Entrada"',
        after='"Salida,Ambas"',
        line=4,
        says="`impoexpo` is `Salida,Ambas`, not Entrada, Salida or both",
    ),
    Spoiled(
        name="direction missing",
        section="regimes",
        before=",Salida,2024",
        after=",,2024",
        line=3,
        says="`impoexpo` is ``, not Entrada, Salida or both",
    ),
    Spoiled(
        name="office of three digits",
        section="aduanas",
        before="24,N",
        after="240,N",
        line=2,
        says="`id` is `240`, not 2 digits",
    ),
    Spoiled(
        name="broker license without its leading zero",
        section="broker_licenses",
        before="0101",
        after="101",
        line=3,
        says="`id` is `101`, not 4 digits",
    ),
    Spoiled(
        name="first day missing",
        section="aduanas",
        before="2022-01-01",
        after="",
        line=2,
        says="`vigencia_desde` is `(empty)`, not a day from 1990-01-01 to 2100-12-31",
    ),
    Spoiled(
        name="day that does not exist",
        section="aduanas",
        before="2022-01-01",
        after="2022-02-29",
        line=2,
        says="`vigencia_desde` is `2022-02-29`, not a day",
    ),
    Spoiled(
        name="day in another form",
        section="aduanas",
        before="2022-01-01",
        after="20220101",
        line=2,
        says="`vigencia_desde` is `20220101`, not a day",
    ),
    Spoiled(
        name="day before the catalogues",
        section="aduanas",
        before="2022-01-01",
        after="1989-12-31",
        line=2,
        says="`vigencia_desde` is `1989-12-31`, not a day",
    ),
    Spoiled(
        name="last day after 2100",
        section="tariff",
        before="2024-03-22",
        after="2101-01-01",
        line=3,
        says="`vigencia_hasta` is `2101-01-01`, not a day",
    ),
    Spoiled(
        name="end before its beginning",
        section="tariff",
        before="2024-03-22",
        after="2024-01-17",
        line=3,
        says="ends on `2024-01-17`, before it begins on `2024-01-18`",
    ),
    Spoiled(
        name="key twice",
        section="tariff",
        before="7208100200",
        after="7208100300",
        line=3,
        says="`7208100300` is in force twice, here and on line 2",
    ),
    Spoiled(
        name="unit twice in two spellings",
        section="units",
        before="06,P",
        after="1,P",
        line=4,
        says="`1` is in force twice, here and on line 3",
    ),
    Spoiled(
        name="country twice",
        section="countries",
        before="BRA",
        after="USA",
        line=3,
        says="`USA` is in force twice, here and on line 2",
    ),
    Spoiled(
        name="a field beyond any text of the law",
        section="countries",
        before="Brasil",
        after="B" * 200_000,
        line=3,
        says="not CSV: field larger than field limit",
    ),
]


def test_facts_are_kept_and_texts_are_dropped(
    source: Source, tmp_path: Path, read_catalogue: type[Catalogue]
) -> None:
    imported = import_sat_catalogs(source.directory, tmp_path / "out")
    catalogue = read_catalogue(imported.path)
    assert catalogue.sections == {
        "tariff": [
            ("72081002", "00", "1", "2024-01-18", "2024-03-22"),
            ("72081003", "00", "1", "2024-01-18", ""),
            ("93011001", "00", "6", "2024-03-20", ""),
        ],
        "units": [
            ("1", "2024-01-18", ""),
            ("14", "2024-01-18", ""),
            ("6", "2024-01-18", ""),
        ],
        "countries": [("BRA", "", ""), ("USA", "", "")],
        "regimes": [
            ("EXD", "E", "2024-07-17", ""),
            ("IMD", "I", "2024-07-17", ""),
            ("TRA", "I,E", "2024-07-17", ""),
        ],
        "aduanas": [("24", "2022-01-01", "")],
        "broker_licenses": [("0101", "2000-01-01", ""), ("3456", "2001-05-21", "")],
    }
    assert catalogue.header == [
        "descargo-catalogue\t1",
        f"version\t{imported.version}",
        # The latest beginning, not the announced end two days later.
        "known_through\ttariff\t2024-03-20",
        "known_through\tunits\t2024-01-18",
        "known_through\tcountries\t",
        "known_through\tregimes\t2024-07-17",
        "known_through\taduanas\t2022-01-01",
        "known_through\tbroker_licenses\t2001-05-21",
    ]
    assert catalogue.text.endswith("\n")
    assert imported.rows["tariff"] == 3
    assert imported.known_through["tariff"] == "2024-03-20"
    assert imported.version.startswith("sat-2024-03-20-")
    assert imported.path == tmp_path / "out" / f"tariff-{imported.version}.tsv.gz"


def test_the_same_facts_give_the_same_bytes(source: Source, tmp_path: Path) -> None:
    """Whatever order the rows come in, and whatever the law's texts say."""
    first = import_sat_catalogs(source.directory, tmp_path / "a")
    source.edit("countries", "USA,Estados Unidos,\r\nBRA,Brasil,", "BRA,x,\r\nUSA,y,")
    second = import_sat_catalogs(source.directory, tmp_path / "b")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.path.name == second.path.name


def test_other_facts_give_another_version(source: Source, tmp_path: Path) -> None:
    first = import_sat_catalogs(source.directory, tmp_path / "out")
    source.edit("aduanas", "2022-01-01", "2022-01-02")
    second = import_sat_catalogs(source.directory, tmp_path / "out")
    assert first.version != second.version
    assert first.path.exists()
    assert second.path.exists()


def test_importing_again_changes_nothing(source: Source, tmp_path: Path) -> None:
    first = import_sat_catalogs(source.directory, tmp_path / "out")
    before = first.path.stat()
    assert import_sat_catalogs(source.directory, tmp_path / "out") == first
    assert first.path.stat().st_ino == before.st_ino
    assert _names(tmp_path / "out") == [first.path.name]


def test_a_key_may_return_after_it_ended(
    source: Source, tmp_path: Path, read_catalogue: type[Catalogue]
) -> None:
    """The day after the last day is the first day on which the key may say something else."""
    source.edit("tariff", "9301100100,Piezas,2024-03-20", "7208100200,Otros,2024-03-23")
    imported = import_sat_catalogs(source.directory, tmp_path / "out")
    assert read_catalogue(imported.path).sections["tariff"][:2] == [
        ("72081002", "00", "1", "2024-01-18", "2024-03-22"),
        ("72081002", "00", "6", "2024-03-23", ""),
    ]
    source.edit("tariff", "2024-03-23", "2024-03-22")
    with pytest.raises(CatalogueError, match="`7208100200` is in force twice"):
        import_sat_catalogs(source.directory, tmp_path / "out")


def test_a_byte_order_mark_is_no_part_of_the_first_column(source: Source, tmp_path: Path) -> None:
    plain = import_sat_catalogs(source.directory, tmp_path / "a")
    source.edit("units", "id,texto", "\ufeffid,texto")
    assert import_sat_catalogs(source.directory, tmp_path / "b").version == plain.version


def test_lines_are_counted_over_texts_of_several_lines(source: Source, tmp_path: Path) -> None:
    """The line named is where the bad row starts in the file, not its number among the rows."""
    source.edit("tariff", '"Laminados, con', '"Laminados,\r\ncon\r\n')
    source.edit("tariff", ",06", ",x")
    with pytest.raises(CatalogueError) as caught:
        import_sat_catalogs(source.directory, tmp_path / "out")
    assert [problem.line for problem in caught.value.problems] == [6]


@pytest.mark.parametrize("case", SPOILED, ids=lambda case: case.name)
def test_a_bad_file_is_refused_with_file_line_and_remedy(
    source: Source, tmp_path: Path, case: Spoiled
) -> None:
    source.edit(case.section, case.before, case.after)
    with pytest.raises(CatalogueError) as caught:
        import_sat_catalogs(source.directory, tmp_path / "out")
    (problem,) = caught.value.problems
    assert problem.file == str(source.path(case.section))
    assert problem.line == case.line
    assert case.says in problem.what
    assert problem.remedy
    assert str(caught.value).startswith(f"{problem.file}:{case.line}: {problem.what}; ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "section", ["tariff", "units", "countries", "regimes", "aduanas", "broker_licenses"]
)
def test_a_missing_file_is_named(source: Source, tmp_path: Path, section: str) -> None:
    source.path(section).unlink()
    with pytest.raises(CatalogueError) as caught:
        import_sat_catalogs(source.directory, tmp_path / "out")
    (problem,) = caught.value.problems
    assert str(problem).startswith(f"{source.path(section)}: file is missing; put all six files")


def test_a_file_that_is_a_directory_is_named(source: Source, tmp_path: Path) -> None:
    source.path("units").unlink()
    source.path("units").mkdir()
    with pytest.raises(CatalogueError, match="not readable: Is a directory"):
        import_sat_catalogs(source.directory, tmp_path / "out")


@pytest.mark.parametrize("text", ["", "id,texto\r\n"], ids=["empty", "header only"])
def test_a_file_without_rows_is_refused(source: Source, tmp_path: Path, text: str) -> None:
    source.write("countries", text)
    with pytest.raises(CatalogueError) as caught:
        import_sat_catalogs(source.directory, tmp_path / "out")
    (problem,) = caught.value.problems
    assert problem.file == str(source.path("countries"))


def test_a_file_that_is_not_utf8_is_refused_at_its_line(source: Source, tmp_path: Path) -> None:
    """A file saved as Latin-1 would otherwise give wrong letters without a word."""
    path = source.path("regimes")
    path.write_bytes(path.read_bytes().decode().encode("latin-1"))
    with pytest.raises(CatalogueError) as caught:
        import_sat_catalogs(source.directory, tmp_path / "out")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line, problem.what) == (str(path), 4, "not UTF-8")


def test_a_file_beyond_the_limit_is_not_read(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = source.path("tariff").stat().st_size
    monkeypatch.setattr("descargo_server.catalogues.importer.FILE_BYTES_MAX", limit)
    import_sat_catalogs(source.directory, tmp_path / "fits")
    monkeypatch.setattr("descargo_server.catalogues.importer.FILE_BYTES_MAX", limit - 1)
    with pytest.raises(CatalogueError, match=f"larger than {limit - 1} bytes"):
        import_sat_catalogs(source.directory, tmp_path / "out")


def test_every_problem_of_every_file_is_said_at_once(source: Source, tmp_path: Path) -> None:
    source.edit("tariff", "2024-03-22,1", "2024-03-32,1")
    source.edit("tariff", ",06", ",x")
    source.edit("aduanas", "24,N", "240,N")
    source.path("countries").unlink()
    with pytest.raises(CatalogueError) as caught:
        import_sat_catalogs(source.directory, tmp_path / "out")
    places = [(problem.file, problem.line) for problem in caught.value.problems]
    assert places == [
        (str(source.path("tariff")), 3),
        (str(source.path("tariff")), 4),
        (str(source.path("countries")), 0),
        (str(source.path("aduanas")), 2),
    ]


def test_problems_beyond_the_bound_are_counted(source: Source, tmp_path: Path) -> None:
    rows = [f"X{number},2001-05-21,\r\n" for number in range(PROBLEMS_PER_FILE_MAX + 7)]
    source.write("broker_licenses", "id,vigencia_desde,vigencia_hasta\r\n" + "".join(rows))
    with pytest.raises(CatalogueError) as caught:
        import_sat_catalogs(source.directory, tmp_path / "out")
    *listed, last = caught.value.problems
    assert [problem.line for problem in listed] == list(range(2, PROBLEMS_PER_FILE_MAX + 2))
    assert last.what == "7 further problems"


def test_another_file_of_the_same_name_is_left_alone(source: Source, tmp_path: Path) -> None:
    path = import_sat_catalogs(source.directory, tmp_path / "out").path
    changed = gzip.compress(gzip.decompress(path.read_bytes()).replace(b"USA", b"CAN"))
    for other in (changed, b"not gzip", path.read_bytes()[:-20]):
        path.write_bytes(other)
        with pytest.raises(CatalogueError, match="a different file of this name exists"):
            import_sat_catalogs(source.directory, tmp_path / "out")
        assert path.read_bytes() == other
    assert _names(tmp_path / "out") == [path.name]


def test_a_directory_that_cannot_be_written_is_named(source: Source, tmp_path: Path) -> None:
    occupied = tmp_path / "out"
    occupied.write_text("a file", encoding="utf-8")
    with pytest.raises(CatalogueError, match="cannot be written: File exists"):
        import_sat_catalogs(source.directory, occupied)


def test_a_full_disk_leaves_nothing_half_written(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name appears only once the bytes are on the disk."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CatalogueError, match="cannot be written: No space left on device"):
        import_sat_catalogs(source.directory, tmp_path / "out")
    assert _names(tmp_path / "out") == []


def test_the_shipped_catalogue_is_what_its_source_gives(
    official_source: Source, shipped: Path, tmp_path: Path
) -> None:
    imported = import_sat_catalogs(official_source.directory, tmp_path / "out")
    assert imported.path.name == shipped.name
    assert gzip.decompress(imported.path.read_bytes()) == gzip.decompress(shipped.read_bytes())


def test_the_shipped_catalogue_has_the_counts_of_its_source(
    shipped: Path, read_catalogue: type[Catalogue]
) -> None:
    catalogue = read_catalogue(shipped)
    assert {name: len(rows) for name, rows in catalogue.sections.items()} == {
        "tariff": 11_519,
        "units": 23,
        "countries": 250,
        "regimes": 10,
        "aduanas": 50,
        "broker_licenses": 3_413,
    }
    tariff = catalogue.sections["tariff"]
    assert len({code for code, *_ in tariff}) == 8_143
    assert sum(1 for row in tariff if not row[-1]) == 11_516
    assert "known_through\ttariff\t2024-03-22" in catalogue.header
    assert all(rows == sorted(rows) for rows in catalogue.sections.values())
    assert shipped.stat().st_size < 64 * 1024


def test_the_shipped_catalogue_knows_well_known_rows(
    shipped: Path, read_catalogue: type[Catalogue]
) -> None:
    """Read off the official files by hand."""
    sections = read_catalogue(shipped).sections
    assert ("01012101", "00", "7", "2024-01-18", "") in sections["tariff"]
    assert ("09012199", "00", "1", "2024-01-18", "2024-03-22") in sections["tariff"]
    assert ("USA", "", "") in sections["countries"]
    assert ("RFS", "I,E", "2024-07-17", "") in sections["regimes"]
    assert ("85", "2023-01-13", "") in sections["aduanas"]
    assert ("0074", "2001-07-03", "") in sections["broker_licenses"]


def _names(directory: Path) -> list[str]:
    """Return every name in a directory, hidden ones too."""
    return sorted(path.name for path in directory.iterdir())
