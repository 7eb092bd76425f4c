"""A bank in which many write at once, and what it takes to see that every hour of it is there all the while.

A new kind of movement is one more errand, and its name in `KINDS`.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError

from models import answers, clock, endings, payment, steps
from models.aws import AsyncCalls, Calls
from models.change import Change
from models.errors import ContentionError, Refusal
from models.hours import Hours
from models.ledger import Balance
from models.lifecycle import Request, RequestStatus, Response, StatusReason, Step, Terms, Wait
from models.members import Members
from models.naming import Names
from models.rows import decode, encode
from models.store import Store
from models.tables import RequestGuard, Service, ServiceRequest, UserBalance
from models.transactions import Rule, Transactions, is_passing
from tests.integration.town import service, user
from tests.unit.builders import hours, make_request

# Processes that know nothing of each other, so that they meet in the database only.
SERVERS = 4
KINDS = ("hold", "adjust", "release", "refund")

END = partial(
    endings.end, status=RequestStatus.REJECTED, reason=StatusReason.REQUESTER_CANCELLED, event="Ended by the bank"
)


@dataclass
class Watched:
    """Calls that count how often a transaction met another one."""

    calls: Calls
    conflicts: int = 0

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Make a call."""
        try:
            return await self.calls.call(service, operation, **params)
        except ClientError as error:
            self.conflicts += operation == "transact_write_items" and is_passing(error)
            raise

    async def pause(self, seconds: float) -> None:
        """Wait."""
        await self.calls.pause(seconds)

    def queue(self, keys: Iterable[str]) -> AbstractAsyncContextManager[None]:
        """Hold a place in line for each key."""
        return self.calls.queue(keys)


@dataclass(kw_only=True)
class Bank:
    """Members with ten hours each, the servers that move them, and what was committed."""

    names: Names
    servers: list[Watched]
    members: list[str]
    committed: Counter[str] = field(default_factory=Counter)
    snapshots: int = 0

    @property
    def conflicts(self) -> int:
        """Return how often a transaction met another one."""
        return sum(server.conflicts for server in self.servers)

    def store(self, number: int = 0) -> Store:
        """Return the tables as one of the servers reaches them."""
        return Store(self.servers[number % len(self.servers)], self.names)

    def till(self, number: int) -> "Till":
        """Return one writer, at one of the servers."""
        return Till(self, self.store(number), Random(number))  # noqa: S311 — no secret

    async def open(self) -> None:
        """Let the members join."""
        store = self.store()
        office = Members(store, Transactions(store, clock.now), clock.now)
        for member in self.members:
            await office.join(user(member))

    async def watch(self, goes_on: Callable[[], bool]) -> None:
        """Read all balances at one moment, again and again: no hour is missing, and none is too many."""
        table = self.names.table(UserBalance)
        gets = [{"Get": {"TableName": table, "Key": {"userId": {"S": member}}}} for member in self.members]
        while goes_on():
            try:
                answer = await self.servers[0].call("dynamodb", "transact_get_items", TransactItems=gets)
            except ClientError as error:
                if not is_passing(error):
                    raise
                continue
            self.check([decode(Balance, UserBalance, one["Item"]) for one in answer["Responses"]])
            self.snapshots += 1

    def check(self, found: list[Balance]) -> None:
        """Assert what must hold of all balances at one moment."""
        assert sum(one.total_balance for one in found) == hours("10") * len(self.members)
        for one in found:
            assert one.total_balance == one.available_balance + one.escrowed_balance
            assert min(one.available_balance, one.escrowed_balance) >= 0


@asynccontextmanager
async def bank(names: Names, members: int) -> AsyncIterator[Bank]:
    """Open a bank of its own among whatever else is in the tables."""
    async with AsyncExitStack() as stack:
        servers = [
            Watched(await stack.enter_async_context(AsyncCalls(["dynamodb"], connections=50)))
            for _ in range(SERVERS)
        ]
        opened = Bank(names=names, servers=servers, members=[str(uuid4()) for _ in range(members)])
        await opened.open()
        yield opened


