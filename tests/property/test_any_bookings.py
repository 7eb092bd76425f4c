"""Any bookings of two providers' days, while calls fail and servers die: none overlap, and the days' rows agree.

Nothing here suspends: `drive` would raise if the transactions awaited anything but calls.
"""

from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import combinations, count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import tables
from models.bookings.booking import BookingStatus
from models.bookings.times import to_text as to_clock
from models.clock import to_text
from models.errors import Code, Refusal
from models.hours import Hours
from models.storage.calls import drive
from models.storage.codec import item_of
from models.storage.names import Names
from models.storage.store import ConditionFailedError, Item, Store
from models.tables import Table
from models.transactions.bookings import Bookings
from models.transactions.moves import Transactions
from tests.chaos.books import rows
from tests.chaos.faults import Fault, FaultyCalls, KilledError, Plan, at, no_faults
from tests.engines.embedded import Embedded
from tests.unit.builders import NOW

NAMES = Names(stack="any-bookings", region="us-east-1", account="0" * 12)
PROVIDERS = ("paula", "pete")
CONSUMERS = ("carl", "cora")
DAYS = tuple((NOW + timedelta(days=days)).date() for days in (2, 3))
# A booking that has come to nothing takes no time.
NOTHING = {
    BookingStatus.CANCELLED_BY_CONSUMER,
    BookingStatus.CANCELLED_BY_PROVIDER,
    BookingStatus.NO_SHOW_CONSUMER,
    BookingStatus.NO_SHOW_PROVIDER,
}
KEPT = (BookingStatus.CONFIRMED, BookingStatus.IN_PROGRESS, BookingStatus.COMPLETED)
# After the last two the client sends the same again, to another server; the others are retried by ours.
FAULTS = (Fault.UNSENT, Fault.LOST, Fault.CONFLICT, Fault.REPEATED, Fault.KILLED_BEFORE, Fault.KILLED_AFTER)

providers, consumers, days = st.sampled_from(PROVIDERS), st.sampled_from(CONSUMERS), st.sampled_from(DAYS)
starts, lengths = st.integers(16, 24), st.integers(1, 4)  # in half hours
faults = st.one_of(st.none(), st.tuples(st.integers(0, 6), st.sampled_from(FAULTS)))
bookings = st.tuples(st.just("book"), providers, consumers, days, starts, lengths)
old_bookings = st.tuples(st.just("was booked"), providers, consumers, days, starts, lengths)
moves = st.tuples(st.just("move"), st.integers(0, 9), st.booleans(), st.sampled_from(BookingStatus))
removals = st.tuples(st.just("remove"), st.integers(0, 9))
keeps = st.tuples(st.just("keep"), st.integers(0, 9))
repetitions = st.tuples(st.just("book again"), st.integers(0, 9))
steps = st.tuples(st.one_of(bookings, bookings, moves, keeps, removals, repetitions), faults)


class AtOnce(Embedded):
    """Tables within this process; nobody waits before a retry."""

    async def pause(self, seconds: float) -> None:
        """Go on at once."""


# Of all examples together: MiniStack never forgets a request token, so no moment and no id may come twice.
NUMBERS = count()
Planned = tuple[int, Fault] | None


@dataclass
class Calendar:
    """Tables with two providers' services, and every booking that was tried."""

    engine: Embedded
    tried: list[Item] = field(default_factory=list)

    def bookings(self, plan: Plan = no_faults) -> Bookings:
        """Return the transactions of a server whose calls fail as a plan says."""
        store = Store(FaultyCalls(self.engine, plan), NAMES)
        return Bookings(store, Transactions(store, lambda: NOW), self.tick)

    def tick(self) -> datetime:
        """Return a moment that is a little later each time."""
        return NOW + timedelta(milliseconds=next(NUMBERS))

    @property
    def store(self) -> Store:
        return Store(self.engine, NAMES)

    def put(self, table: type[Table], item: Item) -> None:
        drive(self.store.put(table, item))

    def clear(self) -> None:
        """Remove what an earlier example left."""
        for table in (tables.Booking, tables.BookingDay):
            for row in self.stored(table):
                drive(self.store.delete(table, row["id"]["S"]))

    def stored(self, table: type[Table]) -> list[Item]:
        return drive(rows(self.store, table))

    def open(self) -> None:
        """Let each provider offer a service."""
        for provider in PROVIDERS:
            named = {"id": f"service-of-{provider}", "userId": provider}
            self.put(tables.Service, item_of(tables.Service, **named, isActive=True, hourlyRate=Hours("1.00")))
            self.put(tables.User, item_of(tables.User, id=provider, username=provider))

    def booking(self, provider: str, consumer: str, day: date, start: int, length: int) -> Item:
        """Return the row of a new booking, whose time is given in half hours."""
        return item_of(
            tables.Booking,
            id=f"booking-{next(NUMBERS)}",
            serviceId=f"service-of-{provider}",
            providerId=provider,
            consumerId=consumer,
            bookingDate=day.isoformat(),
            startTime=to_clock(30 * start),
            endTime=to_clock(30 * (start + length)),
            status=BookingStatus.PENDING.value,
            createdAt=NOW,
            updatedAt=NOW,
        )

    def taking(self) -> list[Item]:
        """Return the stored bookings that take time."""
        return [row for row in self.stored(tables.Booking) if row["status"]["S"] not in NOTHING]

    def check(self, old: Iterable[str]) -> None:
        """Assert that no two bookings overlap, but for old ones, and that each day's row says what is taken."""
        taking, old = self.taking(), set(old)
        for one, other in combinations(taking, 2):
            assert not overlap(one, other) or {one["id"]["S"], other["id"]["S"]} <= old, (one, other)
        expected: dict[str, set[tuple[str, int, int]]] = {}
        for row in taking:
            expected.setdefault("#".join(day_of(row)), set()).add((row["id"]["S"], *span(row)))
        found = {row["id"]["S"]: taken_of(row) for row in self.stored(tables.BookingDay)}
        assert {key: taken for key, taken in found.items() if taken} == {
            key: taken for key, taken in expected.items() if key in found
        }
        kept = {key for key, taken in expected.items() if {booking for booking, *_ in taken} - old}
        assert kept <= found.keys()


