"""What the functions emit says what has happened, in every way that a request can go."""

from collections import Counter

import pytest

from models import tables
from models.requests.statuses import ENDED
from tests.chaos.books import rows
from tests.chaos.simulation.request_scenarios import SCENARIOS
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import World, started
from tests.unit.workflows.metrics.lines import Value, all_values


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
