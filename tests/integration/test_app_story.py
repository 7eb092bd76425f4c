"""What members do in the app, by operations of the same shape as the app's own, against a running server."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from models import clock
from resolvers.hosting.demo_data import sub_of
from tests.integration.conftest import Server
from tests.integration.polling import SOON
from tests.story.client import Client, RefusedError

FIND_ME = """query Find($sub: String!) { listUsers(filter: { cognitoId: { eq: $sub } }) { items {
  id email username firstName lastName bankHours skills bio rating totalTransactions cognitoId createdAt } } }"""
JOIN = """mutation Join($input: CreateUserInput!) { createUser(input: $input) {
  id email username bankHours rating totalTransactions cognitoId profilePicture createdAt } }"""
EDIT = """mutation Edit($input: UpdateUserInput!) { updateUser(input: $input) {
  id username firstName bio skills profilePicture bankHours } }"""
PROFILE = "query Profile($id: ID!) { getUser(id: $id) { id email username bankHours rating totalTransactions } }"
OFFER = """mutation Offer($input: CreateServiceInput!) { createService(input: $input) {
  id userId title category hourlyRate hourlyDuration isActive tags } }"""
BROWSE = """{ listServices(filter: { isActive: { eq: true } }, limit: 1000) { items {
  id userId title hourlyDuration user { username rating } } } }"""
EXCHANGE = """{ id providerId consumerId serviceId hoursSpent status description rating feedback completedAt
  provider { username } consumer { username } service { title hourlyDuration } }"""
REQUEST = f"mutation Request($input: CreateTransactionInput!) {{ createTransaction(input: $input) {EXCHANGE} }}"
MOVE = f"mutation Move($input: UpdateTransactionInput!) {{ updateTransaction(input: $input) {EXCHANGE} }}"
EXCHANGES = f"{{ listTransactions {{ items {EXCHANGE} }} }}"
FOLLOW = f"subscription Follow($userId: ID!) {{ onTransactionUpdate(userId: $userId) {EXCHANGE} }}"
SCHEDULE = """mutation Open($input: CreateServiceScheduleInput!) { createServiceSchedule(input: $input) {
  id dayOfWeek startTime endTime } }"""
SLOTS = """query Slots($serviceId: ID!, $date: AWSDate!, $duration: Float!) {
  getAvailableTimeSlots(serviceId: $serviceId, date: $date, duration: $duration) {
    startTime endTime isAvailable conflictReason } }"""
BOOK = """mutation Book($input: CreateBookingInput!) { createBooking(input: $input) {
  id bookingDate startTime endTime duration totalCost status service { title user { firstName } } } }"""
ANSWER = """mutation Answer($input: UpdateBookingInput!) { updateBooking(input: $input) {
  id status providerNotes confirmedAt cancelledAt } }"""


class AppUser:
    """Somebody who has signed in, and joins as the app lets them join."""

    def __init__(self, client: Client, username: str) -> None:
        self.client = client
        self.username = username
        self.sub = sub_of(username)

    @property
    def profile(self) -> dict[str, Any]:
        """Return the row that the app creates at the first sign-in."""
        fresh = {"bankHours": 10, "rating": 5, "totalTransactions": 0, "skills": [], "bio": "Welcome!"}
        names = {"firstName": "User", "lastName": "Name", "username": self.username}
        return {**names, **fresh, "email": f"{self.username}@example.org", "cognitoId": "dora"}

    async def ask(self, query: str, **variables: Any) -> Any:
        return await self.client.ask(query, **variables)

    async def hours(self) -> float:
        return float((await self.ask(PROFILE, id=self.sub))["bankHours"])

    async def exchange(self, key: str) -> dict[str, Any]:
        items = (await self.ask(EXCHANGES))["items"]
        return next(item for item in items if item["id"] == key)


@pytest.fixture
async def sign_in(server: Server, token_for: Callable[..., str]) -> Any:
    async with httpx.AsyncClient(timeout=60) as http:

        def signed_in(role: str) -> AppUser:
            username = f"{role}-{uuid4().hex[:12]}"
            return AppUser(Client(server.url, token_for(username), http), username)

        yield signed_in


async def joined(user: AppUser) -> AppUser:
    await user.ask(JOIN, input=user.profile)
    return user


async def test_a_new_member_finds_nobody_joins_and_finds_themselves(sign_in: Callable[[str], AppUser]) -> None:
    dora = sign_in("dora")
    assert (await dora.ask(FIND_ME, sub=dora.sub))["items"] == []
    # The app joins twice at once: by the page that signs in, and by the service that looks after sessions.
    first, second = await asyncio.gather(*(dora.ask(JOIN, input=dora.profile) for _ in range(2)))
    assert first == second
    assert first["id"] == first["cognitoId"] == dora.sub
    assert (first["bankHours"], first["rating"], first["totalTransactions"]) == (10, 0, 0)
    (found,) = (await dora.ask(FIND_ME, sub=dora.sub))["items"]
    assert found["id"] == dora.sub
    assert found["email"] == dora.profile["email"]


async def test_a_profile_is_edited_and_joining_again_keeps_it(sign_in: Callable[[str], AppUser]) -> None:
    dora = await joined(sign_in("dora"))
    changes = {"firstName": "Dora", "bio": "Reads.", "skills": ["reading"], "profilePicture": None}
    assert (await dora.ask(EDIT, input={"id": dora.sub, **changes}))["firstName"] == "Dora"
    picture = "https://example.org/dora.png"
    assert (await dora.ask(EDIT, input={"id": dora.sub, "profilePicture": picture}))["profilePicture"] == picture
    assert (await dora.ask(EDIT, input={"id": dora.sub, **changes}))["profilePicture"] is None
    again = await dora.ask(JOIN, input=dora.profile)
    assert (again["id"], again["bankHours"]) == (dora.sub, 10)
    assert (await dora.ask(EDIT, input={"id": dora.sub}))["bio"] == "Reads."


async def test_nobody_takes_anothers_name_or_address(sign_in: Callable[[str], AppUser]) -> None:
    dora, eve = await joined(sign_in("dora")), sign_in("eve")
    for field, code in (("username", "DUPLICATE_USERNAME"), ("email", "DUPLICATE_EMAIL")):
        with pytest.raises(RefusedError) as refused:
            await eve.ask(JOIN, input=eve.profile | {field: dora.profile[field].upper()})
        assert refused.value.type == code
    await joined(eve)
    assert (await eve.ask(PROFILE, id=dora.sub))["email"] == ""


async def offered(provider: AppUser, **changes: Any) -> dict[str, Any]:
    """Let a member offer a service as the app does, which knows no price of an hour."""
    offer = {"title": "Sewing", "description": "Hems and zips.", "category": "Other", "hourlyDuration": 2}
    rest = {"userId": provider.sub, "isActive": True, "tags": ["clothes"], **changes}
    service: dict[str, Any] = await provider.ask(OFFER, input=offer | rest)
    return service


async def requested(consumer: AppUser, service: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Let a member ask for a service as the app does."""
    who = {"providerId": service["userId"], "consumerId": consumer.sub, "serviceId": service["id"]}
    what = {"hoursSpent": service["hourlyDuration"], "description": "Request for Sewing", "status": "PENDING"}
    made: dict[str, Any] = await consumer.ask(REQUEST, input=who | what | changes)
    return made


