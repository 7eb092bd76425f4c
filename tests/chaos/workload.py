"""The jobs of the concurrent writers, each of which moves hours in some way.

A new kind of movement is a name in `KINDS` and a job that makes it.
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
from tests.chaos.bank import SharedBank, Writer
from tests.unit.builders import hours
from tests.unit.places import DISPUTE_RULES, dispute

DECISIONS = tuple(RESOLUTIONS)
# A recall is a dispute after the payment: hours are held on the provider.
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

Job = Callable[[Writer], Awaitable[None]]


async def held(writer: Writer) -> Change | None:
    """Hold one member's hours for another's service, if the balance allows it."""
    requester, provider = writer.random.sample(writer.bank.members, 2)
    request = await writer.ask(requester, provider, writer.amount())
    change = await writer.move(request, steps.hold_hours, "hold")
    return change if change is not None and change.movement is not None else None


async def hold_and_end(writer: Writer) -> None:
    """Hold hours, usually adjust them, and then release or refund them."""
    hold = await held(writer)
    if hold is None:
        return
    request = hold.request
    if writer.random.random() < 0.8:
        request = await adjusted(writer, request)
    if writer.random.random() < 0.5:
        await writer.move(request, END, "refund")
    else:
        await writer.move(await writer.placed(request, **COMPLETED), payment.pay, "release")


async def adjusted(writer: Writer, request: Request) -> Request:
    """Negotiate: the requester counters with other terms, if they have the hours."""
    wait = Wait(name=Step.WAIT_FOR_NEGOTIATION_RESPONSE, deadline=clock.now() + timedelta(hours=1))
    request = await writer.placed(
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
        terms=Terms(hours=writer.amount(), rate=hours("1")),
    )
    change = await writer.move(request, countered, "adjust")
    return request if change is None else change.request


async def transfer(writer: Writer) -> None:
    """Transfer hours to somebody."""
    giver, taker = writer.random.sample(writer.bank.members, 2)
    await writer.give(giver, taker)


async def dispute_twice(writer: Writer) -> None:
    """Dispute a request before the payment, pay what the decision leaves, then let the provider dispute it."""
    hold = await held(writer)
    if hold is None:
        return
    request = await writer.placed(hold.request, **COMPLETED)
    request = await decided(writer, request, request.requester_id, hold.escrow)
    if request.status is RequestStatus.COMPLETED:
        paid = await writer.move(request, payment.pay, "release")
        assert paid is not None
        request = paid.request
    if request.status is RequestStatus.PAID:
        await decided(writer, request, request.provider_id)


async def decided(writer: Writer, request: Request, by: str, escrow: Escrow | None = None) -> Request:
    """Let a party dispute a request, an admin decide it at random, and the decision be carried out.

    Args:
        writer: who writes.
        request: the disputed request.
        by: the party that disputes.
        escrow: the hours held for the request; None if it is paid, so that hours are held on the provider.
    """
    dispute_id = str(uuid4())
    against = request.provider_id if by == request.requester_id else request.requester_id
    rule = dispute(by, id=dispute_id, request_id=request.id, against_user_id=against)
    raised = await writer.move(request, rule, "dispute" if escrow else "recall", dispute_id=dispute_id)
    assert raised is not None
    frozen = escrow or raised.escrow
    decision = writer.random.choice(DECISIONS)
    if decision is Response.PARTIAL_REFUND and (frozen is None or frozen.amount == hours("0.01")):
        decision = Response.REFUND_TO_REQUESTER  # 0.01 h cannot be split
    await writer.decide(raised, frozen, decision)
    resolved = await writer.move(request, DISPUTE_RULES["resolve"], decision.value)
    assert resolved is not None
    return resolved.request


# Repeated so that no kind is much rarer than another.
JOBS: tuple[Job, ...] = (
    hold_and_end,
    hold_and_end,
    hold_and_end,
    transfer,
    transfer,
    dispute_twice,
    dispute_twice,
    dispute_twice,
    dispute_twice,
)


async def run_writers(
    opened: SharedBank, *, writers: int, readers: int, seconds: tuple[float, float], is_enough: Callable[[], bool]
) -> float:
    """Run writers and readers concurrently; return the seconds that it took.

    Args:
        opened: the bank.
        writers: the number of writers; each runs one job after the other, each to its end.
        readers: the number of readers that check the sums.
        seconds: the minimum and the maximum time.
        is_enough: returns whether enough was committed; until then it runs on, at most for the maximum time.
    """
    began = time.monotonic()

    def goes_on() -> bool:
        passed = time.monotonic() - began
        return passed < seconds[0] or (passed < seconds[1] and not is_enough())

    async def work(writer: Writer) -> None:
        while goes_on():
            await writer.random.choice(JOBS)(writer)

    async with asyncio.TaskGroup() as tasks:
        for number in range(writers):
            tasks.create_task(work(opened.writer(number)))
        for _ in range(readers):
            tasks.create_task(opened.watch(goes_on))
    return time.monotonic() - began


async def pay_at_once(opened: SharedBank, releases: int) -> float:
    """Pay one provider from many writers at once; return the seconds that it took."""
    provider, *requesters = opened.members
    writers = [opened.writer(number) for number in range(releases)]
    ready: list[Request] = []
    for number, writer in enumerate(writers):
        request = await writer.ask(requesters[number % len(requesters)], provider, hours("1"))
        hold = await writer.move(request, steps.hold_hours, "hold")
        assert hold is not None
        ready.append(await writer.placed(hold.request, status=RequestStatus.COMPLETED))
    started = time.monotonic()
    paid = await asyncio.gather(
        *(writer.move(request, payment.pay, "release") for writer, request in zip(writers, ready, strict=True))
    )
    assert {change.request.status for change in paid if change} == {RequestStatus.PAID}
    assert opened.committed["release"] == releases
    return time.monotonic() - started
