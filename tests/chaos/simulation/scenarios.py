"""The ways that a request can go: what people do at each of its waits, and where that must lead.

A new way is one more `Story`; a new thing that people can do is one more line of `ACTS`.
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
from resolvers.actions.requests import NewRequest
from tests.chaos.simulation.acts import ACTS, is_told_of
from tests.chaos.simulation.world import PATIENCE_SECONDS, World
from tests.unit.builders import hours

ALICE, BOB = "alice", "bob"
# People look again after a while, less and less often.
FIRST_LOOK, LAST_LOOK = 0.2, 15.0
# How long executions that keep failing are resumed, where that is what it is about.
SOON = timedelta(minutes=2)


class Plight(StrEnum):
    """What people see of a request that has gone wrong, and act on."""

    FAILED = "a dead letter is about it"
    STRANDED = "nobody tries any more to move it"


Policy = Mapping[Step | Plight, tuple[str, ...]]


async def ask(world: World, asked: NewRequest) -> Request | Refusal | None:
    """The requester asks, as often as it takes."""
    return await world.persist("create", world.requests.create, asked)


def _occasions(world: World, request: Request) -> Iterator[Step | Plight]:
    """Yield what about a request people may do something about now."""
    if request.is_given_up:
        yield Plight.STRANDED
    if is_told_of(world, request):
        yield Plight.FAILED
    if request.wait and not request.wait.answer:
        yield request.wait.name


async def follow(world: World, request_id: str, policy: dict[Step | Plight, list[str]]) -> None:
    """Do on each occasion what the policy says, each act once, until the request has ended."""
    pause, end = FIRST_LOOK, asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while (request := await world.look(request_id)) is not None and not request.is_over:
        assert asyncio.get_running_loop().time() < end, f"this never ends: {request}"
        acts = next((policy[one] for one in _occasions(world, request) if policy.get(one)), None)
        if acts is None:
            await asyncio.sleep(pause)
            pause = min(1.5 * pause, LAST_LOOK)
            continue
        pause = FIRST_LOOK
        await act(world, acts.pop(0), request)


async def act(world: World, name: str, request: Request) -> None:
    """Let somebody do something about a request, as often as it takes."""
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
        tables.Rating,
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
        afterwards: what they do once it has ended, after each of which it may go on.
        status: where it ends.
        reason: why.
        spent: the hours that changed hands.
        asked: the hours that were asked for.
        rated: the requester rates, and an admin moderates.
        down: the functions that can do nothing until somebody mends them.
        resumed_for: how long a request whose executions fail is resumed.
    """

    policy: Policy = field(default_factory=dict)
    afterwards: tuple[str, ...] = ()
    status: RequestStatus
    reason: StatusReason | None = None
    spent: str = "0"
    asked: float = 2.0
    rated: bool = False
    down: tuple[str, ...] = ()
    resumed_for: timedelta = RESUMED_FOR

    async def play(self, world: World) -> None:
        """Play it from the members' joining to the end, and see that it ended as it must."""
        world.down.update(self.down)
        await world.settle(ALICE, BOB)
        service_id, request_id = await world.offer(BOB), world.new_id()
        asked = NewRequest(
            id=request_id, service_id=service_id, requester_id=ALICE, provider_id=BOB, estimated_hours=self.asked
        )
        created = await ask(world, asked)
        assert isinstance(created, Request), created
        policy = {occasion: list(acts) for occasion, acts in self.policy.items()}
        await follow(world, request_id, policy)
        for name in self.afterwards:
            await act(world, name, created)
            await follow(world, request_id, policy)
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
        world.recoveries.check(is_mended=not self.down)

    async def _check_hours(self, world: World) -> None:
        for member, sign in ((ALICE, -1), (BOB, 1)):
            item = await world.store.get(tables.UserBalance, member, consistent=True)
            assert item is not None
            assert Decimal(item["availableBalance"]["N"]) == hours("10") + sign * hours(self.spent)


