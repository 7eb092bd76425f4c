"""Bookings through the API on the real local cloud: whose they are, when they can be, what is shown of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from models import clock, tables
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from models.storage.store import Store
from tests.integration.conftest import GraphQL, Member, RefusedError

SERVICE = "mutation M($input: CreateServiceInput!) { it: createService(input: $input) { id } }"
OPEN = """mutation M($input: CreateServiceScheduleInput!) {
  it: createServiceSchedule(input: $input) { id startTime endTime } }"""
REOPEN = """mutation M($input: UpdateServiceScheduleInput!) {
  it: updateServiceSchedule(input: $input) { startTime endTime } }"""
EXCEPT = """mutation M($input: CreateScheduleExceptionInput!) {
  it: createScheduleException(input: $input) { id exceptionType } }"""
REEXCEPT = """mutation M($input: UpdateScheduleExceptionInput!) {
  it: updateScheduleException(input: $input) { exceptionType startTime } }"""
BOOK = """mutation M($input: CreateBookingInput!) { it: createBooking(input: $input) {
  id status duration totalCost confirmedAt } }"""
MOVE = """mutation M($input: UpdateBookingInput!, $condition: ModelBookingConditionInput) {
  it: updateBooking(input: $input, condition: $condition) { id status notes confirmedAt } }"""
DELETE = "mutation M($input: DeleteBookingInput!) { it: deleteBooking(input: $input) { id } }"
SLOTS = """query Q($serviceId: ID!, $date: AWSDate!, $duration: Float!) {
  it: getAvailableTimeSlots(serviceId: $serviceId, date: $date, duration: $duration) {
    startTime endTime isAvailable conflictReason } }"""
DAYS = """query Q($providerId: ID!, $startDate: AWSDate!, $endDate: AWSDate!) {
  it: getProviderSchedule(providerId: $providerId, startDate: $startDate, endDate: $endDate) {
    date dayOfWeek isAvailable schedules { startTime } exceptions { exceptionType } bookings { id } } }"""
RANGE = """query Q($userId: ID!, $startDate: AWSDate!, $endDate: AWSDate!, $role: BookingRole!) {
  it: getBookingsByDateRange(userId: $userId, startDate: $startDate, endDate: $endDate, role: $role) {
    id startTime service { id } provider { username } consumer { username } } }"""
DAY = (clock.now() + timedelta(days=3)).date()


@dataclass(frozen=True, slots=True)
class Desk:
    """A provider with a service, and two who want it."""

    graphql: GraphQL
    ben: Member
    ana: Member
    eve: Member
    service_id: str

    async def ask(self, who: Member, query: str, **variables: Any) -> Any:
        return (await self.graphql(who.token, query, variables))["it"]

    def wanted(self, start: str = "10:00", end: str = "11:00", **changes: Any) -> dict[str, Any]:
        """Return the input of an hour's booking as the app sends it."""
        who = {"serviceId": self.service_id, "providerId": self.ben.sub, "consumerId": self.ana.sub}
        when = {"bookingDate": DAY.isoformat(), "startTime": start, "endTime": end}
        return {**who, **when, "duration": 1, "totalCost": 1, "status": "PENDING", **changes}

    async def book(self, start: str = "10:00", end: str = "11:00", **changes: Any) -> Any:
        return await self.ask(self.ana, BOOK, input=self.wanted(start, end, **changes))

    async def move(self, who: Member, key: str, status: str, **more: Any) -> Any:
        return await self.ask(who, MOVE, input={"id": key, "status": status, **more})

    async def open_hours(self, start: str, end: str, **changes: Any) -> Any:
        hours = {"dayOfWeek": DAY.isoweekday() % 7, "startTime": start, "endTime": end, "isActive": True}
        own = {"serviceId": self.service_id, "userId": self.ben.sub}
        return await self.ask(self.ben, OPEN, input={**own, **hours, **changes})

    async def special(self, kind: str, **changes: Any) -> Any:
        own = {"serviceId": self.service_id, "userId": self.ben.sub, "exceptionDate": DAY.isoformat()}
        return await self.ask(self.ben, EXCEPT, input={**own, "exceptionType": kind, **changes})

    async def slots(self, duration: float = 1, day: date = DAY) -> dict[str, str | None]:
        """Return the slots of a day by their start, each with what stands against it."""
        asked = {"serviceId": self.service_id, "date": day.isoformat(), "duration": duration}
        found = await self.ask(self.eve, SLOTS, **asked)
        assert all(slot["isAvailable"] is (slot["conflictReason"] is None) for slot in found)
        return {slot["startTime"]: slot["conflictReason"] for slot in found}

    async def refused(self, made: Awaitable[Any], code: str, word: str = "") -> None:
        with pytest.raises(RefusedError) as refused:
            await made
        assert refused.value.code == code
        assert word in refused.value.errors[0]["message"]


