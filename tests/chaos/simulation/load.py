"""The people of a storm: two with a request between them, admins who decide, hours that are given and taken."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from random import Random
from typing import Any

from models import tables
from models.ledger.movements import TransactionType
from models.requests.dispute import DECIDED, Dispute
from models.requests.request import Request
from models.requests.statuses import Response, Step
from models.storage.codec import decode
from resolvers.actions.requests import NewRequest
from resolvers.identity.callers import Caller
from tests.chaos.books import rows
from tests.chaos.simulation.acts import ADMIN, DECISIONS, OTHER_ADMIN, assigning, deciding
from tests.chaos.simulation.errands import TRANSFER, transfer, wish
from tests.chaos.simulation.http_entry import ask as ask_at_the_door
from tests.chaos.simulation.scenarios import Plight, act, ask, follow, rate
from tests.chaos.simulation.world import World

MEMBERS = ("alice", "bob", "carol", "dave")
AMOUNTS, GIFTS = (0.01, 0.75, 1.0, 2.5, 7.0), (0.01, 0.5, 2.0)

# What people may do at each wait, and how likely; "" is nothing, for that once.
MOODS: Mapping[Step, Mapping[str, int]] = {
    Step.WAIT_FOR_PROVIDER_RESPONSE: {"accept": 12, "offer": 6, "reject": 1, "cancel": 1, "give back": 1, "": 3},
    Step.WAIT_FOR_NEGOTIATION_RESPONSE: {"take": 6, "counter": 6, "decline": 1, "cancel": 1, "": 2},
    Step.WAIT_FOR_SERVICE_START: {"start": 12, "dispute": 1, "withdraw": 1, "": 1},
    Step.CONFIRM_SERVICE_START: {"confirm start": 12, "object": 1, "withdraw": 1, "": 3},
    Step.WAIT_FOR_COMPLETION: {"finish": 12, "dispute": 3, "withdraw": 1, "give back": 1, "": 1},
    Step.CONFIRM_SERVICE_COMPLETION: {"confirm work": 12, "dispute": 3, "object": 1, "": 3},
    Step.WAIT_FOR_ADMIN_DECISION: {"give back": 1, "pay out": 1, "withdraw": 1, "dispute again": 1, "": 9},
}
# What they may do once it has ended, one after the other.
AFTERWARDS = {
    (): 3,
    ("dispute",): 3,
    ("object",): 1,
    ("dispute", "object"): 2,
    ("dispute", "dispute again"): 1,
    ("spend all", "dispute"): 1,
}


def policy(random: Random) -> dict[Step | Plight, list[str]]:
    """Return what two people will do, at each wait at most twice."""
    drawn = {step: random.choices([*moods], [*moods.values()], k=2) for step, moods in MOODS.items()}
    return {step: list(filter(None, acts)) for step, acts in drawn.items()}


async def deal(world: World, services: Mapping[str, str], within: float) -> None:
    """Two of the members have one request between them, from some moment on, and may quarrel over it."""
    draw = world.random
    requester, provider = draw.sample(MEMBERS, 2)
    await asyncio.sleep(draw.uniform(0, within))
    asked = NewRequest(
        id=world.new_id(),
        service_id=services[provider],
        requester_id=requester,
        provider_id=provider,
        estimated_hours=draw.choice(AMOUNTS),
    )
    created = await ask(world, asked)
    assert isinstance(created, Request)
    given = policy(draw)
    (late,) = draw.choices([*AFTERWARDS], [*AFTERWARDS.values()])
    await follow(world, asked.id, given)
    for name in late:
        await act(world, name, created)
        await follow(world, asked.id, given)
    ended = await world.look(asked.id)
    if ended is not None and ended.status == "PAID" and draw.random() < 0.5:
        await rate(world, ended)


async def administer(world: World, admin: str) -> None:
    """An admin takes disputes on and decides them, sooner or later; sometimes two ways at once."""
    while True:
        await asyncio.sleep(world.random.uniform(5, 500))
        open_ = [dispute for dispute in await disputes(world) if dispute.status not in DECIDED]
        for dispute in open_:
            request = await world.look(dispute.request_id)
            # The dispute that an act is about is its request's last one.
            if request is None or request.disputes[-1].id != dispute.id or world.random.random() < 0.4:
                continue
            await world.persist("assign", assigning(admin), world, request)
            await world.persist("decide", _decide, world, request, admin)


async def _decide(world: World, request: Request, admin: str) -> None:
    decisions = world.random.sample(DECISIONS, world.random.choice((1, 1, 2)))
    share = world.random.choice(("0.01", "0.75"))
    acts = [deciding(one, share if one is Response.PARTIAL_REFUND else None, by=admin) for one in decisions]
    await asyncio.gather(*(one(world, request) for one in acts))


async def disputes(world: World) -> list[Dispute]:
    """Return every dispute as it stands."""
    return [decode(Dispute, tables.Dispute, item) for item in await rows(world.store, tables.Dispute)]


async def give_and_take(world: World) -> None:
    """Hours go from member to member, come from nobody and go to nobody; accounts are locked and unlocked."""
    while True:
        await asyncio.sleep(world.random.uniform(1, 60))
        one, other = world.random.sample(MEMBERS, 2)
        purpose, errand = world.random.choice(_errands(world, one, other))
        await world.persist(purpose, errand)


def _errands(world: World, one: str, other: str) -> Sequence[tuple[str, Callable[[], Awaitable[Any]]]]:
    amount = world.random.choice(GIFTS)
    gift, issue, take = (
        transfer(asked)
        for asked in (
            wish(world, TransactionType.TRANSFER, amount, of=one, to=other, by=one),
            wish(world, TransactionType.ADMIN_ADJUSTMENT, amount, to=one),
            wish(world, TransactionType.ADMIN_ADJUSTMENT, amount, of=one),
        )
    )
    keyed = {"transactionType": "TRANSFER", "fromUserId": one, "toUserId": other, "amount": amount}
    sent = partial(ask_at_the_door, world, Caller(one, one), TRANSFER, {"input": keyed}, key=world.new_id())
    return (
        ("transfer", partial(world.accounts.transfer, gift)),
        ("under a key", sent),
        ("issue", partial(world.accounts.transfer, issue)),
        ("take back", partial(world.accounts.transfer, take)),
        ("lock", partial(world.accounts.lock, one, by=world.random.choice((ADMIN, OTHER_ADMIN)), reason="So")),
        *(("unlock", partial(world.accounts.unlock, member, by=ADMIN)) for member in MEMBERS),
        ("reconcile", partial(world.services.reconciliations.start, by=ADMIN)),
    )
