"""Runs one mutant: in a process of its own, in which some code differs from the code on disk."""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

SURVIVED, CAUGHT, CAUGHT_BY_OTHERS, BROKEN = 0, 1, 2, 99
_LAST_SECONDS = 20
_SECONDS_FOR_A_FILE = 300
# As few plugins as possible. Modules imported before the fork are not rewritten, and need not be.
QUIETLY = (
    "-x", "-q", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
NO_OTHERS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


class EndlessError(BaseException):
    """The tests took too long: the mutant runs in an endless loop."""


def allow(seconds: float) -> None:
    """Limit this process to so many seconds; then it is stopped, if need be by force."""
    signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _too_long(*_: Any) -> None:
    # If the tests swallow this exception, the next alarm ends the process.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, _LAST_SECONDS)
    raise EndlessError


def silence() -> None:
    """Discard what this process prints from now on."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 — a descriptor is wanted
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)


def change(module: ModuleType, function: str, tree: ast.Module) -> None:
    """Replace the code of an imported function, wherever it is referenced, by its code in a tree."""
    member: Any = module
    for name in function.split("."):
        member = vars(member)[name]
    live: Any = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
    live = inspect.unwrap(live)
    if not isinstance(live, FunctionType):
        raise TypeError(f"{function} is not a function")
    live.__code__ = next(
        code for code in _codes(compile(tree, live.__code__.co_filename, "exec")) if code.co_qualname == function
    )


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


class _Swapped(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a syntax tree instead of its file."""

    def __init__(self, name: str, file: str, tree: ast.Module) -> None:
        self._name = name
        self._file = file
        self._code = compile(tree, file, "exec")

    def find_spec(self, fullname: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=self._file)

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)  # noqa: S102 — our own module, a little changed


def try_whole(name: str, file: str, tree: ast.Module, tests: Sequence[str]) -> int:
    """Import a changed module and run test files, its own first, until one fails."""
    if name in sys.modules:
        return BROKEN  # the tests would use the module on disk
    sys.meta_path.insert(0, _Swapped(name, file, tree))
    for number, test in enumerate(tests):
        if _fails(test):
            return CAUGHT_BY_OTHERS if number else CAUGHT
    return SURVIVED


def _fails(test: str) -> bool:
    allow(_SECONDS_FOR_A_FILE)
    try:
        return pytest.main([*QUIETLY, test]) != pytest.ExitCode.OK
    except BaseException:  # noqa: BLE001 — any exception means that the tests did not pass
        return True
