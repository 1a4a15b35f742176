"""Reads a configuration and everything that it names, and reports all mistakes at once.

A server that starts with half of its files wrong fails at a lane; one that does not start fails at
the operator's desk, with file, line and remedy.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from descargo_server.config.files import catalogue_of, file_problems, shipped_folder
from descargo_server.config.model import Listen, ServerConfig
from descargo_server.config.problems import ConfigurationInvalid, Problem
from descargo_server.config.toml_file import TomlFile
from descargo_server.identity.access_file import load_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from descargo_server.identity.registry import Registry

__all__ = [
    "Configuration",
    "instruments_path",
    "load_configuration",
    "read_config",
    "reload_registry",
    "same_configuration",
]


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration that can be served: checked, with what it names."""

    config: ServerConfig
    registry: Registry
    catalogue: Path
    instruments: Path


def instruments_path() -> Path:
    """The instrument profiles that ship with the product."""
    return shipped_folder() / "instruments.toml"


def load_configuration(path: Path) -> Configuration:
    """Reads and checks descargo.toml; raises ConfigurationInvalid with every mistake at once."""
    file, config = read_config(path)
    problems = [*_rule_problems(file, config), *file_problems(file, config)]
    agencies = _agencies(problems)
    registry = _registry(config, agencies, problems)
    catalogue = catalogue_of(config, problems)
    if problems or registry is None or catalogue is None:
        raise ConfigurationInvalid(problems)
    return Configuration(config, registry, catalogue, instruments_path())


def same_configuration(config: ServerConfig, catalogue: Path) -> Configuration:
    """What another process checked and chose, with access.toml as it is now.

    Processes that serve together must decide alike, whatever happened to the files since.
    """
    return Configuration(config, reload_registry(config), catalogue, instruments_path())


def read_config(path: Path) -> tuple[TomlFile, ServerConfig]:
    """Reads descargo.toml by itself, without the files that it names."""
    file = TomlFile.read(path)
    try:
        config = ServerConfig.model_validate(file.table, context={"folder": path.parent})
    except ValidationError as error:
        raise ConfigurationInvalid(file.problems_of(error, ServerConfig)) from error
    return file, config


def reload_registry(config: ServerConfig) -> Registry:
    """Reads access.toml again; raises ConfigurationInvalid when it cannot replace the old one."""
    problems: list[Problem] = []
    agencies = _agencies(problems)
    registry = _registry(config, agencies, problems)
    if problems or registry is None:
        raise ConfigurationInvalid(problems)
    return registry


def _rule_problems(file: TomlFile, config: ServerConfig) -> Iterator[Problem]:
    """What one key means for another."""
    if config.demo.plaintext and not config.address.is_loopback:
        what = f"plaintext, and `{config.listen}` is not loopback: anybody could be any agency"
        remedy = "listen at 127.0.0.1, or remove `plaintext` and add [tls]"
        yield file.problem(("demo", "plaintext"), what, remedy)
    if config.demo.plaintext and config.tls is not None:
        what = "plaintext with a table [tls]: only one of them can be meant"
        yield file.problem(("demo", "plaintext"), what, "remove `plaintext`, or the table [tls]")
    if not config.demo.plaintext and config.tls is None:
        remedy = (
            "add [tls] with certificate, key and client_ca; `descargo-server pki demo` makes them"
        )
        yield file.problem(("tls",), "no table [tls]", remedy)
    if config.demo.clock_file is not None and not config.demo.allow:
        what = "a clock file decides what day it is, and [demo] allow is not true"
        remedy = "remove `clock_file`; in a test, add `allow = true` under [demo]"
        yield file.problem(("demo", "clock_file"), what, remedy)
    if config.metrics.listen and not Listen.parse(config.metrics.listen).is_loopback:
        what = f"metrics at `{config.metrics.listen}`, which is not loopback, are open to everybody"
        remedy = "listen at 127.0.0.1 and let a collector on this machine read them"
        yield file.problem(("metrics", "listen"), what, remedy)


def _agencies(problems: list[Problem]) -> frozenset[str] | None:
    """The agencies that the shipped profiles know; None and a problem when they are unreadable."""
    path = instruments_path()
    try:
        agencies = tomllib.loads(path.read_text(encoding="utf-8"))["agencies"]
        return frozenset(str(agency) for agency in agencies)
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = f"the instrument profiles cannot be read: {error}"
        problems.append(Problem(path, None, what, "install descargo-server again"))
        return None


def _registry(
    config: ServerConfig, agencies: frozenset[str] | None, problems: list[Problem]
) -> Registry | None:
    try:
        return load_registry(config.access, agencies)
    except ConfigurationInvalid as invalid:
        problems.extend(invalid.problems)
        return None
