"""Each fault at each call of each way: the story ends where it must all the same, and nothing is lost."""

import os
from collections import Counter
from collections.abc import Collection, Mapping
from functools import cache
from random import Random

import pytest

from tests.chaos.faults import WEATHER, Call, Fault, Plan, at, calm
from tests.chaos.simulation.errands import ERRANDS, Errand
from tests.chaos.simulation.recoveries import LATE_SECONDS
from tests.chaos.simulation.scenarios import STORIES, Story
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import World, alive
from workflows.handlers import FUNCTIONS

PLAYED: Mapping[str, Story | Errand] = {**STORIES, **ERRANDS}
SEED = 7
# Of all cases, how many a short run takes.
SHARE = 0.05
# How soon a request goes on where nothing fails: a timer has a second more than its wait.
AT_ONCE_SECONDS = 2.0
# What is told of an event and dies over it is told again, sooner than the sweep comes by.
TOLD_AGAIN_SECONDS = 30.0
# One case alone, as a failure prints it: CHAOS_CASE="paid/17/answer lost".
CASE = os.environ.get("CHAOS_CASE")


def play(name: str, plan: Plan = calm) -> World:
    """Play a story to its end in a world of its own."""

    async def played() -> World:
        story = PLAYED[name]
        async with alive(World(SEED, plan, resumed_for=story.resumed_for)) as world:
            await story.play(world)
            return world

    return run(played())


@cache
def unhindered(name: str) -> World:
    """Return the world of a story in which nothing goes wrong but what the story itself is about."""
    return play(name)


def way(name: str) -> list[Call]:
    """Return the calls of a story in which nothing goes wrong."""
    return unhindered(name).calls.made


def beginning(name: str) -> int:
    """Return the first call at which a story leaves the ways of those before it."""
    mine = [(call.path, call.operation) for call in way(name)]
    longest = 0
    for other in PLAYED:
        if other == name:
            return longest
        pairs = zip(mine, ((call.path, call.operation) for call in way(other)), strict=False)
        shared = next((number for number, (one, two) in enumerate(pairs) if one != two), 0)
        longest = max(longest, shared)
    raise KeyError(name)


def cases(name: str) -> list[tuple[int, Fault]]:
    """Return the calls of a story's own, each with each fault that makes sense there."""
    own = [call for call in way(name)[beginning(name) :] if not is_idle(call, PLAYED[name].down)]
    if name != next(iter(PLAYED)):
        # What is told is told in the same way whatever it is.
        own = [call for call in own if call.path != "publishEvents"]
    return [(call.number, fault) for call in own for fault in WEATHER if call.can(fault)]


def is_idle(call: Call, down: Collection[str] = ()) -> bool:
    """Tell whether this is the sweep looking for something to do, which it does every minute, or fails anyway."""
    return call.path in down or (call.path == "sweepRequests" and call.operation == "query")


@pytest.mark.parametrize("name", PLAYED)
def test_one_fault_changes_nothing_in_the_end(name: str, *, long: bool) -> None:
    chosen = cases(name)
    if CASE is not None:
        story, which, what = CASE.split("/")
        chosen = [(int(which), Fault(what))] if story == name else []
    elif not long:
        chosen = Random(f"{SEED}{name}").sample(chosen, round(len(chosen) * SHARE) + 1)  # noqa: S311 — no secret
    failures: list[str] = []
    fired: Counter[Fault] = Counter()
    longest = 0.0
    for number, fault in chosen:
        try:
            world = play(name, at(number, fault))
            fired.update(world.calls.fired)
            longest = max(longest, world.recoveries.longest[0])
        except (AssertionError, Exception) as error:  # noqa: BLE001 — all are told together
            failures.append(f'CHAOS_CASE="{name}/{number}/{fault}" {way(name)[number]}: {error!r}')
    assert failures == []
    assert sum(fired.values()) == len(chosen)
    assert PLAYED[name].down or longest <= LATE_SECONDS
    print(f"{len(chosen)} faults, gone on within {longest:.1f} s")  # noqa: T201 — `make test-long` shows it


def test_nothing_stands_still_while_nothing_goes_wrong() -> None:
    still = {name: unhindered(name).recoveries.longest for name in PLAYED if not PLAYED[name].down}
    assert {name: longest for name, longest in still.items() if longest[0] > AT_ONCE_SECONDS}.keys() <= {"lost"}


def test_an_execution_that_was_never_begun_is_begun_when_its_predecessors_end_is_told_again() -> None:
    handing_on = [call for call in way("aborted") if call.path == "resumeFailedRequest" and call.writes]
    assert len(handing_on) >= 3
    for call in handing_on:
        longest = play("aborted", at(call.number, Fault.KILLED_AFTER)).recoveries.longest
        assert longest[0] <= TOLD_AGAIN_SECONDS, longest


def test_hours_sent_under_a_key_go_once_wherever_the_server_dies() -> None:
    writes = [call for call in way("under a key") if call.path == "under a key" and call.writes]
    for call in writes:
        assert play("under a key", at(call.number, Fault.KILLED_AFTER)).calls.fired[Fault.KILLED_AFTER] == 1


def test_a_call_that_fails_in_passing_puts_no_request_off() -> None:
    looks = [call for call in way("aborted") if call.path == "resumeFailedRequest" and not call.writes]
    for call in looks:
        assert play("aborted", at(call.number, Fault.UNSENT)).calls.fired[Fault.UNSENT] == 1


def test_the_sweep_may_fail_wherever_it_looks() -> None:
    looks = [call.number for call in way("not answered") if is_idle(call)][:8]
    for fault in (Fault.UNSENT, Fault.THROTTLED, Fault.KILLED_BEFORE):
        for number in looks:
            assert play("not answered", at(number, fault)).calls.fired[fault] == 1


def test_every_path_is_gone() -> None:
    gone = {call.path for name in PLAYED for call in way(name)}
    assert gone >= PATHS | FUNCTIONS.keys()


# What people and their tools do that issues hours, moves them or decides about them, beside what the functions do;
# a new one is a line here and a story that goes it.
PATHS = frozenset(
    {
        "join", "create", "begin again", "accept", "reject", "offer", "counter", "take", "decline", "start",
        "confirm start", "finish", "confirm work", "cancel", "withdraw", "rate", "moderate",
        "dispute", "object", "assign", "grant", "award", "divide", "dismiss",
        "transfer", "issue", "take back", "lock", "unlock", "pay out", "give back", "under a key",
        "reconcile", "redrive", "revive",
    }
)  # fmt: skip
