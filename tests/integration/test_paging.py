"""Pages lead through everything once, while others write."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Literal
from uuid import uuid4

import pytest
import pytest_asyncio

from models.tables import Table
from models.tables.booking import Booking
from models.tables.conversation import Conversation
from models.tables.message import Message
from models.tables.service_schedule import ServiceSchedule
from resolvers.identity.callers import Caller
from tests.integration.conftest import Cloud
from tests.integration.in_process import InProcess, in_process

ROWS = 23
ADDED = 12
# As little as each may be: one row a page, a row and the look ahead, pages that end in the middle, all at once.
LIMITS = (1, 2, 7, 100, 1000)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(cloud: Cloud) -> AsyncIterator[InProcess]:
    async with in_process(cloud) as parts:
        yield parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """A way through rows.

    Args:
        body: what is asked, of `$me` or of `$in` a place; its page is `page`, perhaps inside `up`.
        table: the rows'.
        row: the fields of the caller's rows, given the caller, where they belong, and a random choice.
        is_meant: which of the caller's rows are led through.
        others: how many rows of others stand between.
        by_time: the earliest row comes first, or the latest, or, if None, in no order.
    """

    body: str
    table: type[Table]
    row: Callable[[str, str, Random], dict[str, Any]]
    is_meant: Callable[[dict[str, Any]], bool] = lambda _: True
    others: int = 0
    by_time: Literal["earliest", "latest"] | None = None

    @property
    def query(self) -> str:
        """Return the operation."""
        declared = {"$me": "ID!", "$in": "ID!", "$limit": "Int", "$after": "String"}
        used = ", ".join(f"{name}: {type_}" for name, type_ in declared.items() if name in self.body)
        return f"query ({used}) {{ {self.body} }}"


def booking(me: str, place: str, random: Random) -> dict[str, Any]:
    """Return a booking that the member gives, takes, or both."""
    provider, consumer = random.choice([(me, "other"), ("other", me), (me, me)])
    status = random.choice(["PENDING", "CONFIRMED"])
    return {"serviceId": place, "providerId": provider, "consumerId": consumer, "status": status}


def message(me: str, place: str, random: Random) -> dict[str, Any]:
    """Return a message that the member sends or is sent."""
    sender, receiver = random.choice([(me, "other"), ("other", me)])
    return {"conversationId": place, "senderId": sender, "receiverId": receiver}


def schedule(me: str, place: str, random: Random) -> dict[str, Any]:
    """Return a time in a member's week."""
    return {"serviceId": place, "userId": me, "dayOfWeek": random.randrange(7)}


def is_confirmed(row: dict[str, Any]) -> bool:
    """Tell whether a booking is confirmed."""
    return bool(row["status"] == "CONFIRMED")


ITEMS = "{ items { id createdAt } nextToken }"
PAGING = "limit: $limit, nextToken: $after"
LATEST = f"sortDirection: DESC, {PAGING}"
ROADS = {
    "a table": Road(body=f"page: listServiceSchedules({PAGING}) {ITEMS}", table=ServiceSchedule, row=schedule),
    "a table, filtered": Road(
        body=f"page: listServiceSchedules(filter: {{dayOfWeek: {{lt: 3}}}}, {PAGING}) {ITEMS}",
        table=ServiceSchedule,
        row=schedule,
        is_meant=lambda row: row["dayOfWeek"] < 3,
    ),
    "owners": Road(body=f"page: listBookings({PAGING}) {ITEMS}", table=Booking, row=booking),
    "owners, filtered": Road(
        body=f"page: listBookings(filter: {{status: {{eq: CONFIRMED}}}}, {PAGING}) {ITEMS}",
        table=Booking,
        row=booking,
        is_meant=is_confirmed,
    ),
    "owners, filtered by the index's own key": Road(
        body=f'page: listBookings(filter: {{createdAt: {{ge: "2026"}}}}, {PAGING}) {ITEMS}',
        table=Booking,
        row=booking,
    ),
    "an index": Road(
        by_time="earliest",
        body=f"page: serviceSchedulesByUserId(userId: $me, {PAGING}) {ITEMS}",
        table=ServiceSchedule,
        row=schedule,
    ),
    "an index, latest first": Road(
        by_time="latest",
        body=f"page: serviceSchedulesByUserId(userId: $me, {LATEST}) {ITEMS}",
        table=ServiceSchedule,
        row=schedule,
    ),
    "an index, among others' rows": Road(
        by_time="earliest",
        body=f"page: messagesByConversationId(conversationId: $in, {PAGING}) {ITEMS}",
        table=Message,
        row=message,
        others=150,
    ),
    "an index, among others' rows, latest first": Road(
        by_time="latest",
        body=f"page: messagesByConversationId(conversationId: $in, {LATEST}) {ITEMS}",
        table=Message,
        row=message,
        others=150,
    ),
    "an index of the other side": Road(
        body=f'page: bookingsByProviderId(providerId: "other", {PAGING}) {ITEMS}',
        table=Booking,
        row=booking,
        is_meant=lambda row: row["providerId"] == "other",
        others=30,
    ),
    "a connection": Road(
        by_time="earliest",
        body=f"up: getConversation(id: $in) {{ page: messages({PAGING}) {ITEMS} }}",
        table=Message,
        row=message,
    ),
    "a connection, latest first": Road(
        by_time="latest",
        body=f"up: getConversation(id: $in) {{ page: messages({LATEST}) {ITEMS} }}",
        table=Message,
        row=message,
        others=80,
    ),
}


