"""Late arrivals: a repeated creation, a call for a dispute that is over, a request older than the guards."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from models import tables
from models.requests.request import Request
from models.requests.statuses import RequestStatus, Step
from resolvers.actions.requests import NewRequest
from tests.chaos.simulation.actions import ACTIONS
from tests.chaos.simulation.request_scenarios import SCENARIOS
from tests.chaos.simulation.scenarios import ALICE, BOB, ask, follow
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import World, started
from workflows.executions.step_input import StepInput

_T = TypeVar("_T")
LOOK_SECONDS = 0.1
# Enough for what happens without waiting for anybody; no sweep has run by then.
SOON_SECONDS = 10.0


def run_scenario(scenario: Callable[[World], Awaitable[_T]]) -> _T:
    """Return the result of a scenario in a world of its own, without faults."""

    async def run_it() -> _T:
        async with started(World(1)) as world:
            await world.join(ALICE, BOB)
            return await scenario(world)

    return run(run_it())


async def ask_bob(world: World, service_id: str) -> NewRequest:
    """Let Alice request two hours from Bob."""
    new_request = NewRequest(
        id=world.new_id(), service_id=service_id, requester_id=ALICE, provider_id=BOB, estimated_hours=2.0
    )
    assert isinstance(await ask(world, new_request), Request)
    return new_request


async def reached(world: World, request_id: str, is_so: Callable[[Request], bool]) -> Request:
    """Return a request as soon as a condition holds."""
    async with asyncio.timeout(SOON_SECONDS):
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            request = await world.read_request(request_id)
            if request is not None and is_so(request):
                return request


async def waiting_at(world: World, request_id: str, step: Step) -> Request:
    """Return a request as soon as it waits at a step."""
    return await reached(world, request_id, lambda request: request.wait is not None and request.wait.name is step)


def test_who_asks_again_after_a_counter_offer_gets_the_request_as_it_stands() -> None:
    async def scenario(world: World) -> None:
        new_request = await ask_bob(world, await world.offer(BOB))
        await ACTIONS["offer"](world, await waiting_at(world, new_request.id, Step.WAIT_FOR_PROVIDER_RESPONSE))
        await ACTIONS["counter"](
            world, await waiting_at(world, new_request.id, Step.WAIT_FOR_NEGOTIATION_RESPONSE)
        )
        again = await world.requests.create(new_request)
        assert isinstance(again, Request)
        assert float(again.estimated_hours) == 1.5
        assert await world.requests.create(replace(new_request, estimated_hours=1.5)) is None

    run_scenario(scenario)


def test_a_late_call_for_a_dispute_that_is_over_leaves_the_next_one_alone() -> None:
    async def scenario(world: World) -> None:
        new_request = await ask_bob(world, await world.offer(BOB))
        await follow(
            world, new_request.id, {step: list(actions) for step, actions in SCENARIOS["paid"].policy.items()}
        )
        paid = await reached(world, new_request.id, lambda request: request.is_over)
        await ACTIONS["dispute"](world, paid)
        disputed = await waiting_at(world, new_request.id, Step.WAIT_FOR_ADMIN_DECISION)
        late = StepInput.of(disputed).as_json()
        for action in ("assign", "dismiss"):
            await ACTIONS[action](world, disputed)
        await reached(world, new_request.id, lambda request: request.is_over)
        await ACTIONS["object"](world, paid)
        begun = await world.invoke("initiateDispute", late)
        assert begun["step"] == Step.NOTIFY_DISPUTE_PARTIES
        next_one = await waiting_at(world, new_request.id, Step.WAIT_FOR_ADMIN_DECISION)
        await world.invoke("notifyAdmin", {**late, "taskToken": "late"})
        assert await world.read_request(new_request.id) == next_one

    run_scenario(scenario)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("accept", RequestStatus.ACCEPTED),
        ("reject", RequestStatus.REJECTED),
        ("cancel", RequestStatus.REJECTED),
    ],
)
def test_a_request_without_a_guard_is_not_held_up_by_the_next_ones(action: str, status: RequestStatus) -> None:
    async def scenario(world: World) -> None:
        service_id = await world.offer(BOB)
        old = await ask_bob(world, service_id)
        waits = await waiting_at(world, old.id, Step.WAIT_FOR_PROVIDER_RESPONSE)
        await world.store.delete(tables.RequestGuard, waits.guard_id)
        new = await ask_bob(world, service_id)
        await waiting_at(world, new.id, Step.WAIT_FOR_PROVIDER_RESPONSE)
        await ACTIONS[action](world, waits)
        await reached(world, old.id, lambda request: request.status is status)
        guard = await world.store.get(tables.RequestGuard, waits.guard_id, consistent=True)
        assert guard is not None
        assert guard["requestId"] == {"S": new.id}

    run_scenario(scenario)
