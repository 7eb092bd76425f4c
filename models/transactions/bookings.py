"""Bookings as transactions: a booking and the row of its provider's day change together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path

from models import tables
from models.bookings import moves, terms
from models.bookings.booking import TAKING, Booking, BookingStatus, Offer, Provider, Side
from models.bookings.days import Day
from models.bookings.schedules import conflict
from models.bookings.times import invalid
from models.clock import Clock, to_text
from models.errors import Code, Refusal
from models.identifiers import derived
from models.storage.codec import decode, decode_or_none, item_of
from models.storage.store import ConditionFailedError, Item, Store, key_of
from models.transactions.calendars import Calendars, Schedule
from models.transactions.composition import active_member_condition, offer_condition
from models.transactions.moves import Transactions
from models.transactions.retrying import retry
from models.transactions.writing import Writing

Changes = Mapping[str, dict[str, Any] | None]  # None removes the attribute
# The server's own clock says when these were; a client's is ignored.
_MOMENTS = frozenset(moves.MOMENTS.values())


class Bookings:
    """Lets consumers book, and both sides move their bookings on.

    Args:
        store: the tables.
        transactions: writes the transactions.
        clock: returns the current time.
    """

    def __init__(self, store: Store, transactions: Transactions, clock: Clock) -> None:
        self._store = store
        self._transactions = transactions
        self._clock = clock
        self._calendars = Calendars(store)

    async def create(self, item: Item, *, duration: float, total_cost: float) -> Item | Refusal:
        """Store a consumer's booking and take its time of the provider's day; return its row, or a refusal.

        Args:
            item: the booking's whole row but for its duration and cost; if a row with its id is stored already,
                that row is returned unchanged.
            duration: how many hours the client says it takes.
            total_cost: how many hours the client says it costs.

        Raises:
            ContentionError: rows kept changing for 20 s.
        """
        wanted = decode(Booking, tables.Booking, item)

        async def attempt() -> Item | Refusal:
            # Whoever is refused does not queue: it would make those wait who book the same day.
            decided = await self._decide(wanted, item, duration, total_cost)
            if not isinstance(decided, _Booked):
                return decided
            async with self._store.calls.queue((wanted.day_key,), by=wanted.consumer_id):
                decided = await self._decide(wanted, item, duration, total_cost)
                if not isinstance(decided, _Booked):
                    return decided
                token = derived(wanted.id, "book", to_text(decided.writing.now))
                await self._transactions.write(decided.writing, token)
                return decided.item

        return await retry(self._store.calls, attempt)

    async def _decide(
        self, wanted: Booking, item: Item, duration: float, total_cost: float
    ) -> "Item | Refusal | _Booked":
        """Return what a new booking writes; or the row that is stored already, or why it cannot be booked."""
        reads = [
            (tables.Booking, wanted.id),
            (tables.Service, wanted.service_id),
            (tables.BookingDay, wanted.day_key),
            (tables.User, wanted.provider_id),
        ]
        stored, service, day, provider = await self._store.batch_get(reads, consistent=True)
        if stored is not None:
            return stored
        offer, now = terms.offered(wanted, decode_or_none(Offer, tables.Service, service)), self._clock()
        if isinstance(offer, Refusal):
            return offer
        if (refusal := terms.provider_refusal(decode_or_none(Provider, tables.User, provider))) is not None:
            return refusal
        schedule = await self._calendars.schedule(wanted.service_id, wanted.day, wanted.day)
        agreed = _agreed(wanted, duration, total_cost, offer, schedule, now)
        if isinstance(agreed, Refusal):
            return agreed
        before = await self._calendars.day(wanted.provider_id, wanted.day, wanted.day_key, day)
        after = before.with_booking(wanted.id, agreed.span)
        if isinstance(after, Refusal):
            return after
        cost = item_of(tables.Booking, duration=agreed.duration, totalCost=agreed.total_cost)
        writing = Writing(self._store.names, now)
        writing.put(tables.Booking, {**item, **cost})
        writing.check(tables.Service, wanted.service_id, offer_condition(offer.user_id, offer.hourly_rate))
        writing.check(tables.User, wanted.provider_id, active_member_condition())
        _write_day(writing, before, after)
        return _Booked(writing, {**item, **cost})

    async def amend(
        self, key: str, changes: Changes | None, is_met: Callable[[Item], bool], *, actor: str
    ) -> Item | Refusal:
        """Move a booking on, write notes in it, or delete it; return the new row, the deleted one, or a refusal.

        Args:
            key: the booking's id.
            changes: the attributes that change; None deletes the row.
            is_met: returns whether the stored row meets the caller's condition.
            actor: who makes the change.

        Raises:
            ConditionFailedError: there is no such booking, or the row does not meet the condition.
            ContentionError: rows kept changing for 20 s.
        """
        sent: list[Item] = []

        async def attempt() -> Item | Refusal:
            stored = await self._store.get(tables.Booking, key, consistent=True)
            if sent and _is_written(stored, None if changes is None else sent[-1]):
                return sent[-1]  # an earlier attempt got through, and its answer was lost
            if stored is None or not is_met(stored):
                raise ConditionFailedError(stored)
            before, now = decode(Booking, tables.Booking, stored), self._clock()
            if (side := before.side_of(actor)) is None:
                return Refusal(Code.UNAUTHORIZED, "id: only the booking's provider and consumer change it.")
            offer = await self._offer(before)
            if changes is None:
                if (refusal := moves.removal_refusal(before, side, offer, now)) is not None:
                    return refusal
                sent.append(stored)
                await self._remove(before, stored, now)
                return stored
            made = _made(before, stored, changes, side, offer, now)
            if isinstance(made, Refusal):
                return made
            sent.append(_with(stored, made))
            await self._update(before, stored, made, now)
            return sent[-1]

        return await retry(self._store.calls, attempt)

    async def _offer(self, booking: Booking) -> Offer | None:
        service = await self._store.get(tables.Service, booking.service_id, consistent=True)
        return decode_or_none(Offer, tables.Service, service)

    async def _update(self, before: Booking, stored: Item, made: Changes, now: datetime) -> None:
        writing = Writing(self._store.names, now)
        actions = [Path([n]).remove() if wire is None else Path([n]).set(wire) for n, wire in made.items()]
        writing.update(tables.Booking, before.id, actions, _unchanged(stored))
        after = decode(Booking, tables.Booking, _with(stored, made))
        if moves.frees(before.status, after.status):
            await self._free(writing, before)
        await self._transactions.write(writing, derived(before.id, "amend", to_text(now)))

    async def _remove(self, before: Booking, stored: Item, now: datetime) -> None:
        writing = Writing(self._store.names, now)
        writing.remove(tables.Booking, before.id, _unchanged(stored))
        await self._free(writing, before)
        await self._transactions.write(writing, derived(before.id, "remove", to_text(now)))

    async def _free(self, writing: Writing, booking: Booking) -> None:
        """Give a booking's time back, if the row of its day has it."""
        day = await self._store.get(tables.BookingDay, booking.day_key, consistent=True)
        if day is None:
            # Nothing is kept of this day yet; if another booking begins to, this one must be read anew.
            writing.check(tables.BookingDay, booking.day_key, key_of(tables.BookingDay).does_not_exist())
            return
        before = decode(Day, tables.BookingDay, day)
        _write_day(writing, before, before.without_booking(booking.id))


