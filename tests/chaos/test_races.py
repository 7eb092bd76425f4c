"""Two callers want different things of one request at once: one wins, and the other's refusal says why."""

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
from models.storage.async_calls import AsyncCalls
from models.storage.names import Names
from models.storage.store import Item, Store
from models.transactions.moves import Moved, RequestRule, Transactions
from tests.chaos.books import Books
from tests.engines.running import created_tables
from tests.integration.two_members import TwoMembers
from tests.unit.builders import ADA
from tests.unit.places import PATHS, decide

RACES, FEW = 200, 10
# The share of the races that each side wins at least.
FAIR = 0.1
TICK = timedelta(milliseconds=1)
# After each race the winner starts this much later in the next one.
HANDICAP_SECONDS = 0.001
ANN = "ann"
# Zero windows: an admin is late at once, and no dispute is possible after the payment.
AT_ONCE = replace(DEFAULT_WINDOWS, decision=timedelta(0), dispute=timedelta(0))


@dataclass(frozen=True, slots=True)
class ExpectedRefusal:
    """The refusal that the loser gets: its code, and some of its facts."""

    code: Code
    facts: Mapping[str, Any]

    def check(self, refused: Refusal) -> None:
        """Assert that a refusal is this one."""
        assert refused.code is self.code, refused
        assert self.facts.items() <= refused.facts.items(), refused


def status_refusal(status: RequestStatus, code: Code = Code.INVALID_REQUEST_STATUS) -> ExpectedRefusal:
    """Return the refusal for a request that has left the expected status."""
    return ExpectedRefusal(code, {"status": status})


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """One race: its start, both sides, and the loser's refusal.

    Args:
        path: the events that lead to where the race begins.
        person: the events of a person, in order, just before the deadline if there is one.
        other: the events of another person or of the clock, at the deadline.
        person_refusal: what the person gets who is too late.
        other_refusal: what the other gets; None if its events are still possible after the person's.
        ends: the request's final status, indexed by whether the person won.
        won: returns, from the rows, whether the person won.
    """

    path: tuple[str, ...]
    person: tuple[str, ...]
    other: tuple[str, ...]
    person_refusal: ExpectedRefusal
    other_refusal: ExpectedRefusal | None
    ends: tuple[RequestStatus, RequestStatus]
    won: Callable[[Request, Item], bool]


def answered(step: Step) -> Callable[[Request, Item], bool]:
    """Return a check of whether a wait was answered."""
    return lambda found, _: any(said.wait is step for said in (*found.answers, found.answer) if said)


def decided(response: Response) -> Callable[[Request, Item], bool]:
    """Return a check of whether a dispute was decided in this way."""
    return lambda _, dispute: dispute.get("decision") == {"S": response.value}


DISPUTED = (RequestStatus.DISPUTED, RequestStatus.DISPUTED)
# Accepted and disputed, and the workflow waits for an admin's decision.
ASSIGNABLE = (*PATHS["ACCEPTED"], "dispute", "hear")

RACING = {
    "accept against expiry": Race(
        path=PATHS["AWAITING"],
        person=("accept",),
        other=("expire",),
        person_refusal=status_refusal(RequestStatus.EXPIRED),
        other_refusal=status_refusal(RequestStatus.AWAITING_RESPONSE),
        ends=(RequestStatus.EXPIRED, RequestStatus.AWAITING_RESPONSE),
        won=answered(Step.WAIT_FOR_PROVIDER_RESPONSE),
    ),
    "accept against cancel": Race(
        path=PATHS["AWAITING"],
        person=("accept",),
        other=("cancel",),
        person_refusal=status_refusal(RequestStatus.REJECTED),
        other_refusal=status_refusal(RequestStatus.AWAITING_RESPONSE),
        ends=(RequestStatus.REJECTED, RequestStatus.AWAITING_RESPONSE),
        won=answered(Step.WAIT_FOR_PROVIDER_RESPONSE),
    ),
    "confirmation against the clock's": Race(
        path=PATHS["IN_PROGRESS asked"],
        person=("confirm work",),
        other=("complete",),
        person_refusal=status_refusal(RequestStatus.COMPLETED, Code.INVALID_STATUS_FOR_COMPLETION),
        other_refusal=None,
        ends=(RequestStatus.COMPLETED, RequestStatus.COMPLETED),
        won=answered(Step.CONFIRM_SERVICE_COMPLETION),
    ),
    "payment against dispute": Race(
        path=PATHS["COMPLETED"],
        person=("pay",),
        other=("dispute",),
        person_refusal=status_refusal(RequestStatus.DISPUTED),
        other_refusal=None,
        ends=DISPUTED,
        won=lambda found, _: found.earned is not None,
    ),
    "payment against a dispute that must come before it": Race(
        path=PATHS["COMPLETED"],
        person=("pay",),
        other=("dispute in time",),
        person_refusal=status_refusal(RequestStatus.DISPUTED),
        other_refusal=status_refusal(RequestStatus.PAID, Code.DEADLINE_PASSED),
        ends=(RequestStatus.DISPUTED, RequestStatus.PAID),
        won=lambda found, _: found.earned is not None,
    ),
    "two admins, each of whom would decide": Race(
        path=ASSIGNABLE,
        person=("assign", "grant"),
        other=("ann assigns", "ann awards"),
        person_refusal=ExpectedRefusal(Code.UNAUTHORIZED_ADMIN, {"adminId": ANN}),
        other_refusal=ExpectedRefusal(Code.UNAUTHORIZED_ADMIN, {"adminId": ADA}),
        ends=DISPUTED,
        won=decided(Response.REFUND_TO_REQUESTER),
    ),
    "an admin's late decision against another's taking over": Race(
        path=(*PATHS["ACCEPTED"], "dispute", "hear late", "assign", "alarm"),
        person=("grant",),
        other=("ann assigns",),
        person_refusal=ExpectedRefusal(Code.UNAUTHORIZED_ADMIN, {"adminId": ANN}),
        other_refusal=ExpectedRefusal(Code.INVALID_DISPUTE_STATUS, {"decision": Response.REFUND_TO_REQUESTER}),
        ends=DISPUTED,
        won=decided(Response.REFUND_TO_REQUESTER),
    ),
    "two decisions of one admin's": Race(
        path=(*ASSIGNABLE, "assign"),
        person=("grant",),
        other=("award",),
        person_refusal=ExpectedRefusal(Code.INVALID_DISPUTE_STATUS, {"decision": Response.PAY_TO_PROVIDER}),
        other_refusal=ExpectedRefusal(Code.INVALID_DISPUTE_STATUS, {"decision": Response.REFUND_TO_REQUESTER}),
        ends=DISPUTED,
        won=decided(Response.REFUND_TO_REQUESTER),
    ),
}


