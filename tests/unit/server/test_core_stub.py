"""`_core.pyi` says of the core what the core is: the same names, the same parameters."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

import descargo_server
from descargo_server import _core

STUB = Path(descargo_server.__file__).with_name("_core.pyi")


def stubbed() -> dict[str, list[str] | None]:
    """Each public name of the stub, `Class.method` included, with its parameters."""
    found: dict[str, list[str] | None] = {}
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = parameters(node)
        elif isinstance(node, ast.ClassDef):
            found[node.name] = None
            for method in node.body:
                if isinstance(method, ast.FunctionDef):
                    found[f"{node.name}.{method.name}"] = parameters(method)
    return found


def parameters(node: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in node.args.args if argument.arg not in {"self", "cls"}]


def built() -> set[str]:
    """Each public name of the extension; of classes, their methods and constructor."""
    found = set()
    for name, value in vars(_core).items():
        if name.startswith("_"):
            continue
        found.add(name)
        if isinstance(value, type):
            public = {method for method in vars(value) if not method.startswith("_")}
            found |= {f"{name}.{method}" for method in public | {"__new__"}}
    return found


def test_stub_and_core_have_the_same_names() -> None:
    assert set(stubbed()) == built()


@pytest.mark.parametrize("name", sorted(name for name, names in stubbed().items() if names))
def test_stub_and_core_have_the_same_parameters(name: str) -> None:
    value: Any = _core
    for part in name.removesuffix(".__new__").split("."):
        value = getattr(value, part)
    taken = [part for part in inspect.signature(value).parameters if part not in {"self", "/"}]
    assert taken == stubbed()[name]
