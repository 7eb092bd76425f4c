"""Pages lead through every row exactly once, while others write."""

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
from tests.integration.in_process_api import InProcessApi, in_process_api

ROWS = 23
ADDED = 12
# Small limits: one row a page, one row and the look-ahead, pages that end in the middle, all at once.
LIMITS = (1, 2, 7, 100, 1000)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cloud: Cloud) -> AsyncIterator[InProcessApi]:
    async with in_process_api(cloud) as parts:
        yield parts


@dataclass(frozen=True, slots=True, kw_only=True)
class PagedQuery:
    """A query that pages through rows.

    Args:
        body: the query's fields, given `$me`, or `$in` (a parent row); its page is `page`, or `page` inside `up`.
        table: the table of the rows.
        row: returns the fields of a row, given its owner, its parent row, and a random choice.
        is_meant: returns whether a row of the caller's belongs to the result.
        others: the number of rows of others in between.
        by_time: whether the earliest row comes first, or the latest; None if there is no order.
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
    """Return a message that the member sends or receives."""
    sender, receiver = random.choice([(me, "other"), ("other", me)])
    return {"conversationId": place, "senderId": sender, "receiverId": receiver}


def schedule(me: str, place: str, random: Random) -> dict[str, Any]:
    """Return a time slot in a member's week."""
    return {"serviceId": place, "userId": me, "dayOfWeek": random.randrange(7)}


def is_confirmed(row: dict[str, Any]) -> bool:
    """Return whether a booking is confirmed."""
    return bool(row["status"] == "CONFIRMED")


ITEMS = "{ items { id createdAt } nextToken }"
PAGING = "limit: $limit, nextToken: $after"
LATEST = f"sortDirection: DESC, {PAGING}"
PAGED_QUERIES = {
    "a table": PagedQuery(
        body=f"page: listServiceSchedules({PAGING}) {ITEMS}", table=ServiceSchedule, row=schedule
    ),
    "a table, filtered": PagedQuery(
        body=f"page: listServiceSchedules(filter: {{dayOfWeek: {{lt: 3}}}}, {PAGING}) {ITEMS}",
        table=ServiceSchedule,
        row=schedule,
        is_meant=lambda row: row["dayOfWeek"] < 3,
    ),
    "owners": PagedQuery(body=f"page: listBookings({PAGING}) {ITEMS}", table=Booking, row=booking),
    "owners, filtered": PagedQuery(
        body=f"page: listBookings(filter: {{status: {{eq: CONFIRMED}}}}, {PAGING}) {ITEMS}",
        table=Booking,
        row=booking,
        is_meant=is_confirmed,
    ),
    "owners, filtered by the index's own key": PagedQuery(
        body=f'page: listBookings(filter: {{createdAt: {{ge: "2026"}}}}, {PAGING}) {ITEMS}',
        table=Booking,
        row=booking,
    ),
    "an index": PagedQuery(
        by_time="earliest",
        body=f"page: serviceSchedulesByUserId(userId: $me, {PAGING}) {ITEMS}",
        table=ServiceSchedule,
        row=schedule,
    ),
    "an index, latest first": PagedQuery(
        by_time="latest",
        body=f"page: serviceSchedulesByUserId(userId: $me, {LATEST}) {ITEMS}",
        table=ServiceSchedule,
        row=schedule,
    ),
    "an index, among others' rows": PagedQuery(
        by_time="earliest",
        body=f"page: messagesByConversationId(conversationId: $in, {PAGING}) {ITEMS}",
        table=Message,
        row=message,
        others=150,
    ),
    "an index, among others' rows, latest first": PagedQuery(
        by_time="latest",
        body=f"page: messagesByConversationId(conversationId: $in, {LATEST}) {ITEMS}",
        table=Message,
        row=message,
        others=150,
    ),
    "an index of the other side": PagedQuery(
        body=f'page: bookingsByProviderId(providerId: "other", {PAGING}) {ITEMS}',
        table=Booking,
        row=booking,
        is_meant=lambda row: row["providerId"] == "other",
        others=30,
    ),
    "a connection": PagedQuery(
        by_time="earliest",
        body=f"up: getConversation(id: $in) {{ page: messages({PAGING}) {ITEMS} }}",
        table=Message,
        row=message,
    ),
    "a connection, latest first": PagedQuery(
        by_time="latest",
        body=f"up: getConversation(id: $in) {{ page: messages({LATEST}) {ITEMS} }}",
        table=Message,
        row=message,
        others=80,
    ),
}