@dataclass
class Till:
    """One writer: it has one deal at a time, with services that only it offers."""

    bank: Bank
    store: Store
    random: Random
    _offered: dict[str, str] = field(default_factory=dict)

    def amount(self) -> Hours:
        """Return some hours."""
        return Hours(self.random.randint(1, 200)).scaleb(-2)

    async def move(self, request: Request, rule: Rule, kind: str) -> Request:
        """Let a rule move a request, as often as it takes; what it moved is counted."""
        transactions = Transactions(self.store, clock.now)
        moving: list[bool] = []

        def watched(scene: Any, now: Any) -> Any:
            verdict = rule(scene, now)
            moving.append(isinstance(verdict, Change) and verdict.movement is not None)
            return verdict

        while True:
            try:
                moved = await transactions.move(request.id, watched, whole=True)
            except ContentionError:
                continue
            if isinstance(moved, Refusal):
                return request
            self.bank.committed[kind] += any(moving)
            return moved.request

    async def offer(self, provider: str) -> str:
        """Return a service of a provider's that no other till uses."""
        if provider not in self._offered:
            self._offered[provider] = str(uuid4())
            await self.store.put(Service, service(self._offered[provider], provider))
        return self._offered[provider]

    async def ask(self, requester: str, provider: str, amount: Hours) -> Request:
        """Put a request that is about to be held."""
        request = make_request(
            id=str(uuid4()),
            service_id=await self.offer(provider),
            requester_id=requester,
            provider_id=provider,
            estimated_hours=amount,
            status=RequestStatus.VALIDATING,
            version=1,
        )
        await self._put(request)
        return request

    async def placed(self, request: Request, **changes: Any) -> Request:
        """Put a request where no hours move on the way to."""
        elsewhere = replace(request, **changes)
        if elsewhere.status is RequestStatus.COMPLETED:
            await self.store.delete(RequestGuard, request.guard_id)
        await self._put(elsewhere)
        return elsewhere

    async def _put(self, request: Request) -> None:
        await self.store.put(ServiceRequest, encode(ServiceRequest, request))


Errand = Callable[[Till], Awaitable[None]]


async def deal(till: Till) -> None:
    """Hold, mostly adjust, and then release or refund."""
    requester, provider = till.random.sample(till.bank.members, 2)
    asked = await till.ask(requester, provider, till.amount())
    held = await till.move(asked, steps.hold, "hold")
    if held.status is not RequestStatus.ESCROWED:
        return
    if till.random.random() < 0.8:
        held = await adjusted(till, held)
    if till.random.random() < 0.5:
        await till.move(held, END, "refund")
    else:
        settled = {"status": RequestStatus.COMPLETED, "wait": None, "offered_hours": None, "offered_rate": None}
        await till.move(await till.placed(held, **settled), payment.pay, "release")


async def adjusted(till: Till, held: Request) -> Request:
    """Negotiate: the requester takes up other terms, if they have the hours."""
    wait = Wait(name=Step.WAIT_FOR_NEGOTIATION_RESPONSE, deadline=clock.now() + timedelta(hours=1))
    asked = await till.placed(
        held,
        status=RequestStatus.NEGOTIATING,
        negotiation_round=1,
        offered_hours=hours("1"),
        offered_rate=hours("1"),
        wait=wait,
    )
    countered = partial(
        answers.answer,
        wait=wait.name,
        by=held.requester_id,
        response=Response.COUNTER,
        terms=Terms(hours=till.amount(), rate=hours("1")),
    )
    return await till.move(asked, countered, "adjust")


ERRANDS: tuple[Errand, ...] = (deal,)


async def bustle(
    opened: Bank, *, writers: int, readers: int, seconds: tuple[float, float], is_enough: Callable[[], bool]
) -> None:
    """Let many write at once, and some look at it.

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


async def payday(opened: Bank, releases: int) -> float:
    """Pay one provider by many at once; return how many seconds it took."""
    provider, *requesters = opened.members
    tills = [opened.till(number) for number in range(releases)]
    ready: list[Request] = []
    for number, till in enumerate(tills):
        asked = await till.ask(requesters[number % len(requesters)], provider, hours("1"))
        held = await till.move(asked, steps.hold, "hold")
        ready.append(await till.placed(held, status=RequestStatus.COMPLETED))
    started = time.monotonic()
    paid = await asyncio.gather(
        *(till.move(request, payment.pay, "release") for till, request in zip(tills, ready, strict=True))
    )
    assert {request.status for request in paid} == {RequestStatus.PAID}
    return time.monotonic() - started
