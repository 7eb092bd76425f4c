"""Reads what bookings depend on: a service's schedule and exceptions, and what is taken of a provider's days."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, TypeVar

from pynamodb.expressions.condition import Condition
from pynamodb.indexes import Index

from models import tables
from models.bookings.booking import TAKING, Booking
from models.bookings.days import Day
from models.bookings.schedules import DayException, Hours, WeeklyHours, hours_on
from models.storage.codec import decode
from models.storage.store import Item, Store, read_pages

_T = TypeVar("_T")

# Rows beyond these pages are not seen; no provider has so many old bookings.
PAGE = 1_000
MOST_PAGES = 10
# Rows of a service's schedule, or exceptions in a range of days, beyond these are not seen: whoever asks for its
# hours pays for each of them, and there are 336 half hours in a week.
MOST_HOURS = 400


@dataclass(frozen=True, slots=True)
class Schedule:
    """A service's schedule, and its exceptions in some range of days."""

    weekly: list[WeeklyHours]
    exceptions: list[DayException]

    def on(self, day: date) -> Hours:
        """Return the service's hours on a day."""
        return hours_on(day, self.weekly, self.exceptions)


class Calendars:
    """Reads schedules and days.

    Args:
        store: the tables.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def schedule(self, service_id: str, first: date, last: date) -> Schedule:
        """Return a service's schedule, with its exceptions from one day to another."""
        weekly, special = tables.ServiceSchedule, tables.ScheduleException
        rows = await self.rows(weekly, weekly.byServiceId, service_id, most=MOST_HOURS)
        in_range = between(special.exceptionDate, first, last)
        exceptions = await self.rows(special, special.byServiceId, service_id, in_range, most=MOST_HOURS)
        return Schedule(decoded(WeeklyHours, weekly, rows), decoded(DayException, special, exceptions))

    async def day(self, provider_id: str, day: date, key: str, stored: Item | None) -> Day:
        """Return what is taken of a provider's day, from its row; without one, from the bookings of that day.

        Bookings that were made before these rows were kept are in no row, and they are the provider's oldest.
        """
        if stored is not None:
            return decode(Day, tables.BookingDay, stored)
        booking = tables.Booking
        takes_time = booking.status.is_in(*sorted(TAKING))
        rows = await self.rows(
            booking, booking.byProviderId, provider_id, takes_time & between(booking.bookingDate, day, day)
        )
        return Day.of_bookings(key, decoded(Booking, booking, rows))

    async def rows(
        self,
        table: type[tables.Table],
        index: Index[Any],
        key: str,
        only: Condition | None = None,
        *,
        forward: bool = True,
        most: int | None = None,
    ) -> list[Item]:
        """Return rows of a key that meet a condition, the first `most` of the first 10,000 that an index has."""
        read = partial(self._store.query, table, index, key, filter=only, forward=forward)
        found: list[Item] = []
        async for page in read_pages(read, limit=PAGE, most_pages=MOST_PAGES):
            found += page.items
            if most is not None and len(found) >= most:
                break
        return found[:most]


def between(attribute: Any, first: date, last: date) -> Condition:
    """Return the condition that a stored date is in a range of days, even if Amplify stored it with an offset."""
    # "~" sorts after every offset.
    condition: Condition = attribute.between(first.isoformat(), f"{last.isoformat()}~")
    return condition


def decoded(cls: Callable[..., _T], table: type[tables.Table], items: list[Item]) -> list[_T]:
    """Return the dataclasses that rows store."""
    return [decode(cls, table, item) for item in items]
