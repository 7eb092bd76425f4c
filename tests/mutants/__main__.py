"""Tests every mutant of the code that moves hours, and prints which survived.

    python -m tests.mutants                 all modules
    python -m tests.mutants ledger hours    some of them

Each mutant runs in a fork of a process that has imported what does not change. A change within a function is made
in a process that has collected the tests already, and meets only those that run that function. Any other change
makes a whole module, which is imported anew, its own tests first. Fails if a mutant survives that `harmless` does
not explain, or if it explains one that is caught.
"""

import ast
import gc
import importlib
import json
import os
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from tests.mutants.harmless import HARMLESS
from tests.mutants.mutations import Mutation, mutations
from tests.mutants.suite import FIGURES, RECORD, UNIT, Suite
from tests.mutants.trial import BROKEN, CAUGHT, CAUGHT_BY_OTHERS, NO_OTHERS, SURVIVED, change, silence, try_whole

REPOSITORY = Path(__file__).parents[2]
# The code that moves hours, which the coverage report is about, too. A new module is included automatically.
CODE = REPOSITORY / "models"
MODULES = tuple(
    str(file.relative_to(CODE).with_suffix(""))
    for file in sorted(CODE.rglob("*.py"))
    if file.name != "__init__.py" and CODE / "tables" not in file.parents
)
# The tests that catch most mutants come first.
TESTS = (FIGURES, RECORD, *sorted(set(map(str, Path(UNIT).rglob("test_*.py"))) - {FIGURES, RECORD}))
AT_ONCE = 2
# What takes long to import and is the same for all mutants.
_COMMON = (
    "aiobotocore.session", "boto3", "botocore.exceptions", "cryptography", "httpx", "ministack.services.dynamodb",
    "orjson", "pydantic_settings", "pynamodb.models", "pytest", "pytest_asyncio.plugin",
    "structlog.testing", "tenacity",
)  # fmt: skip
RESULTS = REPOSITORY / "build" / "mutants.jsonl"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one mutation."""

    module: str
    mutation: Mutation
    tree: ast.Module

    @property
    def key(self) -> tuple[str, str]:
        """Return its key in `harmless`."""
        return self.module, self.mutation.described

    @property
    def file(self) -> str:
        """Return the mutated file."""
        return str(CODE / f"{self.module}.py")

    @property
    def name(self) -> str:
        """Return the module's name in Python."""
        return f"models.{self.module.replace('/', '.')}"

    @property
    def own(self) -> str:
        """Return the module's own tests, or those of its folder if it has none."""
        folder, _, name = self.module.rpartition("/")
        own = Path(UNIT, folder, f"test_{name}.py")
        return str(own) if own.exists() else str(own.parent)

    def within(self, suite: Suite) -> int:
        """Change a function of this process, and return what the tests make of it."""
        function = self.mutation.function
        if function is None:
            return BROKEN
        name, lines = function
        change(sys.modules[self.name], name, self.mutation.applied(self.tree))
        return suite.result(suite.chosen(self.file, self.mutation.line, lines, self.own), self.own)

    def whole(self) -> int:
        """Import the whole module anew, and return what the tests make of it."""
        tests = [self.own, *(test for test in TESTS if test != self.own)]
        return try_whole(self.name, self.file, self.mutation.applied(self.tree), tests)


Result = tuple[Mutant, int]


@dataclass(frozen=True, slots=True)
class Noted:
    """The result of one mutant."""

    module: str
    described: str
    line: int
    result: int

    @property
    def key(self) -> tuple[str, str]:
        """Return its key in `harmless`."""
        return self.module, self.described

    @property
    def is_explained(self) -> bool:
        """Return whether it survives with an explanation."""
        return self.result == SURVIVED and self.key in HARMLESS


def chosen(names: Iterable[str]) -> Iterator[str]:
    """Yield the modules that names mean: modules, folders, or all modules if there are no names.

    Raises:
        SystemExit: a name matches no module.
    """
    if not (wanted := list(names)):
        yield from MODULES
    for name in wanted:
        found = [module for module in MODULES if module == name or module.startswith(f"{name}/")]
        if not found:
            sys.exit(f"models/{name} is neither a module nor a folder of the code that moves hours")
        yield from found


def mutants(modules: Iterable[str]) -> Iterator[Mutant]:
    """Yield every mutant of the modules."""
    for module in modules:
        tree = ast.parse((CODE / f"{module}.py").read_text())
        for mutation in mutations(tree):
            yield Mutant(module, mutation, tree)