@dataclass(frozen=True, slots=True)
class _Booked:
    """The transaction of a new booking, and the booking's row."""

    writing: Writing
    item: Item


def _agreed(
    wanted: Booking, duration: float, total_cost: float, offer: Offer, schedule: Schedule, now: datetime
) -> terms.Terms | Refusal:
    """Return the terms of a booking that its service takes now; or a refusal."""
    agreed = terms.agreed(wanted, duration, total_cost, offer)
    if isinstance(agreed, Refusal):
        return agreed
    if (problem := terms.day_problem(wanted.day, agreed.span.start, offer, now)) is not None:
        return invalid("bookingDate", problem)
    if (problem := terms.length_problem(agreed.span, offer)) is not None:
        return invalid("duration", problem)
    if conflict(agreed.span, schedule.on(wanted.day), ()) is not None:
        return invalid("startTime", "the service is closed at this time; getAvailableTimeSlots shows what is free")
    return agreed


def _made(
    before: Booking, stored: Item, changes: Changes, side: Side, offer: Offer | None, now: datetime
) -> Changes | Refusal:
    """Return what an update changes of a row, with the server's own moment of a move; or a refusal."""
    made = {name: wire for name, wire in changes.items() if name not in _MOMENTS}
    changed = [name for name in moves.AGREED if name in made and not _is_repeated(stored.get(name), made[name])]
    if (refusal := moves.terms_refusal(changed)) is not None:
        return refusal
    status = BookingStatus((made.get("status") or stored["status"])["S"])
    if (refusal := moves.move_refusal(before, status, side, offer, now)) is not None:
        return refusal
    if status is not before.status and (moment := moves.MOMENTS.get(status)) is not None:
        made |= {moment: {"S": to_text(now)}}
    return made


def _write_day(writing: Writing, before: Day, after: Day) -> None:
    """Write a day's next version; a row that begins rests on bookings found by an index, which may lag."""
    if before.version == 0:
        writing.create(tables.BookingDay, after)
        for taken in before.taken:
            writing.check(tables.Booking, taken.booking_id, tables.Booking.status.is_in(*sorted(TAKING)))
    else:
        writing.change(tables.BookingDay, after.id, before, after)


def _unchanged(stored: Item) -> Condition:
    """Return the condition that a booking is as it was read."""
    condition: Condition = Path(["status"]) == stored["status"]
    condition &= Path(["updatedAt"]) == stored["updatedAt"]
    return condition


def _with(stored: Item, changes: Changes) -> Item:
    return {name: wire for name, wire in {**stored, **changes}.items() if wire is not None}


def _is_repeated(stored: dict[str, Any] | None, sent: dict[str, Any] | None) -> bool:
    """Return whether a value is sent as it is stored; numbers by their value, because DynamoDB rewrites them."""
    if stored is None or sent is None or "N" not in sent:
        return stored == sent
    return float(stored["N"]) == float(sent["N"])


def _is_written(stored: Item | None, sent: Item | None) -> bool:
    """Return whether a row is as an earlier attempt of ours sent it; None is a deleted one."""
    if stored is None or sent is None:
        return stored is sent
    return all(stored.get(name) == sent.get(name) for name in ("updatedAt", "status"))