def day_of(row: Item) -> tuple[str, str]:
    return row["providerId"]["S"], row["bookingDate"]["S"]


def minutes(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def span(row: Item) -> tuple[int, int]:
    return minutes(row["startTime"]["S"]), minutes(row["endTime"]["S"])


def overlap(one: Item, other: Item) -> bool:
    (start, end), (begin, finish) = span(one), span(other)
    return day_of(one) == day_of(other) and start < finish and begin < end


def taken_of(row: Item) -> set[tuple[str, int, int]]:
    members = [element["M"] for element in row["taken"]["L"]]
    found = [(m["bookingId"]["S"], int(m["start"]["N"]), int(m["end"]["N"])) for m in members]
    assert len(found) == len(set(found))
    return set(found)


def persist(calendar: Calendar, fault: Planned, action: Callable[[Bookings], Coroutine[Any, Any, Any]]) -> Any:
    """Run an action on a server that may fail or die; in that case the client repeats it on another one."""
    with suppress(KilledError):
        return drive(action(calendar.bookings(no_faults if fault is None else at(*fault))))
    return drive(action(calendar.bookings()))


def book(calendar: Calendar, fault: Planned, wanted: Item) -> None:
    """Book, and assert that it succeeds if, and only if, the time is free or it was booked already."""
    stored = {row["id"]["S"]: row for row in calendar.stored(tables.Booking)}
    known = stored.get(wanted["id"]["S"])
    free = not any(overlap(row, wanted) for row in calendar.taking())
    begin, end = span(wanted)
    hours = (end - begin) / 60
    got = persist(calendar, fault, lambda bookings: bookings.create(wanted, duration=hours, total_cost=hours))
    if known is not None:
        assert got == known
    elif free:
        assert isinstance(got, dict)
        assert wanted.items() <= got.items()
    else:
        assert isinstance(got, Refusal)
        assert got.code is Code.SLOT_TAKEN


def amend(calendar: Calendar, fault: Planned, row: Item, changes: Any, actor: str) -> Any:
    """Change or delete a booking; return the row, a refusal, or None if there is none any more."""
    key = row["id"]["S"]

    async def action(bookings: Bookings) -> Any:
        with suppress(ConditionFailedError):
            return await bookings.amend(key, changes, lambda _: True, actor=actor)

    return persist(calendar, fault, action)


def move(calendar: Calendar, fault: Planned, row: Item, status: BookingStatus, actor: str) -> None:
    """Move a booking on; a refusal must name the status that was found."""
    changes = {"status": {"S": status.value}, "updatedAt": {"S": to_text(calendar.tick())}}
    got = amend(calendar, fault, row, changes, actor)
    found = drive(calendar.store.get(tables.Booking, row["id"]["S"]))
    assert found is not None
    if isinstance(got, Refusal):
        assert (got.code, got.facts["status"]) == (Code.INVALID_BOOKING_STATUS, found["status"]["S"])
    else:
        assert got["status"] == found["status"] == {"S": status.value}


def run(calendar: Calendar, step: tuple[Any, ...], fault: Planned) -> None:
    """Take one step."""
    match step:
        case ("book", *terms):
            calendar.tried.append(calendar.booking(*terms))
            book(calendar, fault, calendar.tried[-1])
        case ("book again", number) if calendar.tried:
            book(calendar, fault, calendar.tried[number % len(calendar.tried)])
        case ("move", number, by_provider, status) if stored := calendar.stored(tables.Booking):
            row = stored[number % len(stored)]
            actor = row["providerId" if by_provider else "consumerId"]["S"]
            move(calendar, fault, row, status, actor)
        case ("keep", number) if stored := calendar.stored(tables.Booking):
            row = stored[number % len(stored)]
            for status in KEPT:
                move(calendar, fault, row, status, row["providerId"]["S"])
        case ("remove", number) if stored := calendar.stored(tables.Booking):
            row = stored[number % len(stored)]
            got = amend(calendar, fault, row, None, row["consumerId"]["S"])
            keys = {other["id"]["S"] for other in calendar.stored(tables.Booking)}
            assert isinstance(got, Refusal) == (row["id"]["S"] in keys)


@pytest.fixture(scope="module")
def engine() -> Iterator[Embedded]:
    embedded = AtOnce(NAMES)
    yield embedded
    embedded.close()


@settings(max_examples=60)
@given(old=st.lists(old_bookings, max_size=3), taken=st.lists(steps, min_size=4, max_size=25))
def test_no_two_overlap_and_every_day_says_what_is_taken(
    engine: Embedded, old: list[tuple[Any, ...]], taken: list[tuple[Any, Any]]
) -> None:
    calendar = Calendar(engine)
    calendar.clear()
    calendar.open()
    planted = [calendar.booking(*terms) for _, *terms in old]
    for row in planted:
        calendar.put(tables.Booking, row)
    calendar.tried += planted
    keys = [row["id"]["S"] for row in planted]
    for step, fault in taken:
        run(calendar, step, fault)
        calendar.check(keys)
