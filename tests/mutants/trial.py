"""One mutant on trial: a process of its own, in which one of our modules is another than the one on disk."""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import pytest

SURVIVED = 0
# Beyond any round's number.
BROKEN = 99
_LAST_SECONDS = 20
# As few plugins as will do. What this process has imported before its fork is not rewritten, and need not be.
_QUIETLY = (
    "-x", "-q", "-p", "pytest_asyncio.plugin", "-p", "no:cacheprovider",
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
NO_OTHERS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@dataclass(frozen=True, slots=True)
class Round:
    """Tests that a mutant goes through: which, and how long they may take before it counts as running for ever."""

    name: str
    arguments: tuple[str, ...]
    seconds: int

    def of(self, module: str) -> "Round":
        """Return this round with a module's own tests in it."""
        return replace(self, arguments=tuple(argument.format(module=module) for argument in self.arguments))


class EndlessError(BaseException):
    """The tests take too long: the mutant goes round in circles."""


class _Swapped(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a tree instead of from its file."""

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


def try_out(name: str, file: str, tree: ast.Module, rounds: Sequence[Round]) -> int:
    """Run the rounds in this process, which ends with it, until one fails.

    Returns:
        The number of the round that caught the mutant, from 1 on; or SURVIVED.
    """
    sys.meta_path.insert(0, _Swapped(name, file, tree))
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123 — a descriptor is wanted
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    for number, round_ in enumerate(rounds, 1):
        if _fails(round_):
            return number
    return SURVIVED


def _fails(round_: Round) -> bool:
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(round_.seconds)
    try:
        return pytest.main([*_QUIETLY, *round_.arguments]) != pytest.ExitCode.OK
    except BaseException:  # noqa: BLE001 — whatever it is, the tests have not passed
        return True
    finally:
        signal.alarm(0)


def _too_long(*_: Any) -> None:
    # Should the tests swallow this one, the next ends the process.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_LAST_SECONDS)
    raise EndlessError