@pytest.fixture
async def desk(graphql: GraphQL, members: Callable[..., Awaitable[Member]]) -> Desk:
    ben, ana, eve = [await members(name) for name in ("ben", "ana", "eve")]
    service = {"title": "Sewing", "description": "Hems.", "category": f"sewing-{uuid4()}", "tags": []}
    given = {**service, "userId": ben.sub, "hourlyRate": 1, "isActive": True, "cancellationHours": 24}
    made = await graphql(ben.token, SERVICE, {"input": given})
    return Desk(graphql, ben, ana, eve, made["it"]["id"])


async def test_a_booking_is_made_confirmed_and_kept(desk: Desk) -> None:
    key = str(uuid4())
    made = await desk.book(id=key, confirmedAt="2020-01-01T00:00:00Z")
    assert made == {"id": key, "status": "PENDING", "duration": 1, "totalCost": 1, "confirmedAt": None}
    assert await desk.book(id=key) == made
    confirmed = await desk.move(desk.ben, key, "CONFIRMED", confirmedAt="2020-01-01T00:00:00Z")
    assert confirmed["confirmedAt"] > "2021"
    await desk.refused(desk.move(desk.eve, key, "IN_PROGRESS"), "Unauthorized")
    await desk.refused(desk.move(desk.ana, key, "IN_PROGRESS"), "INVALID_BOOKING_STATUS", "CONFIRMED")
    for status in ("IN_PROGRESS", "COMPLETED"):
        assert (await desk.move(desk.ben, key, status))["status"] == status
    assert (await desk.ask(desk.ana, DELETE, input={"id": key}))["id"] == key
    assert (await desk.slots())["10:00"] is None


async def test_a_booking_that_an_exchange_names_is_booked_again_as_it_is(desk: Desk, calls: AsyncCalls) -> None:
    made = await desk.book(id=str(uuid4()))
    named = [tables.Booking.bookingTransactionId.set("an-exchange")]
    await Store(calls, Settings().names).update(tables.Booking, made["id"], named)
    assert await desk.book(id=made["id"]) == made


async def test_a_booking_of_that_id_and_other_content_is_not_shown(desk: Desk) -> None:
    key = (await desk.book())["id"]
    condition = "DynamoDB:ConditionalCheckFailedException"
    await desk.refused(desk.book(id=key, startTime="12:00", endTime="13:00"), condition)
    theirs = desk.wanted(id=key, consumerId=desk.eve.sub)
    await desk.refused(desk.ask(desk.eve, BOOK, input=theirs), condition)


async def test_a_taken_slot_is_taken_until_it_is_called_off(desk: Desk) -> None:
    key = (await desk.book())["id"]
    theirs = desk.wanted("10:30", "11:30", consumerId=desk.eve.sub)
    await desk.refused(desk.ask(desk.eve, BOOK, input=theirs), "SLOT_TAKEN", "getAvailableTimeSlots")
    found = await desk.slots()
    assert [start for start, reason in found.items() if reason is not None] == ["09:30", "10:00", "10:30"]
    await desk.move(desk.ana, key, "CANCELLED_BY_CONSUMER", cancellationReason="Rain.")
    assert (await desk.ask(desk.eve, BOOK, input=theirs))["status"] == "PENDING"


