"""The ways that a request can go: what people do at each of its waits, and where that must lead.

A new way is one more `Story`; a new thing that people can do is one more line of `ACTS`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from models.clock import to_text
from models.errors import Refusal
from models.identifiers import derived
from models.lifecycle import Request, RequestStatus, Response, StatusReason, Step
from models.rows import item_of
from models.store import ConditionFailedError, Item
from models.tables import Rating, UserBalance
from resolvers.service_requests import Asked
from tests.chaos.world import World
from tests.unit.builders import hours
from tests.unit.places import terms

ALICE, BOB = "alice", "bob"
# People look again after a while, less and less often.
FIRST_LOOK, LAST_LOOK = 0.2, 5.0

Act = Callable[[World, Request], Awaitable[Any]]
ANSWERS: Mapping[str, tuple[Step, Response, Any]] = {
    "accept": (Step.WAIT_FOR_PROVIDER_RESPONSE, Response.ACCEPTED, None),
    "reject": (Step.WAIT_FOR_PROVIDER_RESPONSE, Response.REJECTED, None),
    "offer": (Step.WAIT_FOR_PROVIDER_RESPONSE, Response.COUNTER_OFFER, terms("3", "1.5")),
    "take": (Step.WAIT_FOR_NEGOTIATION_RESPONSE, Response.ACCEPT, None),
    "decline": (Step.WAIT_FOR_NEGOTIATION_RESPONSE, Response.REJECT, None),
    "counter": (Step.WAIT_FOR_NEGOTIATION_RESPONSE, Response.COUNTER, terms("1.5", "1.1")),
    "start": (Step.WAIT_FOR_SERVICE_START, Response.MARKED, None),
    "confirm start": (Step.CONFIRM_SERVICE_START, Response.CONFIRMED, None),
    "finish": (Step.WAIT_FOR_COMPLETION, Response.MARKED, None),
    "confirm work": (Step.CONFIRM_SERVICE_COMPLETION, Response.CONFIRMED, None),
}
_PROVIDER = frozenset({"accept", "reject", "offer", "start", "finish"})


def _answering(name: str) -> Act:
    wait, response, offered = ANSWERS[name]

    async def act(world: World, request: Request) -> Any:
        by = request.provider_id if name in _PROVIDER else request.requester_id
        return await world.requests.answer(request.id, wait=wait, by=by, response=response, terms=offered)

    return act


async def cancel(world: World, request: Request) -> Any:
    """The requester cancels."""
    return await world.requests.cancel(request.id, by=request.requester_id, message=None)


async def withdraw(world: World, request: Request) -> Any:
    """The provider withdraws."""
    return await world.requests.withdraw(request.id, by=request.provider_id, message=None)


async def restart(world: World, _request: Request) -> None:
    """The local cloud is restarted: every execution and token is gone."""
    world.machines.forget()


async def abort(world: World, _request: Request) -> None:
    """Somebody stops the executions that run, in the console."""
    for arn in world.machines.running:
        world.machines.abort(arn)


ACTS: Mapping[str, Act] = {
    **{name: _answering(name) for name in ANSWERS},
    "cancel": cancel,
    "withdraw": withdraw,
    "restart": restart,
    "abort": abort,
}


async def ask(world: World, asked: Asked) -> Request | Refusal | None:
    """The requester asks, as often as it takes."""
    return await world.persist("create", world.requests.create, asked)


async def follow(world: World, request_id: str, policy: Mapping[Step, tuple[str, ...]]) -> None:
    """Do at each wait what the policy says, each of a wait's acts once, until the request has ended."""
    done: dict[Step, int] = {}
    pause = FIRST_LOOK
    while (request := await world.look(request_id)) is not None and not request.is_over:
        wait = request.wait
        acts = policy.get(wait.name, ()) if wait else ()
        turn = done.get(wait.name, 0) if wait else 0
        if wait is None or wait.answer or turn >= len(acts):
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, LAST_LOOK)
            continue
        done[wait.name], pause = turn + 1, FIRST_LOOK
        name = acts[turn]
        await world.persist(name, ACTS[name], world, request)


async def rate(world: World, request: Request) -> None:
    """The requester rates; an admin hides the rating, shows it again, and takes it away."""
    wish = rating_of(world, request)
    assert await world.persist("rate", world.ratings.give, wish) == wish
    for hidden in ({"BOOL": True}, None):
        await world.persist("moderate", show, world, wish, hidden)
    await world.persist("moderate", remove, world, wish)


async def show(world: World, rating: Item, hidden: dict[str, bool] | None) -> None:
    """An admin hides a rating or shows it again."""
    changes = {"isHidden": hidden, "updatedAt": {"S": to_text(world.clock())}}
    await world.ratings.amend(rating["id"]["S"], changes, lambda _: True, actor="ada")


async def remove(world: World, rating: Item) -> None:
    """An admin takes a rating away; that it is gone is what was wanted."""
    with suppress(ConditionFailedError):
        await world.ratings.amend(rating["id"]["S"], None, lambda _: True, actor="ada")


