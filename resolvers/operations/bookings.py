"""Bookings as GraphQL fields: how one is created, and the app's own queries about slots and days."""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import strawberry

from models import tables
from models.bookings import schedules, terms
from models.bookings.booking import TAKING, Booking, Offer, day_key
from models.bookings.schedules import DayException, WeeklyHours, week_day
from models.bookings.times import LEEWAY_MINUTES, Span, day_of, minutes_until
from models.clock import Clock
from models.errors import Code, Refusal
from models.limits import fixed_limit
from models.storage.codec import decode_or_none
from models.storage.store import Item, Store
from models.transactions.bookings import Bookings
from models.transactions.calendars import Calendars, Schedule, between, decoded
from resolvers.context import signed_in
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import is_owner, readable
from resolvers.mirror.mutations import same_content
from resolvers.mirror.type_rules import Creator
from resolvers.operations.creation import Fields, new_row
from resolvers.operations.fields import accepted, query_type
from schema.amplify.resolver import AnyInfo
from schema.errors import InvalidInputError, UnauthorizedError
from schema.operations.bookings import (
    BOOKINGS_A_DAY,
    EXCEPTIONS_A_DAY,
    MOST_DAYS,
    SCHEDULES_A_DAY,
    BookingRole,
    ProviderAvailability,
    TimeSlot,
)
from schema.scalars import AWSDate
from schema.types import CATALOGUE
from schema.types.booking import Booking as BookingType

_T = TypeVar("_T")
_K = TypeVar("_K", bound=Hashable)

# The app's own calendar asks for 90 days of bookings at a time.
MOST_BOOKED_DAYS = fixed_limit(366, "days of a range of bookings", topic="bookings", code="BadRequest")
# Each may be asked for with its service, both members and their hours.
MOST_BOOKINGS = fixed_limit(
    300, "bookings in the answer for a range of days", topic="bookings", code="none: the first of them"
)
# The rows of a provider that are looked at, and shown, for a range of days.
_MOST_SERVICES = 1_000
_MOST_WEEKLY = 1_000
_MOST_SCHEDULES, _MOST_EXCEPTIONS, _MOST_BOOKED = (
    MOST_DAYS * each for each in (SCHEDULES_A_DAY, EXCEPTIONS_A_DAY, BOOKINGS_A_DAY)
)
_MOST_SLOTS = terms.HOUR_MINUTES * 24 // schedules.GRID_MINUTES
_LEAST_HOURS, _MOST_HOURS = 0.5, 24
_NO_SERVICE = Refusal(Code.SERVICE_NOT_AVAILABLE, "There is no such service, or it is not offered now.")
# What follows from the rest of a booking, or what only the server knows; a client's values are no part of it.
_SERVERS = frozenset({"confirmedAt", "cancelledAt", "completedAt"})
_FOLLOWING = frozenset({"duration", "totalCost"})
# What may have changed since a booking was created, when a client sends it again.
_WRITTEN = frozenset({"status", "notes", "providerNotes", "cancellationReason", "bookingTransactionId"})
_MOVING = _SERVERS | _FOLLOWING | _WRITTEN


def creator(bookings: Bookings, clock: Clock) -> Creator:
    """Return the function that creates a booking: its consumer's, with what follows from its times and service."""

    async def create_booking(caller: Caller, fields: Fields) -> Item | Refusal | None:
        if fields["consumerId"] != caller.sub:
            message = "consumerId: a booking is the consumer's own; give your own sub."
            raise UnauthorizedError(message, info={"field": "consumerId"})
        duration, cost = float(fields["duration"]), float(fields["totalCost"])
        given = {name: value for name, value in fields.items() if name not in _SERVERS | _FOLLOWING}
        content, item = new_row("Booking", given, clock())
        stored = await bookings.create(item, duration=duration, total_cost=cost)
        if isinstance(stored, Refusal):
            return stored
        sent, found = ({n: row[n] for n in row.keys() - _MOVING} for row in (content, stored))
        return stored if same_content(CATALOGUE.models["Booking"], found, sent) else None

    return create_booking


