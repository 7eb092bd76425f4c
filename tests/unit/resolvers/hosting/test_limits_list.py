"""The list of limits is complete, and `docs/limits.md` says what the code says."""

import ast
from pathlib import Path

import pytest
from rich.console import Console

import server
from models.limits import all_fixed_limits
from models.settings import Settings
from resolvers.hosting.limits_list import limit_lines, limits_page, limits_table, readable
from resolvers.hosting.settings import ServerSettings

REPOSITORY = Path(server.__file__).parent
ROOMS = ("models", "resolvers", "schema", "workflows")


def test_the_page_says_what_the_code_says() -> None:
    page = (REPOSITORY / "docs/limits.md").read_text()
    assert page == limits_page(), "write it anew: python server.py limits --markdown > docs/limits.md"


def declaring_classes() -> set[str]:
    """Return the classes of our code that declare a limit, as `module.Class`."""
    found = set()
    for file in (file for room in ROOMS for file in (REPOSITORY / room).rglob("*.py")):
        module = ".".join(file.relative_to(REPOSITORY).with_suffix("").parts)
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef) and any(map(declares_a_limit, node.body)):
                found.add(f"{module}.{node.name}")
    return found


def declares_a_limit(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.AnnAssign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "limit"
    )


def test_every_declared_limit_is_listed() -> None:
    settings = (*ServerSettings.model_fields.values(), *Settings.model_fields.values())
    of_settings = [field.annotation for field in settings]
    listed = [one for one in (*of_settings, *all_fixed_limits()) if isinstance(one, type)]
    assert declaring_classes() <= {f"{one.__module__}.{one.__qualname__}" for one in listed}
    assert len({line.group for line in limit_lines(ServerSettings(), Settings())}) >= len(declaring_classes())


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
    ("value", "text"), [(1_000_000, "1,000,000"), (0.5, "0.5"), (20.0, "20"), (True, "True"), ("x", "x")]
)
def test_numbers_are_readable(value: object, text: str) -> None:
    assert readable(value) == text