async def test_a_service_is_asked_for_done_paid_and_rated(sign_in: Callable[[str], AppUser]) -> None:
    dora, emil = await joined(sign_in("dora")), await joined(sign_in("emil"))
    service = await offered(emil)
    assert (service["hourlyRate"], service["hourlyDuration"]) == (1, 2)
    shown = next(item for item in (await dora.ask(BROWSE))["items"] if item["id"] == service["id"])
    assert shown["user"]["username"] == emil.username
    async with dora.client.watch(FOLLOW, userId=dora.sub) as updates:
        exchange = await requested(dora, service)
        assert (exchange["status"], exchange["hoursSpent"]) == ("PENDING", 2)
        assert exchange["provider"]["username"] == emil.username
        assert (await asyncio.wait_for(updates.get(), SOON))["status"] == "PENDING"
        key = exchange["id"]
        assert (await emil.exchange(key))["status"] == "PENDING"
        assert (await emil.ask(MOVE, input={"id": key, "status": "IN_PROGRESS"}))["status"] == "IN_PROGRESS"
        now = clock.to_text(clock.now())
        await dora.ask(MOVE, input={"id": key, "status": "COMPLETED", "completedAt": now})
        marked = await emil.ask(MOVE, input={"id": key, "status": "COMPLETED", "completedAt": now})
        assert marked["status"] == "IN_PROGRESS"
        await dora.ask(MOVE, input={"id": key, "status": "COMPLETED", "completedAt": now})
        while (await asyncio.wait_for(updates.get(), SOON))["status"] != "COMPLETED":
            pass
    assert (await dora.hours(), await emil.hours()) == (8, 12)
    rated = await dora.ask(MOVE, input={"id": key, "rating": 4, "feedback": "Neat stitches."})
    assert (rated["rating"], rated["feedback"], rated["status"]) == (4, "Neat stitches.", "COMPLETED")
    member = await dora.ask(PROFILE, id=emil.sub)
    assert (member["rating"], member["totalTransactions"]) == (4, 1)


