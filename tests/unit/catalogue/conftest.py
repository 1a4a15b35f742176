"""A small directory of the format `sat-catalogs`, and the catalogue that ships."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Final

import pytest

REPOSITORY: Final = Path(__file__).resolve().parents[3]

FILES: Final = {
    "tariff": "cce_20_fracciones_arancelarias.csv",
    "units": "cce_20_unidades_medida.csv",
    "countries": "cfdi_40_paises.csv",
    "regimes": "ccp_31_regimenes_aduaneros.csv",
    "aduanas": "cfdi_40_aduanas.csv",
    "broker_licenses": "cfdi_40_patentes_aduanales.csv",
}

SMALL: Final = {
    "tariff": (
        "fraccion,texto,vigencia_desde,vigencia_hasta,unidad\r\n"
        '7208100300,"Laminados, con motivos en relieve",2024-01-18,,01\r\n'
        "7208100200,Otros,2024-01-18,2024-03-22,1\r\n"
        "9301100100,Piezas,2024-03-20,,06\r\n"
    ),
    "units": (
        "id,texto,vigencia_desde,vigencia_hasta\r\n"
        "14,TONELADA,2024-01-18,\r\n"
        "01,KILO,2024-01-18,\r\n"
        "06,PIEZA,2024-01-18,\r\n"
    ),
    "countries": "id,texto,agrupaciones\r\nUSA,Estados Unidos,\r\nBRA,Brasil,\r\n",
    "regimes": (
        "id,texto,impoexpo,vigencia_desde,vigencia_hasta\r\n"
        "IMD,Definitivo,Entrada,2024-07-17,\r\n"
        "EXD,Definitivo,Salida,2024-07-17,\r\n"
        'TRA,Tránsitos,"Salida,Entrada",2024-07-17,\r\n'
    ),
    "aduanas": "id,texto,vigencia_desde,vigencia_hasta\r\n24,NUEVO LAREDO,2022-01-01,\r\n",
    "broker_licenses": (
        "id,vigencia_desde,vigencia_hasta\r\n3456,2001-05-21,\r\n0101,2000-01-01,\r\n"
    ),
}


class Source:
    """A directory of CSV files, one for each section, that a test may spoil."""

    def __init__(self, directory: Path) -> None:
        """Hold an empty directory."""
        self.directory = directory
        directory.mkdir()

    def path(self, section: str) -> Path:
        """Return the file of a section."""
        return self.directory / FILES[section]

    def write(self, section: str, text: str) -> None:
        """Write the file of a section, byte for byte."""
        self.path(section).write_bytes(text.encode())

    def edit(self, section: str, before: str, after: str) -> None:
        """Change the one place in a section's file that says `before`."""
        text = self.path(section).read_bytes().decode()
        assert text.count(before) == 1
        self.write(section, text.replace(before, after))


class Catalogue:
    """A written catalogue as its reader sees it."""

    def __init__(self, path: Path) -> None:
        """Read the file; the header's lines and each section's rows."""
        self.text = gzip.decompress(path.read_bytes()).decode()
        self.header: list[str] = []
        self.sections: dict[str, list[tuple[str, ...]]] = {}
        section = ""
        for line in self.text.splitlines():
            if line.startswith("["):
                section = line.strip("[]")
                self.sections[section] = []
            elif section:
                self.sections[section].append(tuple(line.split("\t")))
            else:
                self.header.append(line)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Return a good source of a few rows."""
    source = Source(tmp_path / "source")
    for section, text in SMALL.items():
        source.write(section, text)
    return source


@pytest.fixture
def read_catalogue() -> type[Catalogue]:
    """Return what reads a written catalogue."""
    return Catalogue


@pytest.fixture
def shipped() -> Path:
    """Return the one catalogue that ships."""
    (path,) = (REPOSITORY / "server" / "descargo_server" / "catalogues").glob("tariff-*.tsv.gz")
    return path


@pytest.fixture
def official_source(tmp_path: Path, shipped: Path) -> Source:
    """Return the official files; where they are not at hand, files with the same facts."""
    official = REPOSITORY.parent / "shared" / "data" / "sat-catalogs"
    source = Source(tmp_path / "official")
    for section, rows in Catalogue(shipped).sections.items():
        file = official / FILES[section]
        source.write(section, file.read_bytes().decode() if file.exists() else _csv(section, rows))
    return source


def _csv(section: str, rows: list[tuple[str, ...]]) -> str:
    """Return a CSV file whose import gives `rows`."""
    words = {"I": "Entrada", "E": "Salida", "I,E": '"Salida,Entrada"'}
    match section:
        case "tariff":
            header = "fraccion,texto,vigencia_desde,vigencia_hasta,unidad"
            lines = [f"{a}{b},text,{first},{last},{unit}" for a, b, unit, first, last in rows]
        case "regimes":
            header = "id,texto,impoexpo,vigencia_desde,vigencia_hasta"
            lines = [f"{key},text,{words[way]},{first},{last}" for key, way, first, last in rows]
        case "countries":
            header, lines = "id,texto", [f"{key},text" for key, *_ in rows]
        case _:
            header = "id,vigencia_desde,vigencia_hasta"
            lines = [",".join(row) for row in rows]
    return "\r\n".join([header, *lines, ""])
