"""The load of a storm: members with requests between them, admins who decide, transfers and locks."""

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
from tests.chaos.simulation.account_scenarios import TRANSFER, accepted_transfer, transfer_request
from tests.chaos.simulation.actions import ADMIN, DECISIONS, OTHER_ADMIN, assigning, deciding
from tests.chaos.simulation.http_entry import ask as ask_over_http
from tests.chaos.simulation.scenarios import Failure, ask, follow, perform, rate
from tests.chaos.simulation.world import World

MEMBERS = ("alice", "bob", "carol", "dave")
AMOUNTS, TRANSFER_AMOUNTS = (0.01, 0.75, 1.0, 2.5, 7.0), (0.01, 0.5, 2.0)

# What people may do at each wait, with weights; "" is nothing in this round.
CHOICES: Mapping[Step, Mapping[str, int]] = {
    Step.WAIT_FOR_PROVIDER_RESPONSE: {"accept": 12, "offer": 6, "reject": 1, "cancel": 1, "give back": 1, "": 3},
    Step.WAIT_FOR_NEGOTIATION_RESPONSE: {"take": 6, "counter": 6, "decline": 1, "cancel": 1, "": 2},
    Step.WAIT_FOR_SERVICE_START: {"start": 12, "dispute": 1, "withdraw": 1, "": 1},
    Step.CONFIRM_SERVICE_START: {"confirm start": 12, "object": 1, "withdraw": 1, "": 3},
    Step.WAIT_FOR_COMPLETION: {"finish": 12, "dispute": 3, "withdraw": 1, "give back": 1, "": 1},
    Step.CONFIRM_SERVICE_COMPLETION: {"confirm work": 12, "dispute": 3, "object": 1, "": 3},
    Step.WAIT_FOR_ADMIN_DECISION: {"give back": 1, "pay out": 1, "withdraw": 1, "dispute again": 1, "": 9},
}
# What they may do once the request has ended, in order, with weights.
AFTER_THE_END = {
    (): 3,
    ("dispute",): 3,
    ("object",): 1,
    ("dispute", "object"): 2,
    ("dispute", "dispute again"): 1,
    ("spend all", "dispute"): 1,
}


def policy(random: Random) -> dict[Step | Failure, list[str]]:
    """Draw what the two will do, at most two actions at each wait."""
    drawn = {step: random.choices([*choices], [*choices.values()], k=2) for step, choices in CHOICES.items()}
    return {step: list(filter(None, actions)) for step, actions in drawn.items()}


async def run_request(world: World, services: Mapping[str, str], within: float) -> None:
    """Let two random members have one request between them, from a random moment on, perhaps with disputes."""
    draw = world.random
    requester, provider = draw.sample(MEMBERS, 2)
    await asyncio.sleep(draw.uniform(0, within))
    new_request = NewRequest(
        id=world.new_id(),
        service_id=services[provider],
        requester_id=requester,
        provider_id=provider,
        estimated_hours=draw.choice(AMOUNTS),
    )
    created = await ask(world, new_request)
    assert isinstance(created, Request)
    given = policy(draw)
    (late,) = draw.choices([*AFTER_THE_END], [*AFTER_THE_END.values()])
    await follow(world, new_request.id, given)
    for name in late:
        await perform(world, name, created)
        await follow(world, new_request.id, given)
    ended = await world.read_request(new_request.id)
    if ended is not None and ended.status == "PAID" and draw.random() < 0.5:
        await rate(world, ended)


async def administer(world: World, admin: str) -> None:
    """Let an admin take on disputes and decide them sooner or later, sometimes in two ways at once."""
    while True:
        await asyncio.sleep(world.random.uniform(5, 500))
        open_ = [dispute for dispute in await disputes(world) if dispute.status not in DECIDED]
        for dispute in open_:
            request = await world.read_request(dispute.request_id)
            # An action is about the request's latest dispute.
            if request is None or request.disputes[-1].id != dispute.id or world.random.random() < 0.4:
                continue
            await world.retry("assign", assigning(admin), world, request)
            await world.retry("decide", _decide, world, request, admin)


async def _decide(world: World, request: Request, admin: str) -> None:
    decisions = world.random.sample(DECISIONS, world.random.choice((1, 1, 2)))
    share = world.random.choice(("0.01", "0.75"))
    actions = [deciding(one, share if one is Response.PARTIAL_REFUND else None, by=admin) for one in decisions]
    await asyncio.gather(*(one(world, request) for one in actions))


async def disputes(world: World) -> list[Dispute]:
    """Return every dispute."""
    return [decode(Dispute, tables.Dispute, item) for item in await rows(world.store, tables.Dispute)]


async def change_accounts(world: World) -> None:
    """Transfer, issue and take back hours, and lock and unlock accounts, at random."""
    while True:
        await asyncio.sleep(world.random.uniform(1, 60))
        one, other = world.random.sample(MEMBERS, 2)
        purpose, action = world.random.choice(_account_actions(world, one, other))
        await world.retry(purpose, action)


def _account_actions(world: World, one: str, other: str) -> Sequence[tuple[str, Callable[[], Awaitable[Any]]]]:
    amount = world.random.choice(TRANSFER_AMOUNTS)
    transfer, issue, take = (
        accepted_transfer(wanted)
        for wanted in (
            transfer_request(world, TransactionType.TRANSFER, amount, of=one, to=other, by=one),
            transfer_request(world, TransactionType.ADMIN_ADJUSTMENT, amount, to=one),
            transfer_request(world, TransactionType.ADMIN_ADJUSTMENT, amount, of=one),
        )
    )
    keyed = {"transactionType": "TRANSFER", "fromUserId": one, "toUserId": other, "amount": amount}
    sent = partial(ask_over_http, world, Caller(one, one), TRANSFER, {"input": keyed}, key=world.new_id())
    return (
        ("transfer", partial(world.accounts.transfer, transfer)),
        ("under a key", sent),
        ("issue", partial(world.accounts.transfer, issue)),
        ("take back", partial(world.accounts.transfer, take)),
        ("lock", partial(world.accounts.lock, one, by=world.random.choice((ADMIN, OTHER_ADMIN)), reason="So")),
        *(("unlock", partial(world.accounts.unlock, member, by=ADMIN)) for member in MEMBERS),
        ("reconcile", partial(world.services.reconciliations.start, by=ADMIN)),
    )
