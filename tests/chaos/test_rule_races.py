"""Two servers write what the rules beside a schema let only one of them write: one wins, and nothing is left."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from models.storage.async_calls import AsyncCalls
from models.storage.names import Names
from models.storage.store import Store
from resolvers.identity.callers import Caller
from schema.build import MirrorSchema, build_schema
from tests.engines.running import created_tables
from tests.unit.ruled_app import ADMIN, ANN, BOB, ServedApp, catalogue

RACES, FEW = 100, 8
LATER_SECONDS = 0.002
# After each race the winner starts this much later in the next one.
HANDICAP_SECONDS = 0.001
# The share of the races that each side wins at least.
FAIR = 0.1
MINE = {"userId": "ann::ann"}
Wish = tuple[Caller, str, dict[str, Any]]


class Server(ServedApp):
    """A server of its own, with a schema of its own."""

    _built: MirrorSchema | None = None

    def schema(self) -> MirrorSchema:
        """Return this server's schema."""
        if self._built is None:
            self._built = build_schema(self.catalogue, self.mirror)
        return self._built


class Rivals:
    """Two servers of an app over the same tables.

    Args:
        servers: the servers.
    """

    def __init__(self, *servers: Server) -> None:
        self.servers = servers
        self.random = Random(1)  # noqa: S311 — no secret
        self.won: Counter[int] = Counter()
        self._handicaps = [0.0, 0.0]

    async def race(self, *wishes: Wish) -> list[str | None]:
        """Let each server do one thing at the same time; return the error of each, None if it was done."""

        async def act(server: Server, wish: Wish, handicap: float) -> str | None:
            caller, operation, given = wish
            await asyncio.sleep(handicap + self.random.uniform(0, LATER_SECONDS))
            _, errors = await server.write(caller, operation, **given)
            return errors[0]["errorType"] if errors else None

        outcomes = await asyncio.gather(*map(act, self.servers, wishes, self._handicaps))
        winners = [number for number, error in enumerate(outcomes) if error is None]
        self.won.update(winners)
        if winners:
            # Where both can be done, the second one was first.
            self._handicaps[winners[-1]] += HANDICAP_SECONDS
        self._handicaps = [handicap - min(self._handicaps) for handicap in self._handicaps]
        return outcomes

    def check_fair(self, races: int) -> None:
        """Assert that each side has been first in some races, if there were many."""
        if races == RACES:
            assert FAIR * races <= self.won[1] <= (1 - FAIR) * races, self.won

    async def done(self, caller: Caller, operation: str, **given: Any) -> None:
        """Do something before a race."""
        await self.servers[0].done(caller, operation, **given)

    async def values(self, name: str, *fields: str) -> list[tuple[str, ...]]:
        """Return fields of all rows of a type, sorted."""
        rows = await self.servers[0].rows(name)
        return sorted(tuple(next(iter(row[field].values())) for field in fields) for row in rows)


async def rivals(names: Names, app: str) -> AsyncIterator[Rivals]:
    """Yield two servers of an app in tables of their own."""
    types = catalogue(app)
    async with AsyncExitStack() as stack:
        own = stack.enter_context(created_tables(replace(names, stack=str(uuid4())), types.tables))
        calls = [await stack.enter_async_context(AsyncCalls(["dynamodb"])) for _ in range(2)]
        yield Rivals(*(Server(types, Store(one, own)) for one in calls))


@pytest.fixture
async def building(names: Names) -> AsyncIterator[Rivals]:
    async for opened in rivals(names, "construction"):
        await opened.done(ANN, "createContractor", contractorId="c", name="Carl", contractorKey="x")
        yield opened


@pytest.fixture
async def market(names: Names) -> AsyncIterator[Rivals]:
    async for opened in rivals(names, "marketplace"):
        await opened.done(
            BOB,
            "createProvider",
            providerId="bob::bob",
            name="Bob",
            serviceType="x",
            serviceArea="x",
            responseTime=1,
        )
        await opened.done(
            BOB, "createService", serviceId="s", providerId="bob::bob", category="x", title="x", price=1
        )
        yield opened


def project(key: str) -> dict[str, Any]:
    return {"projectId": key, "name": "House", "startDate": "2026-01-01"}