class BookingQueries:
    """The queries about slots and days.

    Args:
        store: the tables.
        clock: returns the current time.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._calendars = Calendars(store)

    async def get_available_time_slots(
        self, info: AnyInfo, service_id: strawberry.ID, date: AWSDate, duration: float
    ) -> list[TimeSlot]:
        """The slots of a day at which a service can be booked for so many hours, with those that are not free."""
        signed_in(info)
        day = day_of(date)
        if not _LEAST_HOURS <= duration <= _MOST_HOURS:
            message = f"duration: must be {_LEAST_HOURS} to {_MOST_HOURS} hours, not {duration:g}"
            raise InvalidInputError(message, field="duration")
        service, schedule = await asyncio.gather(
            self._store.get(tables.Service, service_id), self._calendars.schedule(service_id, day, day)
        )
        offer = decode_or_none(Offer, tables.Service, service)
        if offer is None or not offer.is_active:
            return accepted(_NO_SERVICE)
        provider = offer.user_id.partition("::")[0]
        key = day_key(provider, day)
        stored = await self._store.get(tables.BookingDay, key, consistent=True)
        taken = await self._calendars.day(provider, day, key, stored)
        minutes, now = round(duration * terms.HOUR_MINUTES), self._clock()
        found = schedules.slots(schedule.on(day), taken.spans, minutes)
        return [TimeSlot.of(slot, _problem(day, slot.span, offer, now)) for slot in found]

    async def get_provider_schedule(
        self, info: AnyInfo, provider_id: strawberry.ID, start_date: AWSDate, end_date: AWSDate
    ) -> list[ProviderAvailability]:
        """A provider's days: the hours of their services, the caller's bookings, and whether any hour is free."""
        caller, (first, last) = signed_in(info), _range(start_date, end_date, MOST_DAYS)
        service, weekly, special, booked = (
            tables.Service, tables.ServiceSchedule, tables.ScheduleException, tables.Booking
        )  # fmt: skip
        rows = self._calendars.rows
        services, schedule, exceptions, bookings = await asyncio.gather(
            rows(
                service,
                service.byUserId,
                provider_id,
                service.isActive == True,  # noqa: E712 — a condition
                most=_MOST_SERVICES,
            ),
            rows(weekly, weekly.byUserId, provider_id, most=_MOST_WEEKLY),
            rows(
                special,
                special.byUserId,
                provider_id,
                between(special.exceptionDate, first, last),
                most=_MOST_EXCEPTIONS,
            ),
            rows(
                booked, booked.byProviderId, provider_id, between(booked.bookingDate, first, last), forward=False
            ),
        )
        provider, now = _Provider.of(services, schedule, exceptions, bookings), self._clock()
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        if sum(len(provider.schedules.get(week_day(day), ())) for day in days) > _MOST_SCHEDULES:
            message = f"endDate: these days have more than {_MOST_SCHEDULES} hours; ask for fewer days at a time"
            raise InvalidInputError(message, field="endDate")
        shown = []
        for day in days:
            shown.append(provider.on(day, caller, now))
            await asyncio.sleep(0)  # a day of a provider with many services takes some milliseconds
        return shown

    async def get_bookings_by_date_range(
        self, info: AnyInfo, user_id: strawberry.ID, start_date: AWSDate, end_date: AWSDate, role: BookingRole
    ) -> list[Any]:
        """The caller's own bookings of some days, as provider or as consumer, by date and time; at most 300."""
        caller, (first, last) = signed_in(info), _range(start_date, end_date, MOST_BOOKED_DAYS)
        if not is_owner(caller, user_id):
            raise UnauthorizedError("userId: you see your own bookings only.", info={"field": "userId"})
        table = tables.Booking
        index = table.byProviderId if role is BookingRole.PROVIDER else table.byConsumerId
        only = between(table.bookingDate, first, last)
        rows = await self._calendars.rows(table, index, caller.sub, only, forward=False)
        # If there are more, those that were called off are left out first.
        return _sorted(_taking_first(_sorted(rows))[:MOST_BOOKINGS])


