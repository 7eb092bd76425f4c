"""Two who want different things of one request at once: one of them has it, and the other is told why not."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from models import clock, tables
from models.disputes import deciding, raising
from models.errors import Code, Refusal
from models.identifiers import derived
from models.requests.request import Request
from models.requests.statuses import RequestStatus, Response, Step
from models.requests.windows import DEFAULT_WINDOWS
from models.storage.calls import AsyncCalls
from models.storage.names import Names
from models.storage.store import Item, Store
from models.transactions.moves import Moved, RequestRule, Transactions
from tests.chaos.books import Books
from tests.engines.running import created_tables
from tests.integration.two_members import Town
from tests.unit.builders import ADA
from tests.unit.places import WAYS, decide

RACES, FEW = 200, 10
# Of all races, how many each side wins at least.
FAIR = 0.1
TICK = timedelta(milliseconds=1)
# After each race the winner starts so much later in the next one.
HANDICAP_SECONDS = 0.001
ANN = "ann"
# No time for an admin, and none for a dispute after the payment.
AT_ONCE = replace(DEFAULT_WINDOWS, decision=timedelta(0), dispute=timedelta(0))


@dataclass(frozen=True, slots=True)
class Told:
    """What who comes too late is told: the code, and some of the facts."""

    code: Code
    facts: Mapping[str, Any]

    def check(self, refused: Refusal) -> None:
        """Assert that it is what they were told."""
        assert refused.code is self.code, refused
        assert self.facts.items() <= refused.facts.items(), refused


def elsewhere(status: RequestStatus, code: Code = Code.INVALID_REQUEST_STATUS) -> Told:
    """Return what is told of a request that is not where it was."""
    return Told(code, {"status": status})


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """Who runs from where, and what the losers are told.

    Args:
        way: how the request comes to where the race begins.
        person: what a person does, one thing after the other, just before the deadline if there is one.
        other: what another one or the clock does, at the deadline.
        person_told: what the person is told who comes too late.
        other_told: what the other is told; None if it goes on from what the person did.
        ends: the status that the request ends in, by whether the person won.
        won: tells by the rows whether the person won.
    """

    way: tuple[str, ...]
    person: tuple[str, ...]
    other: tuple[str, ...]
    person_told: Told
    other_told: Told | None
    ends: tuple[RequestStatus, RequestStatus]
    won: Callable[[Request, Item], bool]


def answered(step: Step) -> Callable[[Request, Item], bool]:
    """Return what tells whether a wait was answered."""
    return lambda found, _: any(said.wait is step for said in (*found.answers, found.answer) if said)


def decided(response: Response) -> Callable[[Request, Item], bool]:
    """Return what tells whether a dispute was decided so."""
    return lambda _, dispute: dispute.get("decision") == {"S": response.value}


DISPUTED = (RequestStatus.DISPUTED, RequestStatus.DISPUTED)
# Accepted and disputed, and an admin is asked.
HEARD = (*WAYS["ACCEPTED"], "dispute", "hear")

RACING = {
    "accept against expiry": Race(
        way=WAYS["AWAITING"],
        person=("accept",),
        other=("expire",),
        person_told=elsewhere(RequestStatus.EXPIRED),
        other_told=elsewhere(RequestStatus.AWAITING_RESPONSE),
        ends=(RequestStatus.EXPIRED, RequestStatus.AWAITING_RESPONSE),
        won=answered(Step.WAIT_FOR_PROVIDER_RESPONSE),
    ),
    "accept against cancel": Race(
        way=WAYS["AWAITING"],
        person=("accept",),
        other=("cancel",),
        person_told=elsewhere(RequestStatus.REJECTED),
        other_told=elsewhere(RequestStatus.AWAITING_RESPONSE),
        ends=(RequestStatus.REJECTED, RequestStatus.AWAITING_RESPONSE),
        won=answered(Step.WAIT_FOR_PROVIDER_RESPONSE),
    ),
    "confirmation against the clock's": Race(
        way=WAYS["IN_PROGRESS asked"],
        person=("confirm work",),
        other=("complete",),
        person_told=elsewhere(RequestStatus.COMPLETED, Code.INVALID_STATUS_FOR_COMPLETION),
        other_told=None,
        ends=(RequestStatus.COMPLETED, RequestStatus.COMPLETED),
        won=answered(Step.CONFIRM_SERVICE_COMPLETION),
    ),
    "payment against dispute": Race(
        way=WAYS["COMPLETED"],
        person=("pay",),
        other=("dispute",),
        person_told=elsewhere(RequestStatus.DISPUTED),
        other_told=None,
        ends=DISPUTED,
        won=lambda found, _: found.earned is not None,
    ),
    "payment against a dispute that must come before it": Race(
        way=WAYS["COMPLETED"],
        person=("pay",),
        other=("dispute in time",),
        person_told=elsewhere(RequestStatus.DISPUTED),
        other_told=elsewhere(RequestStatus.PAID, Code.DEADLINE_PASSED),
        ends=(RequestStatus.DISPUTED, RequestStatus.PAID),
        won=lambda found, _: found.earned is not None,
    ),
    "two admins, each of whom would decide": Race(
        way=HEARD,
        person=("assign", "grant"),
        other=("ann assigns", "ann awards"),
        person_told=Told(Code.UNAUTHORIZED_ADMIN, {"adminId": ANN}),
        other_told=Told(Code.UNAUTHORIZED_ADMIN, {"adminId": ADA}),
        ends=DISPUTED,
        won=decided(Response.REFUND_TO_REQUESTER),
    ),
    "an admin's late decision against another's taking over": Race(
        way=(*WAYS["ACCEPTED"], "dispute", "hear late", "assign", "alarm"),
        person=("grant",),
        other=("ann assigns",),
        person_told=Told(Code.UNAUTHORIZED_ADMIN, {"adminId": ANN}),
        other_told=Told(Code.INVALID_DISPUTE_STATUS, {"decision": Response.REFUND_TO_REQUESTER}),
        ends=DISPUTED,
        won=decided(Response.REFUND_TO_REQUESTER),
    ),
    "two decisions of one admin's": Race(
        way=(*HEARD, "assign"),
        person=("grant",),
        other=("award",),
        person_told=Told(Code.INVALID_DISPUTE_STATUS, {"decision": Response.PAY_TO_PROVIDER}),
        other_told=Told(Code.INVALID_DISPUTE_STATUS, {"decision": Response.REFUND_TO_REQUESTER}),
        ends=DISPUTED,
        won=decided(Response.REFUND_TO_REQUESTER),
    ),
}


@dataclass(frozen=True, slots=True)
class Track:
    """A town, and two servers that race in it."""

    town: Town
    servers: tuple[Store, Store]
    random: Random

    def rules(self, request_id: str) -> dict[str, RequestRule]:
        """Return what can be done to a request, which Alice may dispute once."""
        dispute_id = dispute_of(request_id)
        raised = self.town.raised(request_id, dispute_id)
        late: dict[str, RequestRule] = {
            "dispute in time": partial(raising.raise_dispute, dispute=raised, windows=AT_ONCE),
            "hear late": partial(deciding.await_decision, token="late", windows=AT_ONCE),  # noqa: S106 — no password
            "ann assigns": partial(deciding.assign, by=ANN),
            "ann awards": decide(Response.PAY_TO_PROVIDER, by=ANN),
        }
        return {**self.town.story(), **self.town.quarrel(request_id, dispute_id), **late}

    async def prepare(self, race: Race, races: int) -> list[Request]:
        """Bring as many requests to where a race begins."""
        services = await self.town.settle(races)

        async def bring(service_id: str) -> Request:
            request_id = await self.town.ask(service_id, "0.01")
            rules = self.rules(request_id)
            way = (rules[event] for event in race.way)
            return await self.town.follow(request_id, *way, dispute_id=dispute_of(request_id))

        return [await bring(service_id) for service_id in services]

    async def run(self, race: Race, request: Request, handicap: float) -> bool:
        """Run one race; tell whether the person won. A handicap is how much later the person starts."""
        # What is disputed waits for no deadline, and what is completed waits for nobody.
        waits = request.wait is not None and request.dispute is None
        deadline = request.wait.deadline if request.wait and waits else clock.now()
        handicap += self.random.uniform(-1, 1) * HANDICAP_SECONDS
        person, other = await asyncio.gather(
            self._act(0, race.person, request, deadline - TICK, max(0.0, handicap)),
            self._act(1, race.other, request, deadline, max(0.0, -handicap)),
        )
        won = isinstance(person, Moved)
        if isinstance(person, Refusal):
            race.person_told.check(person)
        if isinstance(other, Refusal):
            assert race.other_told is not None
            race.other_told.check(other)
        assert isinstance(other, Moved) == (not won or race.other_told is None)
        found = await self.town.transactions.read(request.id)
        dispute = await self.town.store.get(tables.Dispute, dispute_of(request.id), consistent=True)
        assert found is not None
        assert found.status is race.ends[won]
        assert race.won(found, dispute or {}) == won
        return won

    async def _act(
        self, server: int, events: tuple[str, ...], request: Request, now: datetime, later: float
    ) -> Moved | Refusal:
        """Do one thing after the other, whatever comes of it; return what came of the last one."""
        await asyncio.sleep(later)
        transactions = Transactions(self.servers[server], lambda: now)
        rules, outcome = self.rules(request.id), None
        for event in events:
            outcome = await transactions.move(request.id, rules[event], dispute_id=dispute_of(request.id))
        assert outcome is not None
        return outcome


def dispute_of(request_id: str) -> str:
    """Return the id of the one dispute over a request."""
    return derived(request_id, "dispute")


@pytest.fixture
async def track(names: Names) -> AsyncIterator[Track]:
    """Give a town in tables of its own."""
    async with AsyncExitStack() as stack:
        names = stack.enter_context(created_tables(replace(names, stack=str(uuid4()))))
        one, two, three = [await stack.enter_async_context(AsyncCalls(["dynamodb"])) for _ in range(3)]
        yield Track(Town(one, names), (Store(two, names), Store(three, names)), Random(1))  # noqa: S311 — no secret


@pytest.mark.parametrize("name", RACING)
async def test_one_wins_and_the_other_is_told(track: Track, name: str, *, long: bool) -> None:
    race, races = RACING[name], RACES if long else FEW
    handicap, won = 0.0, Counter[bool]()
    for request in await track.prepare(race, races):
        is_won = await track.run(race, request, handicap)
        won[is_won] += 1
        handicap += HANDICAP_SECONDS if is_won else -HANDICAP_SECONDS
    assert min(won[True], won[False]) >= FAIR * races, won
    print(f"{name}: {won[True]} to {won[False]}")  # noqa: T201 — `make test-long` shows it
    (await Books.read(track.town.store, clock.now())).check()