class Reader:
    """Reads a member's rows between others' rows; many have the same time."""

    def __init__(self, api: InProcessApi, paged_query: PagedQuery, seed: int) -> None:
        self.api = api
        self.paged_query = paged_query
        self.random = Random(seed)  # noqa: S311 — the same rows every time
        self.me = Caller(f"me-{uuid4()}", "walker")
        self.place = str(uuid4())

    async def add(self, *, owner: str | None = None) -> str | None:
        """Write a row; return its key if it belongs to the result."""
        row = self.paged_query.row(owner or self.me.sub, self.place, self.random)
        key = str(uuid4())
        time = f"2026-01-01T00:00:00.{self.random.randrange(10):03}Z"
        await self.api.put(self.paged_query.table, **row, id=key, createdAt=time, updatedAt=time)
        return key if owner is None and self.paged_query.is_meant(row) else None

    async def settle(self) -> set[str]:
        """Write the initial rows; return the keys of those that belong to the result."""
        await self.api.put(Conversation, id=self.place, user1Id=self.me.sub, user2Id="other", createdAt="2026")
        written = [self.add() for _ in range(ROWS)] + [
            self.add(owner="somebody") for _ in range(self.paged_query.others)
        ]
        return set(filter(None, await asyncio.gather(*written)))

    async def write(self) -> set[str]:
        """Write some more rows; return the keys of those that belong to the result."""
        return {key for _ in range(ADDED) if (key := await self.add()) is not None}

    async def page(self, limit: int | None, after: str | None) -> tuple[dict[str, str], str | None]:
        """Return the times of a page's rows by key, and the token of the next page."""
        given = {"me": self.me.sub, "in": self.place, "limit": limit, "after": after}
        data = await self.api.ask(self.me, self.paged_query.query, **given)
        page = data.get("up", data)["page"]
        return {item["id"]: item["createdAt"] for item in page["items"]}, page["nextToken"]

    async def count_rows(self, limit: int) -> Counter[str]:
        """Read all pages, and count how often each row came."""
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
        if self.paged_query.by_time:
            assert times == sorted(times, reverse=self.paged_query.by_time == "latest")
        return found


@pytest.mark.parametrize("paged_query", PAGED_QUERIES)
async def test_every_row_comes_once_while_rows_are_added(api: InProcessApi, paged_query: str) -> None:
    reader = Reader(api, PAGED_QUERIES[paged_query], seed=len(paged_query))
    there = await reader.settle()
    for limit in LIMITS:
        writing = asyncio.create_task(reader.write())
        found = await reader.count_rows(limit)
        added = await writing
        assert {key: found[key] for key in there} == dict.fromkeys(there, 1)
        assert set(found.values()) == {1}
        there |= added


async def first_token(reader: Reader) -> str:
    """Return the token behind the first row."""
    await reader.settle()
    _, token = await reader.page(1, None)
    assert token is not None
    return token


@pytest.mark.parametrize(
    "paged_query", ["a table", "owners", "an index", "an index, among others' rows", "a connection"]
)
async def test_a_token_is_good_for_one_question_of_one_caller(api: InProcessApi, paged_query: str) -> None:
    reader = Reader(api, PAGED_QUERIES[paged_query], seed=1)
    token = await first_token(reader)
    given = {"me": reader.me.sub, "in": reader.place}
    assert (await reader.page(7, token))[0]  # the size of a page is no part of the question

    other, elsewhere = Caller("other", "other"), str(uuid4())
    await api.put(Conversation, id=elsewhere, user1Id=reader.me.sub, user2Id="other", createdAt="2026")
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    questions: list[tuple[Caller, str, dict[str, Any], str]] = [
        (other, reader.paged_query.query, given, token),
        *(
            (reader.me, paged_query.query, given, token)
            for paged_query in PAGED_QUERIES.values()
            if paged_query is not reader.paged_query
        ),
        *(
            (reader.me, reader.paged_query.query, given, forged)
            for forged in (changed, token[:-4], token * 2, f"{token}!", "", "é", "x")
        ),
    ]
    if "$in" in reader.paged_query.body:
        questions.append((reader.me, reader.paged_query.query, {**given, "in": elsewhere}, token))
    for caller, query, variables, after in questions:
        error = await api.refusal(caller, query, **variables, after=after)
        assert (error["errorType"], error["errorInfo"]) == ("BadRequest", {"field": "nextToken"}), (query, after)
        assert "ask for the first page again" in error["message"]


@pytest.mark.parametrize(
    "paged_query", ["a table", "owners", "an index", "an index, among others' rows", "a connection"]
)
async def test_a_page_has_one_to_a_thousand_rows_and_a_hundred_by_default(
    api: InProcessApi, paged_query: str
) -> None:
    reader = Reader(api, PAGED_QUERIES[paged_query], seed=3)
    await asyncio.gather(reader.settle(), *(reader.add() for _ in range(90)))
    keys, token = await reader.page(None, None)
    # A booking that names the member twice is read twice, and shown once.
    assert len(keys) == 100 or (paged_query == "owners" and 80 < len(keys) < 100)
    assert token is not None
    for limit in (0, -1, 1001, 2**31 - 1):
        given = {"me": reader.me.sub, "in": reader.place, "limit": limit}
        error = await api.refusal(reader.me, reader.paged_query.query, **given)
        assert (error["errorType"], error["errorInfo"]) == ("BadRequest", {"field": "limit"})
        assert error["message"] == f"limit must be 1 to 1000, not {limit}"
