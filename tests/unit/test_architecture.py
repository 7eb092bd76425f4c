"""The folders are the architecture: what linter, coverage and mutants know of a file follows from its folder."""

import ast
import sys
import tomllib
from collections import Counter
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.__main__ import MODULES

REPOSITORY = Path(__file__).parents[2]
ROOMS = ("models", "resolvers", "schema", "workflows")
FILES = [REPOSITORY / "server.py", *sorted(file for room in ROOMS for file in (REPOSITORY / room).rglob("*.py"))]
PURE = (
    "ledger",
    "requests",
    "disputes",
    "exchanges",
    "bookings",
    "migration",
    "single_table",
    "constraints",
    "privacy",
)
AWS = frozenset({"aiobotocore", "boto3", "botocore", "pynamodb"})
# One file for each type is what these two are for.
DECLARATIONS = ("models/tables", "schema/types")
PROJECT: dict[str, Any] = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())


def name_of(file: Path) -> str:
    return str(file.relative_to(REPOSITORY))


def imports_of(file: Path) -> set[str]:
    """Return the top-level packages that a file imports, wherever in it."""
    nodes = list(ast.walk(ast.parse(file.read_text())))
    whole = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    parts = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.partition(".")[0] for name in whole | parts}


@cache
def declared_packages() -> frozenset[str]:
    """Return the packages of the distributions that the project declares."""
    extras = PROJECT["project"]["optional-dependencies"]
    declared = {*PROJECT["project"]["dependencies"], *extras["local"], *extras["traces"]}
    names = {
        requirement.partition("==")[0].partition("[")[0].lower().replace("_", "-") for requirement in declared
    }
    return frozenset(
        package
        for package, distributions in packages_distributions().items()
        if not names.isdisjoint(name.lower().replace("_", "-") for name in distributions)
    )


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_a_module_and_its_functions_are_short(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 400
    functions = (n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))
    assert [n.name for n in functions if (n.end_lineno or 0) - n.lineno >= 50] == []


def test_a_folder_can_be_taken_in_at_a_glance() -> None:
    modules = Counter(name_of(file.parent) for file in FILES if file.name != "__init__.py")
    assert {folder: count for folder, count in modules.items() if count > 16 and folder not in DECLARATIONS} == {}


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_what_is_imported_is_declared(file: Path) -> None:
    assert imports_of(file) - set(sys.stdlib_module_names) - {*ROOMS} - declared_packages() == set()


def test_the_words_that_everybody_uses_know_no_aws() -> None:
    words = [file for file in (REPOSITORY / "models").glob("*.py") if file.name != "settings.py"]
    assert {file.name: imports_of(file) & AWS for file in words if imports_of(file) & AWS} == {}


def test_a_rule_is_pure_by_its_folder() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    (purity,) = [contract for contract in contracts if contract["name"].startswith("The rules are pure")]
    assert purity["source_modules"] == [f"models.{folder}" for folder in PURE]


def test_what_moves_hours_is_covered_and_mutated_from_the_moment_it_exists() -> None:
    assert PROJECT["tool"]["coverage"]["run"]["source"] == ["models"]
    assert PROJECT["tool"]["coverage"]["run"]["omit"] == ["models/tables/*"]
    code = [file.relative_to(REPOSITORY / "models") for file in FILES if REPOSITORY / "models" in file.parents]
    expected = {
        str(file.with_suffix("")) for file in code if file.parts[0] != "tables" and file.stem != "__init__"
    }
    assert set(MODULES) == expected