async def test_only_the_consumer_books_and_never_their_own_service(desk: Desk) -> None:
    await desk.refused(desk.ask(desk.ben, BOOK, input=desk.wanted()), "Unauthorized", "consumerId")
    own = desk.wanted(consumerId=desk.ben.sub)
    await desk.refused(desk.ask(desk.ben, BOOK, input=own), "SELF_REQUEST")
    await desk.refused(desk.book(providerId=desk.eve.sub), "SERVICE_NOT_AVAILABLE")
    await desk.refused(desk.book(serviceId="nothing"), "SERVICE_NOT_AVAILABLE")


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"startTime": "9:00"}, "BadRequest", "startTime"),
        ({"endTime": "10:00"}, "BadRequest", "startTime"),
        ({"duration": 2}, "BadRequest", "duration: 10:00 to 11:00 is 1.00 hours"),
        ({"totalCost": 3}, "BadRequest", "totalCost"),
        ({"totalCost": 1.005001}, "BadRequest", "totalCost"),
        ({"status": "CONFIRMED"}, "INVALID_BOOKING_STATUS", "PENDING"),
        ({"bookingDate": "2020-01-01"}, "BadRequest", "past"),
        ({"bookingDate": "9999-12-31"}, "BadRequest", "bookingDate"),
    ],
)
async def test_a_booking_that_makes_no_sense_is_refused_by_name(
    desk: Desk, changes: dict[str, Any], code: str, word: str
) -> None:
    await desk.refused(desk.book(**changes), code, word)


async def test_an_update_moves_a_booking_and_writes_notes_and_no_more(desk: Desk) -> None:
    key = (await desk.book(notes="Two hems."))["id"]
    change = {"id": key, "startTime": "12:00", "endTime": "13:00"}
    await desk.refused(desk.ask(desk.ana, MOVE, input=change), "BadRequest", "book anew")
    echo = desk.wanted(id=key, notes="Three hems.")
    assert (await desk.ask(desk.ana, MOVE, input=echo))["notes"] == "Three hems."
    condition = {"status": {"eq": "CONFIRMED"}}
    made = desk.ask(desk.ben, MOVE, input={"id": key, "status": "CONFIRMED"}, condition=condition)
    await desk.refused(made, "DynamoDB:ConditionalCheckFailedException")
    assert (await desk.slots())["10:00"] is not None
    assert (await desk.ask(desk.ana, DELETE, input={"id": key}))["id"] == key
    assert (await desk.slots())["10:00"] is None


async def test_hours_are_set_for_ones_own_service_with_times_in_order(desk: Desk) -> None:
    made = await desk.open_hours("09:00", "12:00")
    for changes, word in (({"startTime": "12:00"}, "before"), ({"endTime": "25:00"}, "endTime")):
        await desk.refused(desk.open_hours("09:00", "12:00", **changes), "BadRequest", word)
        await desk.refused(desk.ask(desk.ben, REOPEN, input={"id": made["id"], **changes}), "BadRequest", word)
    theirs = {"serviceId": desk.service_id, "userId": desk.eve.sub}
    hours = {"dayOfWeek": 1, "startTime": "09:00", "endTime": "10:00", "isActive": True}
    await desk.refused(desk.ask(desk.eve, OPEN, input=theirs | hours), "Unauthorized", "serviceId")
    holiday = {"exceptionDate": DAY.isoformat(), "exceptionType": "HOLIDAY"}
    await desk.refused(desk.ask(desk.eve, EXCEPT, input=theirs | holiday), "Unauthorized", "serviceId")
    await desk.refused(desk.special("CUSTOM_HOURS", startTime="09:00"), "BadRequest", "endTime")
    special = (await desk.special("HOLIDAY"))["id"]
    custom = {"id": special, "exceptionType": "CUSTOM_HOURS"}
    await desk.refused(desk.ask(desk.ben, REEXCEPT, input=custom), "BadRequest", "startTime")
    both = custom | {"startTime": "14:00", "endTime": "15:00"}
    assert (await desk.ask(desk.ben, REEXCEPT, input=both))["startTime"] == "14:00"


