"""The tests for mutants: collected and measured once; each mutant meets only tests that run its code."""

import gc
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from functools import _lru_cache_wrapper
from time import perf_counter

import coverage
import pytest

from tests.mutants.trial import CAUGHT, CAUGHT_BY_OTHERS, QUIETLY, SURVIVED, allow

# The record of every step, which catches most mutants of the rules.
UNIT = "tests/unit/models"
FIGURES = f"{UNIT}/test_figures.py"
RECORD = f"{UNIT}/requests/test_every_step.py"
# The most cases of one test, spread over all of them: of a module's own tests, and of others except the record.
OWN_CASES = 60
CASES = 8
_Lines = dict[int, list[pytest.Item]]


def _forget() -> None:
    """Clear every cache: a cached place or row layout may have been made by the code under test."""
    for name, module in list(sys.modules.items()):
        if name.startswith(("models.", "tests.unit.")):
            for member in vars(module).values():
                if isinstance(member, _lru_cache_wrapper):
                    member.cache_clear()


def _some(cases: list[pytest.Item], test: str, own: str) -> list[pytest.Item]:
    if test.startswith(RECORD):
        return cases
    most = OWN_CASES if test.startswith(own) else CASES
    return cases[:: -(-len(cases) // most)]


class Suite:
    """A pytest plugin that measures every test and then, instead of running them, judges mutants.

    Args:
        code: the files of the code that moves hours.
        judge: called once the tests are collected and measured, in the one process that has them.
    """

    def __init__(self, code: Sequence[str], judge: Callable[["Suite"], None]) -> None:
        self._code = list(code)
        self._judge = judge
        self._session: pytest.Session
        self._seconds: dict[pytest.Item, float] = {}
        self._lines: dict[str, _Lines] = {}
        # How many lines of the code each test runs.
        self._breadth: Counter[pytest.Item] = Counter()
        self.failed: list[str] = []

    @classmethod
    def run(cls, tests: Sequence[str], code: Sequence[str], judge: Callable[["Suite"], None]) -> None:
        """Collect and measure tests, and let `judge` run mutants against them."""
        pytest.main([*QUIETLY, "--capture=no", *tests], plugins=[cls(code, judge)])

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Replace pytest's own loop."""
        self._session = session
        self._measure()
        gc.collect()
        gc.freeze()  # forks need not collect it
        self._judge(self)
        return True

    def _measure(self) -> None:
        """Run every test once, and note its time and the lines of the code that it runs."""
        seen = coverage.Coverage(data_file=None, config_file=False, include=self._code, messages=False)
        seen.start()
        for item in self._session.items:
            failed = self._session.testsfailed
            _forget()
            seen.switch_context(item.nodeid)
            began = perf_counter()
            self._run(item)
            self._seconds[item] = perf_counter() - began
            if self._session.testsfailed > failed:
                self.failed.append(item.nodeid)
        seen.stop()
        data, items = seen.get_data(), {item.nodeid: item for item in self._session.items}
        for file in data.measured_files():
            found = data.contexts_by_lineno(file)
            lines = {line: [items[name] for name in names if name] for line, names in found.items()}
            self._lines[file] = lines
            for through in lines.values():
                self._breadth.update(through)

    @staticmethod
    def _run(item: pytest.Item) -> None:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)

    def chosen(self, file: str, line: int, function: range, own: str) -> list[pytest.Item]:
        """Return the tests that run a function: first those that run the line, and little else.

        Some cases of a test with many are enough, except for the record.
        """
        lines = self._lines.get(file, {})
        here = set(lines.get(line, ()))
        through = {item for number in function for item in lines.get(number, ())}

        def rank(item: pytest.Item) -> tuple[bool, bool, int, str]:
            return item not in here, not item.nodeid.startswith((own, RECORD)), self._breadth[item], item.nodeid

        cases: dict[str, list[pytest.Item]] = defaultdict(list)
        for item in sorted(through, key=rank):
            cases[item.nodeid.partition("[")[0]].append(item)
        return sorted((item for test, items in cases.items() for item in _some(items, test, own)), key=rank)

    def result(self, items: list[pytest.Item], own: str) -> int:
        """Run tests until one fails; return the result of the mutant in this process."""
        _forget()
        for item in items:
            allow(10 + 10 * self._seconds[item])
            self._run(item)
            if self._session.testsfailed:
                return CAUGHT if own in item.nodeid else CAUGHT_BY_OTHERS
        return SURVIVED
