"""The ways that a request can go: what people do at each of its waits, and how it must end.

A new way is one more `Scenario`; a new action is one more line of `ACTIONS`.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from models import tables
from models.clock import to_text
from models.errors import Refusal
from models.identifiers import derived
from models.requests.recovery import RESUMED_FOR
from models.requests.request import Request
from models.requests.statuses import RequestStatus, StatusReason, Step
from models.storage.codec import item_of
from models.storage.store import ConditionFailedError, Item
from resolvers.actions.exchanges import Wish
from resolvers.actions.requests import NewRequest
from tests.chaos.simulation.actions import ACTIONS, has_dead_letter
from tests.chaos.simulation.world import PATIENCE_SECONDS, World
from tests.unit.builders import hours

ALICE, BOB = "alice", "bob"
# People poll at growing intervals.
FIRST_LOOK, LAST_LOOK = 0.2, 15.0
# How long failing executions are resumed in the scenarios that are about that.
SOON = timedelta(minutes=2)


class Failure(StrEnum):
    """A visible failure of a request, on which people act."""

    DEAD_LETTER = "a dead letter is about it"
    GIVEN_UP = "nobody tries any more to move it"


Policy = Mapping[Step | Failure, tuple[str, ...]]


async def ask(world: World, new_request: NewRequest) -> Request | Refusal | None:
    """Create a request, with retries."""
    return await world.retry("create", world.requests.create, new_request)


def _occasions(world: World, request: Request) -> Iterator[Step | Failure]:
    """Yield the waits and failures of a request on which people may act now."""
    if request.is_given_up:
        yield Failure.GIVEN_UP
    if has_dead_letter(world, request):
        yield Failure.DEAD_LETTER
    if request.wait and not request.wait.answer:
        yield request.wait.name


async def follow(world: World, request_id: str, policy: dict[Step | Failure, list[str]]) -> None:
    """Act as the policy says on each occasion, each action once, until the request has ended."""
    pause, end = FIRST_LOOK, asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while (request := await world.read_request(request_id)) is not None and not request.is_over:
        assert asyncio.get_running_loop().time() < end, f"this request never ends: {request}"
        actions = next((policy[one] for one in _occasions(world, request) if policy.get(one)), None)
        if actions is None:
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, LAST_LOOK)
            continue
        pause = FIRST_LOOK
        await perform(world, actions.pop(0), request)


async def perform(world: World, name: str, request: Request) -> None:
    """Perform an action on a request, with retries."""
    await world.retry(name, ACTIONS[name], world, request)


async def rate(world: World, request: Request) -> None:
    """Let the requester rate, and an admin hide, show and delete the rating."""
    rating = rating_of(world, request)
    assert await world.retry("rate", world.ratings.give, rating) == rating
    for hidden in ({"BOOL": True}, None):
        await world.retry("moderate", show, world, rating, hidden)
    await world.retry("moderate", remove, world, rating)


async def rate_by_app(world: World, request: Request) -> None:
    """Let the requester rate as the app does."""
    item = await world.store.get(tables.Transaction, request.id, consistent=True)
    assert item is not None
    wish = Wish(by=request.requester_id, rating=4.5, feedback="Green thumbs")
    rated = await world.retry("rate", world.exchanges.update, item, wish)
    assert not isinstance(rated, Refusal)
    assert (rated["rating"], rated["feedback"]) == ({"N": "4.5"}, {"S": "Green thumbs"})


async def show(world: World, rating: Item, hidden: dict[str, bool] | None) -> None:
    """Hide a rating, or show it again."""
    changes = {"isHidden": hidden, "updatedAt": {"S": to_text(world.clock())}}
    await world.ratings.amend(rating["id"]["S"], changes, lambda _: True, actor="ada")


async def remove(world: World, rating: Item) -> None:
    """Delete a rating; one that is gone already is fine."""
    with suppress(ConditionFailedError):
        await world.ratings.amend(rating["id"]["S"], None, lambda _: True, actor="ada")


def rating_of(world: World, request: Request) -> Item:
    """Return the row of a rating of 4.5 stars."""
    now = world.clock()
    return item_of(
        tables.Rating,
        id=derived(request.id, "rating"),
        transactionId=request.id,
        raterId=request.requester_id,
        ratedUserId=request.provider_id,
        rating=4.5,
        createdAt=now,
        updatedAt=now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way that a request can go.

    Args:
        policy: what people do at each wait or failure, in the order of its rounds.
        afterwards: what they do once it has ended; after each action it may go on.
        status: its final status.
        reason: its final status reason.
        spent: the hours that the requester has spent in the end.
        requested_hours: the hours that are requested.
        by_app: whether the requester asks as the app does, by createTransaction, and rates by updateTransaction.
        rated: whether the requester rates, and an admin moderates.
        down: the functions that always fail until somebody repairs them.
        resumed_for: how long a request whose executions fail is resumed.
    """

    policy: Policy = field(default_factory=dict)
    afterwards: tuple[str, ...] = ()
    status: RequestStatus
    reason: StatusReason | None = None
    spent: str = "0"
    requested_hours: float = 2.0
    by_app: bool = False
    rated: bool = False
    down: tuple[str, ...] = ()
    resumed_for: timedelta = RESUMED_FOR

    async def run(self, world: World) -> None:
        """Run it from the members' joining to the end, and check how it ended."""
        world.down.update(self.down)
        await world.join(ALICE, BOB)
        service_id, request_id = await world.offer(BOB), world.new_id()
        new_request = NewRequest(
            id=request_id,
            service_id=service_id,
            requester_id=ALICE,
            provider_id=BOB,
            estimated_hours=None if self.by_app else self.requested_hours,
            hours_spent=self.requested_hours if self.by_app else None,
        )
        created = await ask(world, new_request)
        assert isinstance(created, Request), created
        policy = {occasion: list(actions) for occasion, actions in self.policy.items()}
        await follow(world, request_id, policy)
        for name in self.afterwards:
            await perform(world, name, created)
            await follow(world, request_id, policy)
        ended = await world.read_request(request_id)
        assert ended is not None
        assert (ended.status, ended.status_reason) == (self.status, self.reason)
        if self.rated:
            await (rate_by_app if self.by_app else rate)(world, ended)
        await world.wait_until_idle()
        books = await world.books()
        books.check()
        books.check_over()
        await self._check_hours(world)
        world.recoveries.check(is_mended=not self.down)

    async def _check_hours(self, world: World) -> None:
        for member, sign in ((ALICE, -1), (BOB, 1)):
            item = await world.store.get(tables.UserBalance, member, consistent=True)
            assert item is not None
            assert Decimal(item["availableBalance"]["N"]) == hours("10") + sign * hours(self.spent)