def judged(suspects: Iterable[Mutant], trial: Callable[[Mutant], int]) -> Iterator[Result]:
    """Test mutants, each in a fork, a few at once; yield each with its result."""
    waiting = iter(suspects)
    running: dict[int, Mutant] = {}
    while True:
        while len(running) < AT_ONCE and (suspect := next(waiting, None)) is not None:
            running[_forked(suspect, trial)] = suspect
        if not running:
            return
        child, status = os.wait()
        # A mutant that had to be killed ran in an endless loop.
        yield running.pop(child), os.WEXITSTATUS(status) if os.WIFEXITED(status) else CAUGHT_BY_OTHERS


def _forked(suspect: Mutant, trial: Callable[[Mutant], int]) -> int:
    if (child := os.fork()) != 0:
        return child
    result = BROKEN
    try:
        silence()
        result = trial(suspect)
    finally:
        os._exit(result)


def within(suspects: list[Mutant]) -> None:
    """Test changes within functions, in a process that has the tests; it exits with the code for `main`."""
    silence()
    problems = ["the tests could not be collected"]

    def judge(suite: Suite) -> None:
        problems[:] = [f"fails before anything is changed: {name}" for name in suite.failed]
        if not problems:
            note(judged(suspects, lambda mutant: mutant.within(suite)), len(suspects))

    Suite.run(TESTS, sorted({mutant.file for mutant in suspects}), judge)
    if problems:
        tell(*problems)
    os._exit(1 if problems else 0)


def note(results: Iterator[Result], count: int) -> None:
    """Write each mutant's result to a file at once, for whoever does not want to wait for the table."""
    began = time.monotonic()
    with RESULTS.open("a") as notes:
        for number, (mutant, result) in enumerate(results, 1):
            notes.write(json.dumps([*mutant.key, mutant.mutation.line, result]) + "\n")
            notes.flush()
            if number % 100 == 0:
                tell(f"{number} of {count} after {time.monotonic() - began:.0f} s")


def table(results: list[Noted]) -> Iterator[str]:
    """Yield the lines of the table: for each module, how many mutants were caught by which tests."""
    yield "".join(
        f"{title:>28}" if title == "module" else f"{title:>12}"
        for title in ("module", "mutants", "own tests", "other tests", "harmless", "left")
    )
    modules = list(dict.fromkeys(noted.module for noted in results))
    for name, own in (
        *((module, [noted for noted in results if noted.module == module]) for module in modules),
        ("all", results),
    ):
        caught = Counter(noted.result for noted in own)
        harmless = sum(noted.is_explained for noted in own)
        left = caught[SURVIVED] + caught[BROKEN] - harmless
        cells = (name, len(own), caught[CAUGHT], caught[CAUGHT_BY_OTHERS], harmless, left)
        yield f"{cells[0]:>28}" + "".join(f"{cell:>12}" for cell in cells[1:])


def findings(results: list[Noted]) -> Iterator[str]:
    """Yield the findings: unexplained survivors, and explanations of mutants that were caught."""
    for noted in results:
        if noted.result in (SURVIVED, BROKEN) and not noted.is_explained:
            word = "could not be tested" if noted.result == BROKEN else "survives"
            yield f"models/{noted.module}.py:{noted.line} {word}: {noted.described}"
    survivors = {noted.key for noted in results if noted.result == SURVIVED}
    tried = {noted.module for noted in results}
    for module, described in HARMLESS:
        if module in tried and (module, described) not in survivors:
            yield f"models/{module}.py: explained as harmless, but caught or not generated: {described}"


@cache
def _out() -> IO[str]:
    """Return where this program prints to; first called before `silence`."""
    return os.fdopen(os.dup(1), "w")


def tell(*lines: str) -> None:
    """Print lines at once, wherever the tests' own output goes."""
    print(*lines, sep="\n", file=_out(), flush=True)


def main(modules: list[str]) -> int:
    """Test all mutants of the modules; return the number of findings."""
    _out()
    os.environ.update(NO_OTHERS)
    for name in _COMMON:
        importlib.import_module(name)
    gc.freeze()  # forks need not collect it
    suspects = list(mutants(chosen(modules)))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("")
    inner = [mutant for mutant in suspects if mutant.mutation.function is not None]
    if (child := os.fork()) == 0:
        within(inner)
    if (failed := os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])) != 0:
        return failed
    outer = [mutant for mutant in suspects if mutant.mutation.function is None]
    note(judged(outer, Mutant.whole), len(outer))
    results = [Noted(*json.loads(line)) for line in RESULTS.read_text().splitlines()]
    found = list(findings(results))
    tell(*table(results), *found)
    return len(found)


if __name__ == "__main__":
    parser = ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument(
        "modules",
        nargs="*",
        metavar="MODULE",
        help="a module or folder of models/, such as ledger or hours; all if none is named",
    )
    sys.exit(min(main(parser.parse_args().modules), 1))
