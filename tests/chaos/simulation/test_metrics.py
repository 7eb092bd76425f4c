"""What the functions emit says what has happened, in every way that a request can go."""

from collections import Counter

import pytest

from models import tables
from models.requests.statuses import ENDED
from tests.chaos.books import rows
from tests.chaos.simulation.account_scenarios import ACCOUNT_SCENARIOS
from tests.chaos.simulation.request_scenarios import SCENARIOS
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import World, started
from tests.unit.workflows.metrics.lines import Value, all_values
from workflows.metrics.declared import CHANGE_LAG, METRICS


async def played(name: str) -> tuple[World, list[Value], Counter[str]]:
    """Return a world after a scenario, what it emitted, and how many requests have ended, by status."""
    scenario = SCENARIOS[name]
    world = World(7, resumed_for=scenario.resumed_for)
    async with started(world):
        await scenario.run(world)
        stored = await rows(world.store, tables.ServiceRequest)
    ended = Counter(item["status"]["S"] for item in stored if item["status"]["S"] in ENDED)
    return world, all_values(line for _, line in world.emitted), ended


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_request_that_ends_is_counted_once(name: str) -> None:
    _, values, ended = run(played(name))
    counted = Counter(value.label for value in values if value.name == "RequestsEnded")
    assert counted == ended


def test_every_metric_is_emitted_but_that_of_a_function_which_only_servers_with_queues_need() -> None:
    emitted = {value.name for name in ("paid", "decided late", "given up") for value in run(played(name))[1]}
    emitted |= run(after_reconciliation())
    assert emitted == {one.name for one in METRICS} - {CHANGE_LAG.name}


async def after_reconciliation() -> set[str]:
    async with started(World(7)) as world:
        await ACCOUNT_SCENARIOS["reconciled"].run(world)
        await world.invoke("sweepRequests", {})
        return {value.name for value in all_values(line for _, line in world.emitted)}


def test_a_life_takes_the_machine_moments_however_long_people_take() -> None:
    _, values, _ = run(played("confirmed by the clock"))
    taken = [value.value for value in values if value.name == "MachineTime"]
    assert len(taken) >= 5
    assert max(taken) < 5
    assert {value.label for value in values if value.name == "MachineTime"} == {"ServiceRequestWorkflow"}
