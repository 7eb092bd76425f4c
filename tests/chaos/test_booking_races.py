"""Many consumers want one slot at once, through different servers: one gets it, the others are told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from models import clock, tables
from models.bookings.booking import day_key
from models.bookings.days import Day
from models.errors import Code, Refusal
from models.storage.async_calls import AsyncCalls
from models.storage.codec import decode, item_of
from models.storage.names import Names
from models.storage.store import Item, Store
from models.transactions.bookings import Bookings
from models.transactions.moves import Transactions
from tests.engines.running import created_tables

RACES, FEW = 100, 10
CONSUMERS = 6
DAY = (clock.now() + timedelta(days=3)).date()


@pytest.fixture
async def stores(names: Names) -> AsyncIterator[list[Store]]:
    """Yield three servers' ways to tables of their own."""
    async with AsyncExitStack() as stack:
        names = stack.enter_context(created_tables(replace(names, stack=str(uuid4()))))
        calls = [await stack.enter_async_context(AsyncCalls(["dynamodb"])) for _ in range(3)]
        yield [Store(one, names) for one in calls]


async def offer(store: Store, provider: str) -> str:
    """Offer a service of a provider; return its id."""
    key, now = str(uuid4()), clock.now()
    row = {"id": key, "userId": provider, "isActive": True, "hourlyRate": 1, "createdAt": now, "updatedAt": now}
    await store.put(tables.Service, item_of(tables.Service, **row))
    await store.put(tables.User, item_of(tables.User, id=provider, username=provider))
    return key


async def book(store: Store, service_id: str, provider: str, start: int) -> tuple[str, Item | Refusal]:
    """Book an hour from a minute of the day for a new consumer; return the booking's id, and what came of it."""
    key, now = str(uuid4()), clock.now()
    hours = [f"{minutes // 60:02}:{minutes % 60:02}" for minutes in (start, start + 60)]
    row = {
        "id": key,
        "serviceId": service_id,
        "providerId": provider,
        "consumerId": str(uuid4()),
        "bookingDate": DAY.isoformat(),
        "startTime": hours[0],
        "endTime": hours[1],
        "status": "PENDING",
        "createdAt": now,
        "updatedAt": now,
    }
    desk = Bookings(store, Transactions(store, clock.now), clock.now)
    return key, await desk.create(item_of(tables.Booking, **row), duration=1, total_cost=1)


async def test_a_slot_has_one_winner(stores: list[Store], *, long: bool) -> None:
    for number in range(RACES if long else FEW):
        provider = f"provider-{number}"
        service_id = await offer(stores[0], provider)
        # All of these hours have 10:00 to 10:30 in common.
        starts = [600 - 5 * (consumer % 6) for consumer in range(CONSUMERS)]
        tries = (book(stores[consumer % 3], service_id, provider, start) for consumer, start in enumerate(starts))
        outcomes = dict(await asyncio.gather(*tries))
        won = {key for key, outcome in outcomes.items() if not isinstance(outcome, Refusal)}
        lost = [outcome.code for outcome in outcomes.values() if isinstance(outcome, Refusal)]
        assert (len(won), lost) == (1, [Code.SLOT_TAKEN] * (CONSUMERS - 1))
        day = await stores[0].get(tables.BookingDay, day_key(provider, DAY), consistent=True)
        assert day is not None
        assert {one.booking_id for one in decode(Day, tables.BookingDay, day).taken} == won
        kept = await stores[0].batch_get([(tables.Booking, key) for key in outcomes], consistent=True)
        assert {row["id"]["S"] for row in kept if row is not None} == won
