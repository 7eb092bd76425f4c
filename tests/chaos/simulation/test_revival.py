"""Functions that keep dying: once they live again, what waited for them goes on within a minute."""

import asyncio
from typing import Any

import pytest

from models.requests.request import Request
from models.requests.statuses import Step
from resolvers.actions.requests import NewRequest
from tests.chaos.faults import KilledError
from tests.chaos.simulation.acts import ACTS
from tests.chaos.simulation.scenarios import ALICE, BOB, ask
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import World, alive
from workflows.executions.sweep import revive

SETTLED_WITHIN = 60.0
LOOK_SECONDS = 0.1
# By then the sweep alone would wait for minutes.
RESUMPTIONS = 2


class Deserted(World):
    """A world whose functions may be gone; but the sweep's is there for a moment each time, and they die again."""

    gone = False
    missed = ""

    async def invoke(self, name: str, event: Any) -> Any:
        """Call a function, if it is there."""
        if self.gone and name != "sweepRequests":
            self.missed = name
            raise KilledError(name)
        return await super().invoke(name, event)


async def asked_and_answered(world: Deserted) -> Request:
    """Let Alice ask and Bob accept, when the functions have just gone."""
    await world.settle(ALICE, BOB)
    asked = NewRequest(
        id=world.new_id(),
        service_id=await world.offer(BOB),
        requester_id=ALICE,
        provider_id=BOB,
        estimated_hours=2.0,
    )
    assert isinstance(await ask(world, asked), Request)
    request = await looked_at(world, asked.id)
    while request.wait is None:
        request = await looked_at(world, asked.id)
    world.gone = True
    await ACTS["accept"](world, request)
    return request


async def looked_at(world: World, request_id: str) -> Request:
    await asyncio.sleep(LOOK_SECONDS)
    request = await world.look(request_id)
    assert request is not None
    return request


async def deserted(seed: int) -> float:
    """Return how long a request took to go on after the functions had come back for good."""
    async with alive(Deserted(seed)) as world:
        assert isinstance(world, Deserted)
        request = await asked_and_answered(world)
        while request.resumptions < RESUMPTIONS or world.missed != "handleWorkflowError":
            request = await looked_at(world, request.id)
        world.gone = False
        back = asyncio.get_running_loop().time()
        await revive(world.sweep)
        while request.wait is None or request.wait.name is not Step.WAIT_FOR_SERVICE_START:
            request = await looked_at(world, request.id)
        return asyncio.get_running_loop().time() - back


@pytest.mark.parametrize("seed", range(4))
def test_a_request_that_kept_failing_goes_on_soon_after_its_functions_are_back(seed: int) -> None:
    assert run(deserted(seed)) < SETTLED_WITHIN
