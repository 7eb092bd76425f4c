"""What the writers of the bank do, one errand after the other: each moves hours, in some way or other.

A new kind of movement is its name in `KINDS`, and an errand that makes it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from models import clock
from models.disputes.resolving import RESOLUTIONS
from models.ledger.balances import Escrow
from models.requests import answers, endings, payment, steps
from models.requests.decision import Change
from models.requests.request import Request, Terms, Wait
from models.requests.statuses import RequestStatus, Response, StatusReason, Step
from tests.chaos.bank import Bank, Till
from tests.unit.builders import hours
from tests.unit.places import QUARREL, dispute

DECISIONS = tuple(RESOLUTIONS)
# A recall is a dispute after the payment, for which hours are held on the provider.
KINDS = ("hold", "adjust", "release", "refund", "transfer", "dispute", "recall", *(one.value for one in DECISIONS))

END = partial(
    endings.end, status=RequestStatus.REJECTED, reason=StatusReason.REQUESTER_CANCELLED, event="Ended by the bank"
)
COMPLETED: dict[str, Any] = {
    "status": RequestStatus.COMPLETED,
    "wait": None,
    "offered_hours": None,
    "offered_rate": None,
}

Errand = Callable[[Till], Awaitable[None]]


async def held(till: Till) -> Change | None:
    """Hold some hours of somebody's for somebody else's service, if they are there."""
    requester, provider = till.random.sample(till.bank.members, 2)
    asked = await till.ask(requester, provider, till.amount())
    change = await till.move(asked, steps.hold_hours, "hold")
    return change if change is not None and change.movement is not None else None


async def deal(till: Till) -> None:
    """Hold, mostly adjust, and then release or refund."""
    hold = await held(till)
    if hold is None:
        return
    request = hold.request
    if till.random.random() < 0.8:
        request = await adjusted(till, request)
    if till.random.random() < 0.5:
        await till.move(request, END, "refund")
    else:
        await till.move(await till.placed(request, **COMPLETED), payment.pay, "release")


async def adjusted(till: Till, request: Request) -> Request:
    """Negotiate: the requester takes up other terms, if they have the hours."""
    wait = Wait(name=Step.WAIT_FOR_NEGOTIATION_RESPONSE, deadline=clock.now() + timedelta(hours=1))
    asked = await till.placed(
        request,
        status=RequestStatus.NEGOTIATING,
        negotiation_round=1,
        offered_hours=hours("1"),
        offered_rate=hours("1"),
        wait=wait,
    )
    countered = partial(
        answers.answer,
        wait=wait.name,
        by=request.requester_id,
        response=Response.COUNTER,
        terms=Terms(hours=till.amount(), rate=hours("1")),
    )
    change = await till.move(asked, countered, "adjust")
    return asked if change is None else change.request


async def gift(till: Till) -> None:
    """Give hours to somebody."""
    giver, taker = till.random.sample(till.bank.members, 2)
    await till.give(giver, taker)


async def quarrel(till: Till) -> None:
    """Hold and dispute it, pay what the decision leaves to be paid; and then the other side disputes that."""
    hold = await held(till)
    if hold is None:
        return
    request = await till.placed(hold.request, **COMPLETED)
    request = await decided(till, request, request.requester_id, hold.escrow)
    if request.status is RequestStatus.COMPLETED:
        paid = await till.move(request, payment.pay, "release")
        assert paid is not None
        request = paid.request
    if request.status is RequestStatus.PAID:
        await decided(till, request, request.provider_id)


async def decided(till: Till, request: Request, by: str, escrow: Escrow | None = None) -> Request:
    """Let one of the two dispute a request, an admin decide it somehow, and that be carried out.

    Args:
        till: the writer.
        request: what is disputed.
        by: one of its two.
        escrow: what is held for it; None if it is paid, so that hours are held on the provider.
    """
    dispute_id = str(uuid4())
    against = request.provider_id if by == request.requester_id else request.requester_id
    rule = dispute(by, id=dispute_id, request_id=request.id, against_user_id=against)
    raised = await till.move(request, rule, "dispute" if escrow else "recall", dispute_id=dispute_id)
    assert raised is not None
    frozen = escrow or raised.escrow
    decision = till.random.choice(DECISIONS)
    if decision is Response.PARTIAL_REFUND and (frozen is None or frozen.amount == hours("0.01")):
        decision = Response.REFUND_TO_REQUESTER  # of a hundredth there is no part
    await till.decide(raised, frozen, decision)
    resolved = await till.move(request, QUARREL["resolve"], decision.value)
    assert resolved is not None
    return resolved.request


# So often each that no kind is much rarer than another.
ERRANDS: tuple[Errand, ...] = (deal, deal, deal, gift, gift, quarrel, quarrel, quarrel, quarrel)


async def bustle(
    opened: Bank, *, writers: int, readers: int, seconds: tuple[float, float], is_enough: Callable[[], bool]
) -> float:
    """Let many write at once, and some look at it; return how many seconds that took.

    Args:
        opened: the bank.
        writers: how many write; each runs one errand after the other, each to its end.
        readers: how many look.
        seconds: how long at least, and at most.
        is_enough: before that it is not over, unless the longest time is.
    """
    began = time.monotonic()

    def goes_on() -> bool:
        passed = time.monotonic() - began
        return passed < seconds[0] or (passed < seconds[1] and not is_enough())

    async def work(till: Till) -> None:
        while goes_on():
            await till.random.choice(ERRANDS)(till)

    async with asyncio.TaskGroup() as tasks:
        for number in range(writers):
            tasks.create_task(work(opened.till(number)))
        for _ in range(readers):
            tasks.create_task(opened.watch(goes_on))
    return time.monotonic() - began


async def payday(opened: Bank, releases: int) -> float:
    """Pay one provider by many at once; return how many seconds it took."""
    provider, *requesters = opened.members
    tills = [opened.till(number) for number in range(releases)]
    ready: list[Request] = []
    for number, till in enumerate(tills):
        asked = await till.ask(requesters[number % len(requesters)], provider, hours("1"))
        hold = await till.move(asked, steps.hold_hours, "hold")
        assert hold is not None
        ready.append(await till.placed(hold.request, status=RequestStatus.COMPLETED))
    started = time.monotonic()
    paid = await asyncio.gather(
        *(till.move(request, payment.pay, "release") for till, request in zip(tills, ready, strict=True))
    )
    assert {change.request.status for change in paid if change} == {RequestStatus.PAID}
    assert opened.committed["release"] == releases
    return time.monotonic() - started
