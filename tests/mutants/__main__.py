"""Puts every mutant of the money's code on trial and prints what became of it.

    python -m tests.mutants                         all modules
    python -m tests.mutants --rounds 3 ledger hours  some of them, the quick rounds only

Each mutant is a fork of this process, which has imported what does not change. The quick tests go first; only
what survives them meets the slower ones. Fails if a mutant survives that `harmless` does not explain, or if it
explains one that is caught.
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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.harmless import HARMLESS
from tests.mutants.mutations import Mutation, mutations
from tests.mutants.trial import BROKEN, NO_OTHERS, SURVIVED, Round, try_out

HOUSE = Path(__file__).parents[2]
MODULES = (
    "ledger",
    "hours",
    "composition",
    "writing",
    "transactions",
    "negotiation",
    "payment",
    "endings",
    "members",
    "ratings",
    "reputation",
)
# The tests of the rules, and of what a module's changes are noticed by first, where that is not its namesake.
_RULES = ("ledger", "hours", "writing", "negotiation", "payment", "endings", "members", "ratings", "reputation")
_FIRST = {"composition": "writing"}
ROUNDS = (
    Round("own", ("tests/unit/test_{module}.py",), 60),
    Round("rules", tuple(f"tests/unit/test_{name}.py" for name in _RULES), 60),
    Round("rows", ("tests/unit/test_transactions.py", "tests/unit/test_patience.py"), 90),
    Round("lives", ("tests/unit/test_lifecycle.py", "tests/unit/test_steps.py", "tests/unit/test_answers.py"), 90),
    Round("faults", ("tests/chaos/test_every_call.py", "tests/chaos/test_storms.py"), 300),
    Round("engine", ("tests/integration/test_transactions.py", "tests/property/test_any_movements.py"), 300),
)
QUICK = 4
AT_ONCE = 2
# What takes long to import and is the same for all.
_COMMON = (
    "aiobotocore.session", "boto3", "botocore.exceptions", "cryptography", "httpx", "ministack.services.dynamodb",
    "orjson", "pydantic_settings", "pynamodb.models", "pytest", "pytest_asyncio.plugin",
    "structlog.testing", "tenacity",
)  # fmt: skip
RESULTS = HOUSE / "build" / "mutants.jsonl"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one mutation."""

    module: str
    mutation: Mutation
    tree: ast.Module

    @property
    def key(self) -> tuple[str, str]:
        """Return what `harmless` knows it by."""
        return self.module, self.mutation.told

    def try_out(self, rounds: int) -> int:
        """Put it on trial in a fork of this process, and return the fork's id."""
        if (child := os.fork()) != 0:
            return child
        result = BROKEN
        try:
            file = str(HOUSE / "models" / f"{self.module}.py")
            first = _FIRST.get(self.module, self.module)
            # What is said to be harmless need not go through the slow ones to be believed.
            limit = min(rounds, QUICK) if self.key in HARMLESS else rounds
            own = [round_.of(first) for round_ in ROUNDS[:limit]]
            result = try_out(f"models.{self.module}", file, self.mutation.applied(self.tree), own)
        finally:
            os._exit(result)


def mutants(modules: Iterable[str]) -> Iterator[Mutant]:
    """Yield every mutant of the modules."""
    for module in modules:
        tree = ast.parse((HOUSE / "models" / f"{module}.py").read_text())
        for mutation in mutations(tree):
            yield Mutant(module, mutation, tree)


def judged(suspects: list[Mutant], rounds: int) -> Iterator[tuple[Mutant, int]]:
    """Put mutants on trial, a few at once; yield each with the round that caught it, or SURVIVED."""
    waiting = iter(suspects)
    running: dict[int, Mutant] = {}
    while True:
        while len(running) < AT_ONCE and (suspect := next(waiting, None)) is not None:
            running[suspect.try_out(rounds)] = suspect
        if not running:
            return
        child, status = os.wait()
        # A mutant that had to be killed went round in circles.
        yield running.pop(child), os.WEXITSTATUS(status) if os.WIFEXITED(status) else rounds


def table(results: list[tuple[Mutant, int]]) -> Iterator[str]:
    """Yield the lines of the table: for each module, how many mutants which round caught."""
    titles = [round_.name for round_ in ROUNDS]
    yield "".join(f"{title:>13}" for title in ("module", "mutants", *titles, "harmless", "left"))
    for module in dict.fromkeys(mutant.module for mutant, _ in results):
        own = [(mutant, result) for mutant, result in results if mutant.module == module]
        caught = Counter(result for _, result in own)
        harmless = sum(result == SURVIVED and mutant.key in HARMLESS for mutant, result in own)
        cells = (len(own), *(caught[number] for number in range(1, len(ROUNDS) + 1)))
        left = caught[SURVIVED] + caught[BROKEN] - harmless
        yield "".join(f"{cell:>13}" for cell in (module, *cells, harmless, left))


def findings(results: list[tuple[Mutant, int]]) -> Iterator[str]:
    """Yield what must not be: mutants that nobody noticed, and explanations of some that were noticed."""
    survivors = {mutant.key for mutant, result in results if result == SURVIVED}
    for mutant, result in results:
        if result == BROKEN or (result == SURVIVED and mutant.key not in HARMLESS):
            word = "could not be tried" if result == BROKEN else "survives"
            yield f"models/{mutant.module}.py:{mutant.mutation.line} {word}: {mutant.mutation.told}"
    tried = {mutant.module for mutant, _ in results}
    for module, told in HARMLESS:
        if module in tried and (module, told) not in survivors:
            yield f"models/{module}.py: is said to be harmless, and is none, or is caught: {told}"


def tell(*lines: str) -> None:
    """Print lines, at once."""
    print(*lines, sep="\n", flush=True)  # noqa: T201 — for whoever has called it


def note(mutant: Mutant, result: int) -> None:
    """Write down what became of a mutant, for whoever does not want to wait for the table."""
    with RESULTS.open("a") as notes:
        notes.write(json.dumps([*mutant.key, mutant.mutation.line, result]) + "\n")


def control() -> Mutant:
    """Return a mutant in which nothing is changed: whatever catches it is wrong itself."""
    tree = ast.parse((HOUSE / "models" / "hours.py").read_text())
    return Mutant("hours", Mutation((("body", 0),), "module", 0, "nothing", "nothing", tree.body[0]), tree)


def main(modules: list[str], rounds: int) -> int:
    """Try all mutants of the modules in the first rounds; return how many findings there are."""
    os.environ.update(NO_OTHERS)
    for name in _COMMON:
        importlib.import_module(name)
    gc.freeze()  # no fork has to look through it
    if (failed := next(judged([control()], rounds))[1]) != SURVIVED:
        tell(f"The tests fail before anything is changed, in round {failed}.")
        return 1
    suspects = list(mutants(modules or MODULES))
    began = time.monotonic()
    results: list[tuple[Mutant, int]] = []
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text("")
    for result in judged(suspects, rounds):
        results.append(result)
        note(*result)
        if len(results) % 50 == 0:
            tell(f"{len(results)} of {len(suspects)} after {time.monotonic() - began:.0f} s")
    found = list(findings(results))
    tell(*table(results), *found)
    return len(found)


if __name__ == "__main__":
    parser = ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="of models/, such as ledger; all if none is named"
    )
    parser.add_argument(
        "--rounds", type=int, default=len(ROUNDS), help="how many of the rounds, the quick ones first"
    )
    given = parser.parse_args()
    sys.exit(min(main(given.modules, given.rounds), 1))