def expense(key: str, project_id: str, invoice: str) -> dict[str, Any]:
    bill = {"invoiceNum": invoice, "amount": 0.1, "paymentMethod": "CASH", "date": "2026-01-02"}
    return {"expenseId": key, "projectId": project_id, "contractorId": "c", **bill}


def work(key: str, project_id: str) -> dict[str, Any]:
    return {"workId": key, "projectId": project_id, "contractorId": "c", "WorkName": "roof"}


async def test_one_invoice_number_is_given_once(building: Rivals, *, long: bool) -> None:
    await building.done(ANN, "createProject", **project("p"))
    races = RACES if long else FEW
    for number in range(races):
        wishes = [(ANN, "createExpense", expense(f"{number}{side}", "p", str(number))) for side in "ab"]
        outcomes = await building.race(*wishes)
        assert sorted(map(str, outcomes)) == ["DUPLICATE_VALUE", "None"]
    stored = await building.values("Expense", "invoiceNum")
    assert stored == sorted((str(number),) for number in range(races))
    ((spent,),) = await building.values("Project", "SpentAmount")
    assert float(spent) == pytest.approx(races * 0.1, abs=0)
    building.check_fair(races)
    print(f"one invoice number: {building.won[0]} to {building.won[1]}")  # noqa: T201 — `make test-long` shows it


async def test_a_booking_is_reviewed_once(market: Rivals, *, long: bool) -> None:
    races = RACES if long else FEW
    for number in range(races):
        booking = {"bookingId": f"b{number}", "providerId": "bob::bob"}
        await market.done(
            ANN,
            "createBooking",
            **booking,
            customerId="ann::ann",
            serviceId="s",
            scheduledDate="2026-01-01T00:00:00Z",
        )
        for status in ("CONFIRMED", "IN_PROGRESS", "COMPLETED"):
            await market.done(ADMIN, "updateBooking", bookingId=f"b{number}", status=status)
        wishes = [
            (
                ANN,
                "createReview",
                {**booking, "reviewId": f"{number}{side}", "customerId": "ann::ann", "rating": stars},
            )
            for side, stars in (("a", 1), ("b", 5))
        ]
        outcomes = await market.race(*wishes)
        assert sorted(map(str, outcomes)) == ["DUPLICATE_VALUE", "None"]
    reviews = await market.values("Review", "bookingId", "rating")
    assert [booking for booking, _ in reviews] == sorted(f"b{number}" for number in range(races))
    ((rating,),) = await market.values("Provider", "rating")
    assert float(rating) == sum(float(stars) for _, stars in reviews) / races
    market.check_fair(races)
    print(f"one review: {market.won[0]} to {market.won[1]}")  # noqa: T201 — `make test-long` shows it


async def test_a_parent_is_deleted_while_a_child_is_made(building: Rivals, *, long: bool) -> None:
    races = RACES if long else FEW
    for number in range(races):
        key = f"p{number}"
        await building.done(ANN, "createProject", **project(key))
        deleted, made = await building.race(
            (ANN, "deleteProject", {**MINE, "projectId": key}),
            (ANN, "createExpense", expense(f"e{number}", key, str(number))),
        )
        assert (deleted, made) in {(None, "REFERENCE_NOT_FOUND"), ("STILL_REFERENCED", None)}
    projects = await building.values("Project", "projectId")
    assert projects == await building.values("Expense", "projectId")
    building.check_fair(races)
    print(f"deleted or referred to: {building.won[0]} to {building.won[1]}")  # noqa: T201 — as above


async def test_a_child_that_is_made_while_its_parent_goes_follows_it(building: Rivals, *, long: bool) -> None:
    races = RACES if long else FEW
    for number in range(races):
        key = f"p{number}"
        await building.done(ANN, "createProject", **project(key))
        for before in range(number % 3):
            await building.done(ANN, "createWork", **work(f"{key}{before}", key))
        deleted, made = await building.race(
            (ANN, "deleteProject", {**MINE, "projectId": key}), (ANN, "createWork", work(f"w{number}", key))
        )
        assert deleted is None
        assert made in {None, "REFERENCE_NOT_FOUND"}
    assert await building.values("Project", "projectId") == []
    assert await building.values("Work", "workId") == []
    await building.done(ANN, "deleteContractor", **MINE, contractorId="c")
    assert await building.servers[0].house() == []
    building.check_fair(races)
    print(f"made in time {building.won[1]} of {races} times")  # noqa: T201 — as above
