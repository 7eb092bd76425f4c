"""The list of limits is complete, and `docs/limits.md` says what the code says."""

import ast
import sys
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

import server
from models.settings import Settings
from resolvers.hosting.limits_list import limit_lines, limits_page, limits_table, readable
from resolvers.hosting.settings import ServerSettings

REPOSITORY = Path(server.__file__).parent
ROOMS = ("models", "resolvers", "schema", "workflows")


def test_the_page_says_what_the_code_says() -> None:
    page = (REPOSITORY / "docs/limits.md").read_text()
    assert page == limits_page(), "write it anew: python server.py limits --markdown > docs/limits.md"


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield the names and the trees of our modules."""
    for file in (file for room in ROOMS for file in (REPOSITORY / room).rglob("*.py")):
        yield ".".join(file.relative_to(REPOSITORY).with_suffix("").parts), ast.parse(file.read_text())


def calls(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def test_every_limit_of_a_dataclass_is_listed() -> None:
    settings = (*ServerSettings.model_fields.values(), *Settings.model_fields.values())
    annotations = [one.annotation for one in settings if isinstance(one.annotation, type)]
    listed = {f"{one.__module__}.{one.__qualname__}" for one in annotations}
    declaring = {
        f"{module}.{node.name}"
        for module, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(calls(one, "limit") for part in node.body for one in ast.walk(part))
    }
    assert len(declaring) > 5
    assert declaring <= listed


def test_every_fixed_limit_is_listed_because_the_server_imports_its_module() -> None:
    declaring = {module for module, tree in modules() if any(calls(one, "fixed_limit") for one in ast.walk(tree))}
    assert len(declaring) > 20
    assert declaring <= sys.modules.keys()


def test_the_named_variable_sets_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line for line in limit_lines(ServerSettings(), Settings()) if line.variable != "fixed"]
    values = {line.variable: line.default + 1 for line in lines if isinstance(line.default, int | float)}
    for variable, value in values.items():
        monkeypatch.setenv(variable, str(value))
    assert len(values) > 15
    assert {
        line.variable: line.now for line in limit_lines(ServerSettings(), Settings()) if line.variable in values
    } == values


def test_the_table_shows_what_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURBANK_MAX_DEPTH", "11")
    console = Console(width=400, highlight=False)
    with console.capture() as captured:
        console.print(limits_table(ServerSettings(), Settings()))
    (line,) = [line for line in captured.get().splitlines() if "HOURBANK_MAX_DEPTH" in line]
    assert line.split()[-4:] == ["11", "8", "ValidationError", "HOURBANK_MAX_DEPTH"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1_000_000, "1,000,000"),
        (0.5, "0.5"),
        (20.0, "20"),
        (True, "True"),
        ("x", "x"),
        (Decimal(10_000), "10,000"),
        (timedelta(hours=24), "24 h"),
        (timedelta(seconds=30), "30 s"),
    ],
)
def test_numbers_are_readable(value: object, text: str) -> None:
    assert readable(value) == text
