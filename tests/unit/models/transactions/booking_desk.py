"""A service with its hours, and a consumer who books it: what the tests of bookings in tables begin with."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from models.clock import to_text
from models.errors import Refusal
from models.storage.codec import item_of
from models.storage.store import Item
from models.tables import Booking, ScheduleException, Service, ServiceSchedule, User
from models.transactions.bookings import Bookings
from tests.unit.builders import ALICE, BOB, NOW, SERVICE_ID
from tests.unit.stored import Stored, row, written_anew

DAY = (NOW + timedelta(days=3)).date()
DATES: Mapping[str, Any] = {"createdAt": NOW, "updatedAt": NOW}
OFFERED = {"id": SERVICE_ID, "userId": BOB, "isActive": True, "hourlyRate": 1}


def wanted(key: str = "b", start: str = "10:00", end: str = "11:00", **changes: Any) -> Item:
    """Return a booking's row before its hours and its cost are known."""
    values = {
        "id": key,
        "serviceId": SERVICE_ID,
        "providerId": BOB,
        "consumerId": ALICE,
        "bookingDate": DAY.isoformat(),
        "startTime": start,
        "endTime": end,
        "status": "PENDING",
        **DATES,
    }
    item: Item = written_anew(item_of(Booking, **values | changes))
    return item


async def book(tables: Stored, item: Item, *, duration: float = 1, cost: float = 1) -> Item | Refusal:
    """Create a booking."""
    return await desk(tables).create(item, duration=duration, total_cost=cost)


def desk(tables: Stored) -> Bookings:
    return Bookings(tables.store, tables.transactions, tables.tick)


async def amend(tables: Stored, by: str, key: str = "b", **changes: Any) -> Item | Refusal:
    """Change a booking as the mirror's update does."""
    wired: dict[str, Any] = {"updatedAt": {"S": to_text(tables.tick())}}
    wired |= {
        name: None if value is None else item_of(Booking, **{name: value})[name] for name, value in changes.items()
    }
    return await desk(tables).amend(key, wired, lambda _: True, actor=by)


async def open_hours(tables: Stored, start: str, end: str) -> None:
    """Open the service at these hours of the day's weekday."""
    hours = {"dayOfWeek": DAY.isoweekday() % 7, "startTime": start, "endTime": end, "isActive": True}
    await tables.put(
        ServiceSchedule, row(ServiceSchedule, id=start, serviceId=SERVICE_ID, userId=BOB, **hours, **DATES)
    )


async def close(tables: Stored, start: str, end: str, *, day: str = DAY.isoformat()) -> None:
    """Close the service for a part of a day."""
    about = {"exceptionDate": day, "exceptionType": "UNAVAILABLE", "startTime": start, "endTime": end}
    named = {"id": f"{day}{start}", "serviceId": SERVICE_ID, "userId": BOB}
    await tables.put(ScheduleException, row(ScheduleException, **named, **about, **DATES))


async def offer(tables: Stored) -> None:
    """Offer Bob's service, at an hour for an hour."""
    await tables.put(User, row(User, id=BOB, username="bob", **DATES))
    await tables.put(Service, row(Service, **OFFERED, **DATES))
