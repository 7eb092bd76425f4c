"""Each fault at each call of each scenario: it ends as it must all the same, and nothing is lost."""

import os
from collections import Counter
from collections.abc import Collection, Mapping
from functools import cache
from random import Random

import pytest

from tests.chaos.faults import RANDOM_FAULTS, Call, Fault, Plan, at, no_faults
from tests.chaos.simulation.account_scenarios import ACCOUNT_SCENARIOS, AccountScenario
from tests.chaos.simulation.recoveries import LATE_SECONDS
from tests.chaos.simulation.request_scenarios import SCENARIOS
from tests.chaos.simulation.scenarios import Scenario
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import World, started
from workflows.handlers import FUNCTIONS

ALL_SCENARIOS: Mapping[str, Scenario | AccountScenario] = {**SCENARIOS, **ACCOUNT_SCENARIOS}
SEED = 7
# The share of all cases that a short run takes.
SHARE = 0.03
# How soon a request moves on without faults: a timer has a second more than its wait.
AT_ONCE_SECONDS = 2.0
# A function that dies over an event gets it again, sooner than the sweep comes by.
REDELIVERED_SECONDS = 30.0
# Runs one case alone, as a failure prints it: CHAOS_CASE="paid/17/answer lost".
CASE = os.environ.get("CHAOS_CASE")


def run_scenario(name: str, plan: Plan = no_faults) -> World:
    """Run a scenario to its end in a world of its own."""

    async def run_it() -> World:
        scenario = ALL_SCENARIOS[name]
        async with started(World(SEED, plan, resumed_for=scenario.resumed_for)) as world:
            await scenario.run(world)
            return world

    return run(run_it())


@cache
def without_faults(name: str) -> World:
    """Return the world after a scenario without injected faults."""
    return run_scenario(name)


def calls_of(name: str) -> list[Call]:
    """Return the calls of a scenario without injected faults."""
    return without_faults(name).calls.made


def first_own_call(name: str) -> int:
    """Return the number of the first call in which a scenario differs from all earlier ones."""
    mine = [(call.purpose, call.operation) for call in calls_of(name)]
    longest = 0
    for other in ALL_SCENARIOS:
        if other == name:
            return longest
        pairs = zip(mine, ((call.purpose, call.operation) for call in calls_of(other)), strict=False)
        shared = next((number for number, (one, two) in enumerate(pairs) if one != two), 0)
        longest = max(longest, shared)
    raise KeyError(name)


def cases(name: str) -> list[tuple[int, Fault]]:
    """Return a scenario's own calls, each with each fault that makes sense there."""
    own = [call for call in calls_of(name)[first_own_call(name) :] if not is_idle(call, ALL_SCENARIOS[name].down)]
    if name != next(iter(ALL_SCENARIOS)):
        # Events are published in the same way whatever they say.
        own = [call for call in own if call.purpose != "publishEvents"]
    return [(call.number, fault) for call in own for fault in RANDOM_FAULTS if call.can(fault)]


def is_idle(call: Call, down: Collection[str] = ()) -> bool:
    """Return whether this call is the sweep's minutely query, or belongs to a function that fails anyway."""
    return call.purpose in down or (call.purpose == "sweepRequests" and call.operation == "query")


@pytest.mark.parametrize("name", ALL_SCENARIOS)
def test_one_fault_changes_nothing_in_the_end(name: str, *, long: bool) -> None:
    chosen = cases(name)
    if CASE is not None:
        scenario, which, what = CASE.split("/")
        chosen = [(int(which), Fault(what))] if scenario == name else []
    elif not long:
        chosen = Random(f"{SEED}{name}").sample(chosen, round(len(chosen) * SHARE) + 1)  # noqa: S311 — no secret
    failures: list[str] = []
    fired: Counter[Fault] = Counter()
    longest = 0.0
    for number, fault in chosen:
        try:
            world = run_scenario(name, at(number, fault))
            fired.update(world.calls.fired)
            longest = max(longest, world.recoveries.longest[0])
        except (AssertionError, Exception) as error:  # noqa: BLE001 — all are reported together
            failures.append(f'CHAOS_CASE="{name}/{number}/{fault}" {calls_of(name)[number]}: {error!r}')
    assert failures == []
    assert sum(fired.values()) == len(chosen)
    assert ALL_SCENARIOS[name].down or longest <= LATE_SECONDS
    print(f"{len(chosen)} faults, gone on within {longest:.1f} s")  # noqa: T201 — `make test-long` shows it


def test_nothing_stands_still_while_nothing_goes_wrong() -> None:
    still = {
        name: without_faults(name).recoveries.longest for name in ALL_SCENARIOS if not ALL_SCENARIOS[name].down
    }
    assert {name: longest for name, longest in still.items() if longest[0] > AT_ONCE_SECONDS}.keys() <= {"lost"}


def test_an_execution_that_was_never_begun_is_begun_when_its_predecessors_end_is_told_again() -> None:
    handing_on = [call for call in calls_of("aborted") if call.purpose == "resumeFailedRequest" and call.writes]
    assert len(handing_on) >= 3
    for call in handing_on:
        longest = run_scenario("aborted", at(call.number, Fault.KILLED_AFTER)).recoveries.longest
        assert longest[0] <= REDELIVERED_SECONDS, longest


def test_hours_sent_under_a_key_go_once_wherever_the_server_dies() -> None:
    writes = [call for call in calls_of("under a key") if call.purpose == "under a key" and call.writes]
    for call in writes:
        assert (
            run_scenario("under a key", at(call.number, Fault.KILLED_AFTER)).calls.fired[Fault.KILLED_AFTER] == 1
        )


def test_a_call_that_fails_in_passing_puts_no_request_off() -> None:
    looks = [call for call in calls_of("aborted") if call.purpose == "resumeFailedRequest" and not call.writes]
    for call in looks:
        assert run_scenario("aborted", at(call.number, Fault.UNSENT)).calls.fired[Fault.UNSENT] == 1


def test_the_sweep_may_fail_wherever_it_looks() -> None:
    looks = [call.number for call in calls_of("not answered") if is_idle(call)][:8]
    for fault in (Fault.UNSENT, Fault.THROTTLED, Fault.KILLED_BEFORE):
        for number in looks:
            assert run_scenario("not answered", at(number, fault)).calls.fired[fault] == 1


def test_every_path_is_gone() -> None:
    gone = {call.purpose for name in ALL_SCENARIOS for call in calls_of(name)}
    # What publishes changes moves no hours, and a single server needs nothing published.
    assert gone >= PURPOSES | FUNCTIONS.keys() - {"publishChanges"}


# The purposes of calls that issue or move hours or decide about them, besides those of the Lambda functions;
# a new one is a line here and a scenario that has it.
PURPOSES = frozenset(
    {
        "join", "create", "begin again", "accept", "reject", "offer", "counter", "take", "decline", "start",
        "confirm start", "finish", "confirm work", "cancel", "withdraw", "rate", "moderate",
        "dispute", "object", "assign", "grant", "award", "divide", "dismiss",
        "transfer", "issue", "take back", "lock", "unlock", "pay out", "give back", "under a key",
        "reconcile", "redrive", "revive",
    }
)  # fmt: skip
