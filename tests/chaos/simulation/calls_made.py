"""Which calls to AWS each mutation and each step of a workflow makes when nothing goes wrong.

python -m tests.chaos.simulation.calls_made    print the table of docs/performance.md
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from itertools import count, groupby
from typing import Any

from tests.chaos.faults import Call
from tests.chaos.simulation.account_scenarios import ACCOUNT_SCENARIOS
from tests.chaos.simulation.request_scenarios import SCENARIOS
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import World, started
from workflows.handlers import FUNCTIONS

_SEED = 7
_turn: ContextVar[int] = ContextVar("turn", default=0)


@dataclass(slots=True)
class _Recorder:
    """A plan without faults that notes each call with the turn, one action or one invocation, that made it."""

    turns: "count[int]" = field(default_factory=lambda: count(1))
    calls: dict[int, list[Call]] = field(default_factory=dict)

    def __call__(self, call: Call) -> None:
        self.calls.setdefault(_turn.get(), []).append(call)


class _RecordedWorld(World):
    """A world that counts its turns."""

    def __init__(self, recorder: _Recorder) -> None:
        super().__init__(_SEED, recorder)
        self._recorder = recorder

    async def invoke(self, name: str, event: object) -> object:
        _turn.set(next(self._recorder.turns))
        return await super().invoke(name, event)

    async def retry(self, purpose: str, action: object, *given: object) -> object:  # type: ignore[override]
        _turn.set(next(self._recorder.turns))
        return await super().retry(purpose, action, *given)  # type: ignore[arg-type]


@cache
def calls_made() -> Mapping[str, Sequence[str]]:
    """Return the operations of each purpose, as most turns for it make them."""
    seen: dict[str, Counter[tuple[str, ...]]] = {}
    scenarios: Sequence[Any] = [*SCENARIOS.values(), *ACCOUNT_SCENARIOS.values()]
    for scenario in scenarios:
        if scenario.down:
            continue
        recorder = _Recorder()

        async def play(scenario: Any = scenario, recorder: _Recorder = recorder) -> None:
            async with started(_RecordedWorld(recorder)) as world:
                await scenario.run(world)

        run(play())
        for calls in recorder.calls.values():
            made = tuple(call.operation for call in calls)
            seen.setdefault(calls[0].purpose, Counter())[made] += 1
    return {purpose: counted.most_common(1)[0][0] for purpose, counted in seen.items()}


def table() -> str:
    """Return the table, actions of members before steps of workflows."""
    made = calls_made()
    lines = ["| what | calls | which |", "| --- | --- | --- |"]
    for is_step in (False, True):
        for purpose, calls in made.items():
            if purpose and (purpose in FUNCTIONS) == is_step:
                lines.append(f"| {purpose} | {len(calls)} | {_in_words(calls)} |")
    return "\n".join(lines)


def _in_words(calls: Sequence[str]) -> str:
    """Return operations in their order, repeated ones as "query × 3"."""
    runs = ((name, len(list(run))) for name, run in groupby(calls))
    return ", ".join(name if count == 1 else f"{name} × {count}" for name, count in runs)


if __name__ == "__main__":
    print(table())  # noqa: T201