@dataclass(frozen=True, slots=True)
class _Provider:
    """A provider's rows as they are needed for one day after the other.

    Args:
        schedules: the rows of weekly hours, by day of the week.
        exceptions: the exceptions, by day.
        bookings: the bookings that are shown, by day.
        taking: the bookings that take time, by day.
        hours: the hours of each service on offer: its schedule, and its exceptions in the range.
    """

    schedules: Mapping[int, list[Item]]
    exceptions: Mapping[date, list[Item]]
    bookings: Mapping[date, list[Item]]
    taking: Mapping[date, list[Item]]
    hours: list[Schedule]

    @classmethod
    def of(
        cls, services: list[Item], schedules: list[Item], exceptions: list[Item], bookings: list[Item]
    ) -> "_Provider":
        """Return the provider of these services, whose rows are decoded and grouped once."""
        weekly = _grouped(decoded(WeeklyHours, tables.ServiceSchedule, schedules), lambda row: row.service_id)
        special = _grouped(decoded(DayException, tables.ScheduleException, exceptions), lambda row: row.service_id)
        ids = {row["id"]["S"] for row in services}
        with_hours = ids & (weekly.keys() | special.keys())
        hours = [Schedule(weekly.get(key, []), special.get(key, [])) for key in with_hours]
        if len(hours) < len(ids):
            hours.append(Schedule([], []))  # of all services that are open all day
        bookings = _taking_first(bookings)
        return cls(
            _grouped(schedules, lambda row: int(row["dayOfWeek"]["N"])),
            _grouped(exceptions, lambda row: day_of(row["exceptionDate"]["S"])),
            _grouped(bookings[:_MOST_BOOKED], _booked_on),
            _grouped(filter(_takes_time, bookings), _booked_on),
            hours,
        )

    def on(self, day: date, caller: Caller, now: datetime) -> ProviderAvailability:
        """Return a day as a caller may see it."""
        booked = self.bookings.get(day, [])
        found: dict[str, Any] = {
            "schedules": self.schedules.get(week_day(day), []),
            "exceptions": self.exceptions.get(day, []),
            "bookings": _sorted(readable(caller, CATALOGUE.models["Booking"], booked)),
        }
        is_available = self._is_free(day, now)
        return ProviderAvailability(
            date=AWSDate(day.isoformat()), day_of_week=week_day(day), is_available=is_available, **found
        )

    def _is_free(self, day: date, now: datetime) -> bool:
        """Return whether any hour of any service is free, and not past."""
        past = Span(0, max(0, -LEEWAY_MINUTES - minutes_until(day, 0, now)))
        taking = decoded(Booking, tables.Booking, self.taking.get(day, []))
        taken = [past, *(booking.span for booking in taking if booking.span is not None)]
        return any(schedules.is_free(schedule.on(day), taken) for schedule in self.hours)


def _takes_time(row: Item) -> bool:
    return row["status"]["S"] in TAKING


def _taking_first(bookings: Iterable[Item]) -> list[Item]:
    """Return bookings in their order, but those that take time before those that were called off."""
    return sorted(bookings, key=_takes_time, reverse=True)


def _booked_on(row: Item) -> date:
    return day_of(row["bookingDate"]["S"])


def _grouped(rows: Iterable[_T], key: Callable[[_T], _K]) -> dict[_K, list[_T]]:
    """Return rows by their key, in their order."""
    groups: dict[_K, list[_T]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def _problem(day: date, span: Span, offer: Offer, now: datetime) -> str | None:
    """Return what else stands against booking a slot."""
    problem = terms.day_problem(day, span.start, offer, now) or terms.length_problem(span, offer)
    return None if problem is None else f"{problem[0].upper()}{problem[1:]}."


def _range(start_date: AWSDate, end_date: AWSDate, most: int) -> tuple[date, date]:
    """Return the first and the last day of a range of so many days at most.

    Raises:
        InvalidInputError: it ends before it begins, or has too many days.
    """
    first, last = day_of(start_date), day_of(end_date)
    if not 0 <= (last - first).days < most:
        message = f"endDate: must be startDate or up to {most - 1} days later; ask for {most} days at a time"
        raise InvalidInputError(message, field="endDate")
    return first, last


def _sorted(items: list[Item]) -> list[Item]:
    return sorted(items, key=lambda item: (item["bookingDate"]["S"], item["startTime"]["S"], item["id"]["S"]))


def queries(store: Store, clock: Clock) -> type:
    """Return the queries about slots and days, as a Strawberry type."""
    resolvers = BookingQueries(store, clock)
    return query_type(
        "BookingQueries",
        {
            resolvers.get_available_time_slots: list[TimeSlot | None] | None,
            resolvers.get_provider_schedule: list[ProviderAvailability | None] | None,
            resolvers.get_bookings_by_date_range: list[BookingType | None] | None,
        },
        most_objects={
            resolvers.get_available_time_slots: _MOST_SLOTS,
            resolvers.get_provider_schedule: MOST_DAYS,
            resolvers.get_bookings_by_date_range: MOST_BOOKINGS,
        },
    )