@pytest.mark.parametrize("by", ["consumer", "provider"])
async def test_a_request_is_called_off_by_either(sign_in: Callable[[str], AppUser], by: str) -> None:
    dora, emil = await joined(sign_in("dora")), await joined(sign_in("emil"))
    key = (await requested(dora, await offered(emil)))["id"]
    who = {"consumer": dora, "provider": emil}[by]
    assert (await who.ask(MOVE, input={"id": key, "status": "CANCELLED"}))["status"] == "CANCELLED"
    assert await dora.hours() == 10


async def test_a_slot_is_booked_once(sign_in: Callable[[str], AppUser]) -> None:
    dora, emil, faye = [await joined(sign_in(name)) for name in ("dora", "emil", "faye")]
    service = await offered(emil, hourlyDuration=1, requiresScheduling=True)
    day = (clock.now() + timedelta(days=3)).date()
    weekday = (day.weekday() + 1) % 7
    hours = {"dayOfWeek": weekday, "startTime": "09:00", "endTime": "12:00", "isActive": True}
    await emil.ask(SCHEDULE, input={"serviceId": service["id"], "userId": emil.sub, **hours})
    asked = {"serviceId": service["id"], "date": day.isoformat(), "duration": 1}
    assert _available(await dora.ask(SLOTS, **asked), "10:00")
    wanted = {
        "serviceId": service["id"],
        "providerId": emil.sub,
        "bookingDate": day.isoformat(),
        "startTime": "10:00",
        "endTime": "11:00",
        "duration": 1,
        "totalCost": 1,
        "status": "PENDING",
    }
    booked = await dora.ask(BOOK, input=wanted | {"consumerId": dora.sub, "notes": "Two hems."})
    assert (booked["status"], booked["totalCost"]) == ("PENDING", 1)
    assert not _available(await faye.ask(SLOTS, **asked), "10:00")
    with pytest.raises(RefusedError) as taken:
        await faye.ask(BOOK, input=wanted | {"consumerId": faye.sub})
    assert taken.value.type == "SLOT_TAKEN"
    now = clock.to_text(clock.now())
    confirm = {"id": booked["id"], "status": "CONFIRMED", "confirmedAt": now, "providerNotes": "See you."}
    assert (await emil.ask(ANSWER, input=confirm))["status"] == "CONFIRMED"
    cancel = {"id": booked["id"], "status": "CANCELLED_BY_CONSUMER", "cancelledAt": now}
    assert (await dora.ask(ANSWER, input=cancel))["status"] == "CANCELLED_BY_CONSUMER"
    assert (await faye.ask(BOOK, input=wanted | {"consumerId": faye.sub}))["status"] == "PENDING"


def _available(slots: list[dict[str, Any]], start: str) -> bool:
    return any(slot["startTime"] == start and slot["isAvailable"] for slot in slots)