def rating_of(world: World, request: Request) -> Item:
    """Return the row of four and a half stars."""
    now = world.clock()
    return item_of(
        Rating,
        id=derived(request.id, "rating"),
        transactionId=derived(request.id, "exchange"),
        raterId=request.requester_id,
        ratedUserId=request.provider_id,
        rating=4.5,
        createdAt=now,
        updatedAt=now,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One way of a request's.

    Args:
        policy: what people do at each wait, in the order of its rounds.
        status: where it ends.
        reason: why.
        spent: the hours that changed hands.
        asked: the hours that were asked for.
        rated: the requester rates, and an admin moderates.
    """

    policy: Mapping[Step, tuple[str, ...]] = field(default_factory=dict)
    status: RequestStatus
    reason: StatusReason | None = None
    spent: str = "0"
    asked: float = 2.0
    rated: bool = False

    async def play(self, world: World) -> None:
        """Play it from the members' joining to the end, and see that it ended as it must."""
        await world.settle(ALICE, BOB)
        service_id, request_id = await world.offer(BOB), world.new_id()
        asked = Asked(
            id=request_id, service_id=service_id, requester_id=ALICE, provider_id=BOB, estimated_hours=self.asked
        )
        created = await ask(world, asked)
        assert isinstance(created, Request), created
        await follow(world, request_id, self.policy)
        ended = await world.look(request_id)
        assert ended is not None
        assert (ended.status, ended.status_reason) == (self.status, self.reason)
        if self.rated:
            await rate(world, ended)
        await world.come_to_rest()
        books = await world.books()
        books.check()
        books.check_over()
        await self._check_hours(world)

    async def _check_hours(self, world: World) -> None:
        for member, sign in ((ALICE, -1), (BOB, 1)):
            item = await world.store.get(UserBalance, member, consistent=True)
            assert item is not None
            assert Decimal(item["availableBalance"]["N"]) == hours("10") + sign * hours(self.spent)


_PROVIDER_WAIT, _NEGOTIATION = Step.WAIT_FOR_PROVIDER_RESPONSE, Step.WAIT_FOR_NEGOTIATION_RESPONSE
_START, _CONFIRM_START = Step.WAIT_FOR_SERVICE_START, Step.CONFIRM_SERVICE_START
_WORK, _CONFIRM_WORK = Step.WAIT_FOR_COMPLETION, Step.CONFIRM_SERVICE_COMPLETION
_WORKED: Mapping[Step, tuple[str, ...]] = {
    _START: ("start",),
    _CONFIRM_START: ("confirm start",),
    _WORK: ("finish",),
    _CONFIRM_WORK: ("confirm work",),
}
_REJECTED, _EXPIRED, _PAID = RequestStatus.REJECTED, RequestStatus.EXPIRED, RequestStatus.PAID

# The first goes every step of the plain way; of each later one, what is new in it is where faults are put.
STORIES: Mapping[str, Story] = {
    "paid": Story(policy={_PROVIDER_WAIT: ("accept",), **_WORKED}, status=_PAID, spent="2", rated=True),
    "too few hours": Story(status=_REJECTED, reason=StatusReason.INSUFFICIENT_BALANCE, asked=10.01),
    "rejected": Story(
        policy={_PROVIDER_WAIT: ("reject",)}, status=_REJECTED, reason=StatusReason.PROVIDER_REJECTED
    ),
    "negotiated": Story(
        policy={_PROVIDER_WAIT: ("offer", "offer"), _NEGOTIATION: ("counter", "take"), **_WORKED},
        status=_PAID,
        spent="4.5",
    ),
    "declined": Story(
        policy={_PROVIDER_WAIT: ("offer",), _NEGOTIATION: ("decline",)},
        status=_REJECTED,
        reason=StatusReason.REQUESTER_REJECTED,
    ),
    "not answered": Story(status=_EXPIRED, reason=StatusReason.RESPONSE_TIMEOUT),
    "offer not answered": Story(
        policy={_PROVIDER_WAIT: ("offer",)}, status=_EXPIRED, reason=StatusReason.NEGOTIATION_TIMEOUT
    ),
    "not begun": Story(policy={_PROVIDER_WAIT: ("accept",)}, status=_EXPIRED, reason=StatusReason.START_TIMEOUT),
    "confirmed by the clock": Story(
        policy={_PROVIDER_WAIT: ("accept",), _START: ("start",), _WORK: ("finish",)}, status=_PAID, spent="2"
    ),
    "cancelled": Story(
        policy={_PROVIDER_WAIT: ("cancel",)}, status=_REJECTED, reason=StatusReason.REQUESTER_CANCELLED
    ),
    "withdrawn": Story(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("withdraw",)},
        status=_REJECTED,
        reason=StatusReason.PROVIDER_WITHDREW,
    ),
    "restarted": Story(
        policy={_PROVIDER_WAIT: ("restart", "accept"), **_WORKED, _WORK: ("restart", "finish")},
        status=_PAID,
        spent="2",
    ),
    "aborted": Story(policy={_PROVIDER_WAIT: ("abort", "accept"), **_WORKED}, status=_PAID, spent="2"),
}
