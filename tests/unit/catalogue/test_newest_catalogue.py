"""The server starts with the newest catalogue, chosen by what the headers say."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from descargo_server.catalogues.importer import (
    CatalogueError,
    import_sat_catalogs,
    newest_catalogue,
)
from descargo_server.catalogues.tariff_file import read_header

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.catalogue.conftest import Source


def test_the_shipped_one_is_taken_when_it_is_the_only_one(shipped: Path, tmp_path: Path) -> None:
    assert newest_catalogue([tmp_path / "absent", shipped.parent]) == shipped


def test_the_latest_known_day_of_the_tariff_wins(
    source: Source, shipped: Path, tmp_path: Path
) -> None:
    """Wherever it lies, and whatever its name sorts like."""
    source.edit("tariff", "2024-03-20", "2024-03-21")
    older = import_sat_catalogs(source.directory, tmp_path / "mine").path
    assert newest_catalogue([older.parent, shipped.parent]) == shipped
    source.edit("tariff", "2024-03-21", "2026-01-01")
    newer = import_sat_catalogs(source.directory, tmp_path / "mine").path
    assert newest_catalogue([older.parent, shipped.parent]) == newer
    assert newest_catalogue([shipped.parent, older.parent]) == newer


def test_the_version_decides_between_equal_days(tmp_path: Path) -> None:
    for version in ("sat-2024-03-22-bbbbbbbb", "sat-2024-03-22-aaaaaaaa"):
        _write(tmp_path, version)
    assert newest_catalogue([tmp_path]).name == "tariff-sat-2024-03-22-bbbbbbbb.tsv.gz"


def test_the_earlier_directory_decides_between_equal_versions(tmp_path: Path) -> None:
    first = _write(tmp_path / "first", "sat-2024-03-22-aaaaaaaa")
    _write(tmp_path / "second", "sat-2024-03-22-aaaaaaaa")
    assert newest_catalogue([first.parent, tmp_path / "second"]) == first


def test_no_catalogue_at_all_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="catalogue import --format sat-catalogs"):
        newest_catalogue([tmp_path, tmp_path / "absent"])


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        pytest.param("catalogue\t1", "catalogue\t2", "`descargo-catalogue\t2`", id="other format"),
        pytest.param("version\tv", "version", "`version`", id="version empty"),
        pytest.param("version\tv\n", "", "incomplete", id="version missing"),
        pytest.param("\ttariff\t", "\tunits\t", "incomplete", id="tariff's day missing"),
        pytest.param("2024-03-22", "", "incomplete", id="tariff's day empty"),
        pytest.param("[tariff]", "tariff", "`tariff`", id="no section"),
        pytest.param("version\tv", "x\ty", "`x\ty`", id="line unknown"),
    ],
)
def test_a_bad_header_is_not_passed_over(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    """To start silently with an older catalogue would decide on older law."""
    good = _write(tmp_path, "v")
    assert read_header(good).version == "v"
    text = gzip.decompress(good.read_bytes()).decode()
    assert text.count(before) == 1
    good.write_bytes(gzip.compress(text.replace(before, after).encode()))
    _write(tmp_path, "other")
    with pytest.raises(CatalogueError) as caught:
        newest_catalogue([tmp_path])
    (problem,) = caught.value.problems
    assert problem.file == str(good)
    assert says in problem.what


@pytest.mark.parametrize("content", [b"", b"not gzip at all", b"\x1f\x8b\x08\x00"])
def test_a_file_that_is_not_gzip_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tariff-broken.tsv.gz"
    path.write_bytes(content)
    with pytest.raises(CatalogueError) as caught:
        newest_catalogue([tmp_path])
    assert caught.value.problems[0].file == str(path)


def test_only_the_header_is_read(shipped: Path, tmp_path: Path) -> None:
    """Choosing among many catalogues costs a few kilobytes each."""
    cut = tmp_path / shipped.name
    cut.write_bytes(shipped.read_bytes()[:20_000])
    assert read_header(cut) == read_header(shipped)


def _write(directory: Path, version: str) -> Path:
    directory.mkdir(exist_ok=True)
    path = directory / f"tariff-{version}.tsv.gz"
    text = (
        f"descargo-catalogue\t1\nversion\t{version}\nknown_through\ttariff\t2024-03-22\n[tariff]\n"
    )
    path.write_bytes(gzip.compress(text.encode()))
    return path
