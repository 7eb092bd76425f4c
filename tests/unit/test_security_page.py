"""`docs/security.md` names a test for each promise, and each of them exists."""

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs/security.md").read_text()
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
PROMISE = re.compile(r"^- .*(?:\n  .*)*", re.MULTILINE)


def names_of_tests(file: str) -> set[str]:
    path = REPOSITORY / file
    nodes = ast.walk(ast.parse(path.read_text())) if path.exists() else ()
    return {
        node.name
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    }


def test_every_named_test_exists() -> None:
    named = NAMED.findall(PAGE)
    missing = [
        f"{file}::{test}"
        for file, test in named
        if not (names_of_tests(file) and (not test or test in names_of_tests(file)))
    ]
    assert missing == []
    assert len(named) > 30


def test_every_promise_names_a_test() -> None:
    promises = PROMISE.findall(PAGE)
    assert [promise for promise in promises if not NAMED.search(promise)] == []
    assert len(promises) > 15