async def test_slots_follow_schedule_and_exceptions(desk: Desk) -> None:
    assert len(await desk.slots()) == 47
    await desk.open_hours("09:00", "12:00")
    assert list(await desk.slots(1.5)) == ["09:00", "09:30", "10:00", "10:30"]
    assert await desk.slots(day=DAY + timedelta(days=1)) == {}
    await desk.special("UNAVAILABLE", startTime="09:00", endTime="10:00")
    found = await desk.slots()
    assert [start for start, reason in found.items() if reason is None] == ["10:00", "10:30", "11:00"]
    assert "closed" in (found["09:00"] or "")
    await desk.refused(desk.book("09:30", "10:30"), "BadRequest", "closed")
    past = await desk.slots(day=DAY - timedelta(days=14))
    assert set(past.values()) == {"This time is past."}
    for duration in (0.4, 24.5):
        await desk.refused(desk.slots(duration), "BadRequest", "duration")


async def test_a_providers_days_show_what_is_free_and_ones_own_bookings(desk: Desk) -> None:
    await desk.open_hours("10:00", "11:00")
    key = (await desk.book())["id"]
    week = {"startDate": DAY.isoformat(), "endDate": (DAY + timedelta(days=7)).isoformat()}
    for who, seen in ((desk.ana, [key]), (desk.ben, [key]), (desk.eve, [])):
        days = await desk.ask(who, DAYS, providerId=desk.ben.sub, **week)
        assert [day["isAvailable"] for day in days] == [False] * 7 + [True]
        assert (days[0]["date"], days[0]["dayOfWeek"]) == (DAY.isoformat(), DAY.isoweekday() % 7)
        assert [one["id"] for one in days[0]["bookings"]] == seen
        assert [len(day["schedules"]) for day in days] == [1, 0, 0, 0, 0, 0, 0, 1]
    await desk.special("HOLIDAY", exceptionDate=week["endDate"])
    last = (await desk.ask(desk.eve, DAYS, providerId=desk.ben.sub, **week))[-1]
    assert (last["isAvailable"], last["exceptions"]) == (False, [{"exceptionType": "HOLIDAY"}])
    long = week | {"endDate": (DAY + timedelta(days=31)).isoformat()}
    backwards = week | {"endDate": (DAY - timedelta(days=1)).isoformat()}
    for wrong in (long, backwards):
        await desk.refused(desk.ask(desk.eve, DAYS, providerId=desk.ben.sub, **wrong), "BadRequest", "endDate")


async def test_ones_own_bookings_of_some_days_by_role(desk: Desk) -> None:
    late, early = [(await desk.book(*hours))["id"] for hours in (("14:00", "15:00"), ("09:00", "10:00"))]
    day = {"startDate": DAY.isoformat(), "endDate": DAY.isoformat()}
    for who, role, other in ((desk.ana, "CONSUMER", "PROVIDER"), (desk.ben, "PROVIDER", "CONSUMER")):
        found = await desk.ask(who, RANGE, userId=who.sub, role=role, **day)
        assert [one["id"] for one in found] == [early, late]
        assert found[0]["provider"]["username"] == desk.ben.username
        assert await desk.ask(who, RANGE, userId=who.sub, role=other, **day) == []
        later = dict.fromkeys(day, (DAY + timedelta(days=1)).isoformat())
        assert await desk.ask(who, RANGE, userId=who.sub, role=role, **later) == []
    for days, is_short in ((365, True), (366, False)):
        ask = desk.ask(
            desk.ana, RANGE, userId=desk.ana.sub, role="CONSUMER", **day | {"endDate": str(DAY + timedelta(days))}
        )
        if is_short:
            assert [one["id"] for one in await ask] == [early, late]
        else:
            await desk.refused(ask, "BadRequest", "endDate")
    theirs = desk.ask(desk.eve, RANGE, userId=desk.ana.sub, role="CONSUMER", **day)
    await desk.refused(theirs, "Unauthorized", "userId")