_PROVIDER_WAIT, _NEGOTIATION = Step.WAIT_FOR_PROVIDER_RESPONSE, Step.WAIT_FOR_NEGOTIATION_RESPONSE
_START, _CONFIRM_START = Step.WAIT_FOR_SERVICE_START, Step.CONFIRM_SERVICE_START
_WORK, _CONFIRM_WORK = Step.WAIT_FOR_COMPLETION, Step.CONFIRM_SERVICE_COMPLETION
_DECISION = Step.WAIT_FOR_ADMIN_DECISION
_WORKED: Policy = {
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
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("restart", "finish")}, status=_PAID, spent="2"
    ),
    "aborted": Story(
        policy={_PROVIDER_WAIT: ("abort", "reject")}, status=_REJECTED, reason=StatusReason.PROVIDER_REJECTED
    ),
    "lost": Story(
        policy={_PROVIDER_WAIT: ("lose", "reject")}, status=_REJECTED, reason=StatusReason.PROVIDER_REJECTED
    ),
    "begun again": Story(
        policy={_PROVIDER_WAIT: ("lose", "begin again", "reject")},
        status=_REJECTED,
        reason=StatusReason.PROVIDER_REJECTED,
    ),
    "locked": Story(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("lock", "finish")},
        afterwards=("unlock",),
        status=_PAID,
        spent="2",
    ),
    "refunded": Story(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("dispute",), _DECISION: ("assign", "grant")},
        status=_REJECTED,
        reason=StatusReason.DISPUTE_REFUNDED,
    ),
    "awarded": Story(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("object",), _DECISION: ("assign", "award")},
        status=_PAID,
        reason=StatusReason.DISPUTE_PAID,
        spent="2",
    ),
    "divided": Story(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("dispute",), _DECISION: ("assign", "divide")},
        status=_PAID,
        reason=StatusReason.DISPUTE_SPLIT,
        spent="0.75",
    ),
    "dismissed": Story(
        policy={
            _PROVIDER_WAIT: ("accept",),
            **_WORKED,
            _WORK: ("dispute", "finish"),
            _DECISION: ("assign", "dismiss"),
        },
        status=_PAID,
        spent="2",
    ),
    "decided late": Story(
        policy={
            _PROVIDER_WAIT: ("accept",),
            **_WORKED,
            _WORK: ("dispute", "finish"),
            _DECISION: ("assign", "be late", "assign another", "dismiss as another"),
        },
        status=_PAID,
        spent="2",
    ),
    "disputed, restarted": Story(
        policy={
            _PROVIDER_WAIT: ("accept",),
            **_WORKED,
            _WORK: ("dispute",),
            _DECISION: ("assign", "restart", "grant"),
        },
        status=_REJECTED,
        reason=StatusReason.DISPUTE_REFUNDED,
    ),
    "disputed, aborted": Story(
        policy={
            _PROVIDER_WAIT: ("accept",),
            **_WORKED,
            _WORK: ("dispute",),
            _DECISION: ("abort", "assign", "award"),
        },
        status=_PAID,
        reason=StatusReason.DISPUTE_PAID,
        spent="2",
    ),
    "paid and taken back": Story(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _DECISION: ("assign", "grant")},
        afterwards=("dispute",),
        status=_PAID,
        reason=StatusReason.DISPUTE_REFUNDED,
    ),
    "paid and divided twice": Story(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _DECISION: ("assign", "divide", "assign", "award")},
        afterwards=("dispute", "object"),
        status=_PAID,
        reason=StatusReason.DISPUTE_PAID,
        spent="0.75",
    ),
    "paid and dismissed": Story(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _DECISION: ("assign", "dismiss")},
        afterwards=("object",),
        status=_PAID,
        spent="2",
    ),
    "paid and gone": Story(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _DECISION: ("assign", "grant")},
        afterwards=("spend all", "dispute"),
        status=_PAID,
        reason=StatusReason.DISPUTE_REFUNDED,
        spent="-10",
    ),
    "given back": Story(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, _WORK: ("give back",)},
        status=_REJECTED,
        reason=StatusReason.ADMIN_CANCELLED,
    ),
    "redriven": Story(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, Plight.FAILED: ("mend", "redrive")},
        down=("releaseEscrow",),
        status=_PAID,
        spent="2",
    ),
    "stranded": Story(
        policy={_PROVIDER_WAIT: ("accept",), **_WORKED, Plight.STRANDED: ("mend", "pay out")},
        down=("releaseEscrow",),
        resumed_for=SOON,
        status=_PAID,
        spent="2",
    ),
    "stranded before its decision": Story(
        policy={
            _PROVIDER_WAIT: ("accept",),
            **_WORKED,
            _WORK: ("dispute",),
            _DECISION: ("assign", "grant"),
            Plight.STRANDED: ("mend", "assign"),
        },
        down=("notifyAdmin",),
        resumed_for=SOON,
        status=_REJECTED,
        reason=StatusReason.DISPUTE_REFUNDED,
    ),
    "stranded behind its decision": Story(
        policy={
            _PROVIDER_WAIT: ("accept",),
            **_WORKED,
            _WORK: ("dispute",),
            _DECISION: ("assign", "grant"),
            Plight.STRANDED: ("mend", "grant"),
        },
        down=("processDisputeResolution",),
        resumed_for=SOON,
        status=_REJECTED,
        reason=StatusReason.DISPUTE_REFUNDED,
    ),
    "given up": Story(
        down=("notifyProvider",),
        resumed_for=SOON,
        status=_REJECTED,
        reason=StatusReason.WORKFLOW_ERROR,
    ),
}