@dataclass(frozen=True, slots=True)
class RaceSetup:
    """Two members, and two servers that race to move their requests."""

    pair: TwoMembers
    servers: tuple[Store, Store]
    random: Random

    def rules(self, request_id: str) -> dict[str, RequestRule]:
        """Return the rules for a request, which Alice may dispute once, by event."""
        dispute_id = dispute_of(request_id)
        raised = self.pair.raised(request_id, dispute_id)
        late: dict[str, RequestRule] = {
            "dispute in time": partial(raising.raise_dispute, dispute=raised, windows=AT_ONCE),
            "hear late": partial(deciding.await_decision, token="late", windows=AT_ONCE),  # noqa: S106 — no password
            "ann assigns": partial(deciding.assign, by=ANN),
            "ann awards": decide(Response.PAY_TO_PROVIDER, by=ANN),
        }
        return {**self.pair.rules(), **self.pair.dispute_rules(request_id, dispute_id), **late}

    async def prepare(self, race: Race, races: int) -> list[Request]:
        """Create that many requests and bring each to where the race begins."""
        services = await self.pair.set_up(races)

        async def bring(service_id: str) -> Request:
            request_id = await self.pair.ask(service_id, "0.01")
            rules = self.rules(request_id)
            path = (rules[event] for event in race.path)
            return await self.pair.apply(request_id, *path, dispute_id=dispute_of(request_id))

        return [await bring(service_id) for service_id in services]

    async def run(self, race: Race, request: Request, handicap: float) -> bool:
        """Run one race, the person that many seconds later than the other; return whether the person won."""
        # A disputed request has no deadline here, and a completed one waits for nobody.
        waits = request.wait is not None and request.dispute is None
        deadline = request.wait.deadline if request.wait and waits else clock.now()
        handicap += self.random.uniform(-1, 1) * HANDICAP_SECONDS
        person, other = await asyncio.gather(
            self._act(0, race.person, request, deadline - TICK, max(0.0, handicap)),
            self._act(1, race.other, request, deadline, max(0.0, -handicap)),
        )
        won = isinstance(person, Moved)
        if isinstance(person, Refusal):
            race.person_refusal.check(person)
        if isinstance(other, Refusal):
            assert race.other_refusal is not None
            race.other_refusal.check(other)
        assert isinstance(other, Moved) == (not won or race.other_refusal is None)
        found = await self.pair.transactions.read(request.id)
        dispute = await self.pair.store.get(tables.Dispute, dispute_of(request.id), consistent=True)
        assert found is not None
        assert found.status is race.ends[won]
        assert race.won(found, dispute or {}) == won
        return won

    async def _act(
        self, server: int, events: tuple[str, ...], request: Request, now: datetime, later: float
    ) -> Moved | Refusal:
        """Apply one event after the other, whatever comes of each; return the last one's result."""
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
async def setup(names: Names) -> AsyncIterator[RaceSetup]:
    """Yield two members in tables of their own."""
    async with AsyncExitStack() as stack:
        names = stack.enter_context(created_tables(replace(names, stack=str(uuid4()))))
        one, two, three = [await stack.enter_async_context(AsyncCalls(["dynamodb"])) for _ in range(3)]
        yield RaceSetup(TwoMembers(one, names), (Store(two, names), Store(three, names)), Random(1))  # noqa: S311 — no secret


@pytest.mark.parametrize("name", RACING)
async def test_one_wins_and_the_other_is_told(setup: RaceSetup, name: str, *, long: bool) -> None:
    race, races = RACING[name], RACES if long else FEW
    handicap, won, in_a_row, was_won = 0.0, Counter[bool](), 0, False
    for request in await setup.prepare(race, races):
        is_won = await setup.run(race, request, handicap)
        won[is_won] += 1
        in_a_row, was_won = in_a_row + 1 if is_won is was_won else 1, is_won
        # The handicap adapts: after a few races it makes up for whoever is slower on this machine.
        more = HANDICAP_SECONDS * 2 ** min(max(in_a_row - 3, 0), 10)
        handicap += more if is_won else -more
    assert min(won[True], won[False]) >= FAIR * races, won
    print(f"{name}: {won[True]} to {won[False]}")  # noqa: T201 — `make test-long` shows it
    (await Books.read(setup.pair.store, clock.now())).check()
