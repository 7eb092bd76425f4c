"""Functions that keep dying: once they work again, what waited for them goes on within a minute."""

import asyncio
from typing import Any

import pytest

from models.requests.request import Request
from models.requests.statuses import Step
from resolvers.actions.requests import NewRequest
from tests.chaos.faults import KilledError
from tests.chaos.simulation.actions import ACTIONS
from tests.chaos.simulation.scenarios import ALICE, BOB, ask
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import World, started
from workflows.executions.sweep import revive

RECOVERED_WITHIN = 60.0
LOOK_SECONDS = 0.1
# After this many resumptions the sweep alone would wait for minutes.
RESUMPTIONS = 2


class FunctionOutage(World):
    """A world whose functions may be unavailable, except the sweep's: what it starts dies again."""

    gone = False
    missed = ""

    async def invoke(self, name: str, event: Any) -> Any:
        """Call a function, if it is available."""
        if self.gone and name != "sweepRequests":
            self.missed = name
            raise KilledError(name)
        return await super().invoke(name, event)


async def accept_during_outage(world: FunctionOutage) -> Request:
    """Let Alice create a request and Bob accept it just after the functions became unavailable."""
    await world.join(ALICE, BOB)
    new_request = NewRequest(
        id=world.new_id(),
        service_id=await world.offer(BOB),
        requester_id=ALICE,
        provider_id=BOB,
        estimated_hours=2.0,
    )
    assert isinstance(await ask(world, new_request), Request)
    request = await read_again(world, new_request.id)
    while request.wait is None:
        request = await read_again(world, new_request.id)
    world.gone = True
    await ACTIONS["accept"](world, request)
    return request


async def read_again(world: World, request_id: str) -> Request:
    await asyncio.sleep(LOOK_SECONDS)
    request = await world.read_request(request_id)
    assert request is not None
    return request


async def seconds_to_recover(seed: int) -> float:
    """Return the seconds that a request took to go on after the functions were back for good."""
    async with started(FunctionOutage(seed)) as world:
        assert isinstance(world, FunctionOutage)
        request = await accept_during_outage(world)
        while request.resumptions < RESUMPTIONS or world.missed != "handleWorkflowError":
            request = await read_again(world, request.id)
        world.gone = False
        back = asyncio.get_running_loop().time()
        await revive(world.sweep)
        while request.wait is None or request.wait.name is not Step.WAIT_FOR_SERVICE_START:
            request = await read_again(world, request.id)
        return asyncio.get_running_loop().time() - back


@pytest.mark.parametrize("seed", range(4))
def test_a_request_that_kept_failing_goes_on_soon_after_its_functions_are_back(seed: int) -> None:
    assert run(seconds_to_recover(seed)) < RECOVERED_WITHIN
