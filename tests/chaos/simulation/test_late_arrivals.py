"""What comes late: a wish that is repeated, a call for a dispute that is over, a request older than the guards."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

import pytest

from models import tables
from models.requests.request import Request
from models.requests.statuses import RequestStatus, Step
from resolvers.actions.requests import NewRequest
from tests.chaos.simulation.acts import ACTS
from tests.chaos.simulation.scenarios import ALICE, BOB, STORIES, ask, follow
from tests.chaos.simulation.virtual_time import run
from tests.chaos.simulation.world import World, alive
from workflows.executions.step_input import StepInput

_T = TypeVar("_T")
LOOK_SECONDS = 0.1
# What nobody has to wait for has come by then; no sweep has.
SOON_SECONDS = 10.0


def told(story: Callable[[World], Awaitable[_T]]) -> _T:
    """Return what comes of a story in a world of its own, in which nothing goes wrong."""

    async def lived() -> _T:
        async with alive(World(1)) as world:
            await world.settle(ALICE, BOB)
            return await story(world)

    return run(lived())


async def ask_bob(world: World, service_id: str) -> NewRequest:
    """Let Alice ask Bob for two hours."""
    asked = NewRequest(
        id=world.new_id(), service_id=service_id, requester_id=ALICE, provider_id=BOB, estimated_hours=2.0
    )
    assert isinstance(await ask(world, asked), Request)
    return asked


async def seen(world: World, request_id: str, is_so: Callable[[Request], bool]) -> Request:
    """Return a request as soon as it is as it should be."""
    async with asyncio.timeout(SOON_SECONDS):
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            request = await world.look(request_id)
            if request is not None and is_so(request):
                return request


async def asking(world: World, request_id: str, step: Step) -> Request:
    """Return a request as soon as somebody is asked at a step."""
    return await seen(world, request_id, lambda request: request.wait is not None and request.wait.name is step)


def test_who_asks_again_after_a_counter_offer_gets_the_request_as_it_stands() -> None:
    async def story(world: World) -> None:
        asked = await ask_bob(world, await world.offer(BOB))
        await ACTS["offer"](world, await asking(world, asked.id, Step.WAIT_FOR_PROVIDER_RESPONSE))
        await ACTS["counter"](world, await asking(world, asked.id, Step.WAIT_FOR_NEGOTIATION_RESPONSE))
        again = await world.requests.create(asked)
        assert isinstance(again, Request)
        assert float(again.estimated_hours) == 1.5
        assert await world.requests.create(replace(asked, estimated_hours=1.5)) is None

    told(story)


def test_a_late_call_for_a_dispute_that_is_over_leaves_the_next_one_alone() -> None:
    async def story(world: World) -> None:
        asked = await ask_bob(world, await world.offer(BOB))
        await follow(world, asked.id, {step: list(acts) for step, acts in STORIES["paid"].policy.items()})
        paid = await seen(world, asked.id, lambda request: request.is_over)
        await ACTS["dispute"](world, paid)
        disputed = await asking(world, asked.id, Step.WAIT_FOR_ADMIN_DECISION)
        late = StepInput.of(disputed).as_json()
        for act in ("assign", "dismiss"):
            await ACTS[act](world, disputed)
        await seen(world, asked.id, lambda request: request.is_over)
        await ACTS["object"](world, paid)
        begun = await world.invoke("initiateDispute", late)
        assert begun["step"] == Step.NOTIFY_DISPUTE_PARTIES
        next_one = await asking(world, asked.id, Step.WAIT_FOR_ADMIN_DECISION)
        await world.invoke("notifyAdmin", {**late, "taskToken": "late"})
        assert await world.look(asked.id) == next_one

    told(story)


@pytest.mark.parametrize(
    ("act", "status"),
    [
        ("accept", RequestStatus.ACCEPTED),
        ("reject", RequestStatus.REJECTED),
        ("cancel", RequestStatus.REJECTED),
    ],
)
def test_a_request_without_a_guard_is_not_held_up_by_the_next_ones(act: str, status: RequestStatus) -> None:
    async def story(world: World) -> None:
        service_id = await world.offer(BOB)
        old = await ask_bob(world, service_id)
        waits = await asking(world, old.id, Step.WAIT_FOR_PROVIDER_RESPONSE)
        await world.store.delete(tables.RequestGuard, waits.guard_id)
        new = await ask_bob(world, service_id)
        await asking(world, new.id, Step.WAIT_FOR_PROVIDER_RESPONSE)
        await ACTS[act](world, waits)
        await seen(world, old.id, lambda request: request.status is status)
        guard = await world.store.get(tables.RequestGuard, waits.guard_id, consistent=True)
        assert guard is not None
        assert guard["requestId"] == {"S": new.id}

    told(story)