class Walk:
    """A member's rows, and others' between them, of few times: many are of the same."""

    def __init__(self, asked: InProcess, road: Road, seed: int) -> None:
        self.asked = asked
        self.road = road
        self.random = Random(seed)  # noqa: S311 — the same rows every time
        self.me = Caller(f"me-{uuid4()}", "walker")
        self.place = str(uuid4())

    async def add(self, *, owner: str | None = None) -> str | None:
        """Write a row; return its key if the road leads through it."""
        row = self.road.row(owner or self.me.sub, self.place, self.random)
        key = str(uuid4())
        time = f"2026-01-01T00:00:00.{self.random.randrange(10):03}Z"
        await self.asked.put(self.road.table, **row, id=key, createdAt=time, updatedAt=time)
        return key if owner is None and self.road.is_meant(row) else None

    async def settle(self) -> set[str]:
        """Write what is there at the start; return the keys of the rows that the road leads through."""
        await self.asked.put(Conversation, id=self.place, user1Id=self.me.sub, user2Id="other", createdAt="2026")
        written = [self.add() for _ in range(ROWS)] + [self.add(owner="somebody") for _ in range(self.road.others)]
        return set(filter(None, await asyncio.gather(*written)))

    async def write(self) -> set[str]:
        """Write some more; return the keys of those that the road leads through."""
        return {key for _ in range(ADDED) if (key := await self.add()) is not None}

    async def page(self, limit: int | None, after: str | None) -> tuple[dict[str, str], str | None]:
        """Return a page's rows, the time of each, and where the next one begins."""
        given = {"me": self.me.sub, "in": self.place, "limit": limit, "after": after}
        data = await self.asked.ask(self.me, self.road.query, **given)
        page = data.get("up", data)["page"]
        return {item["id"]: item["createdAt"] for item in page["items"]}, page["nextToken"]

    async def lead(self, limit: int) -> Counter[str]:
        """Follow the pages to the end, and count how often each row came."""
        found: Counter[str] = Counter()
        times: list[str] = []
        token: str | None = None
        while True:
            rows, token = await self.page(limit, token)
            assert len(rows) <= limit
            found.update(rows.keys())
            times += rows.values()
            if token is None:
                break
        if self.road.by_time:
            assert times == sorted(times, reverse=self.road.by_time == "latest")
        return found


@pytest.mark.parametrize("road", ROADS)
async def test_every_row_comes_once_while_rows_are_added(asked: InProcess, road: str) -> None:
    walk = Walk(asked, ROADS[road], seed=len(road))
    there = await walk.settle()
    for limit in LIMITS:
        writing = asyncio.create_task(walk.write())
        found = await walk.lead(limit)
        added = await writing
        assert {key: found[key] for key in there} == dict.fromkeys(there, 1)
        assert set(found.values()) == {1}
        there |= added


async def first_token(walk: Walk) -> str:
    """Return the token that leads on from the first row."""
    await walk.settle()
    _, token = await walk.page(1, None)
    assert token is not None
    return token


@pytest.mark.parametrize("road", ["a table", "owners", "an index", "an index, among others' rows", "a connection"])
async def test_a_token_is_good_for_one_question_of_one_caller(asked: InProcess, road: str) -> None:
    walk = Walk(asked, ROADS[road], seed=1)
    token = await first_token(walk)
    given = {"me": walk.me.sub, "in": walk.place}
    assert (await walk.page(7, token))[0]  # the size of a page is no part of the question

    other, elsewhere = Caller("other", "other"), str(uuid4())
    await asked.put(Conversation, id=elsewhere, user1Id=walk.me.sub, user2Id="other", createdAt="2026")
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    questions: list[tuple[Caller, str, dict[str, Any], str]] = [
        (other, walk.road.query, given, token),
        *((walk.me, road.query, given, token) for road in ROADS.values() if road is not walk.road),
        *(
            (walk.me, walk.road.query, given, forged)
            for forged in (changed, token[:-4], token * 2, f"{token}!", "", "é", "x")
        ),
    ]
    if "$in" in walk.road.body:
        questions.append((walk.me, walk.road.query, {**given, "in": elsewhere}, token))
    for caller, query, variables, after in questions:
        error = await asked.refusal(caller, query, **variables, after=after)
        assert (error["errorType"], error["errorInfo"]) == ("BadRequest", {"field": "nextToken"}), (query, after)
        assert "ask for the first page again" in error["message"]


@pytest.mark.parametrize("road", ["a table", "owners", "an index", "an index, among others' rows", "a connection"])
async def test_a_page_has_one_to_a_thousand_rows_and_a_hundred_by_default(asked: InProcess, road: str) -> None:
    walk = Walk(asked, ROADS[road], seed=3)
    await asyncio.gather(walk.settle(), *(walk.add() for _ in range(90)))
    keys, token = await walk.page(None, None)
    # A booking that names the member twice is read twice, and shown once.
    assert len(keys) == 100 or (road == "owners" and 80 < len(keys) < 100)
    assert token is not None
    for limit in (0, -1, 1001, 2**31 - 1):
        given = {"me": walk.me.sub, "in": walk.place, "limit": limit}
        error = await asked.refusal(walk.me, walk.road.query, **given)
        assert (error["errorType"], error["errorInfo"]) == ("BadRequest", {"field": "limit"})
        assert error["message"] == f"limit must be 1 to 1000, not {limit}"
