"""What a client means is what DynamoDB is asked: dates, computed fields, other types' operators, empty members."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from models import tables
from models.tables.booking import Booking
from models.tables.category import Category
from models.tables.conversation import Conversation
from resolvers.identity.callers import Caller
from tests.integration.conftest import Cloud
from tests.integration.in_process_api import InProcessApi, in_process_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADMIN = Caller("admin", "admin", frozenset({"admin"}))
STORED = "2026-12-01T10:00:00.000Z"
SPELLINGS = [
    "2026-12-01T10:00:00Z",
    "2026-12-01T10:00Z",
    "2026-12-01T11:30:00.0+01:30",
    "2026-12-01T10:00:00.0009Z",
]
LATER = "2026-12-01T09:00:00.001-01:00"
EARLIER = "2026-12-01T11:59:59.999+02:00"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cloud: Cloud) -> AsyncIterator[InProcessApi]:
    async with in_process_api(cloud) as parts:
        yield parts


def member() -> Caller:
    return Caller(f"sub-{uuid4()}", "member")


@pytest.mark.parametrize("written", SPELLINGS)
async def test_a_moment_is_found_in_any_spelling(api: InProcessApi, written: str) -> None:
    me, key = member(), str(uuid4())
    create = (
        "mutation ($input: CreateConversationInput!) { it: createConversation(input: $input) { lastMessageAt } }"
    )
    given = {"id": key, "user1Id": me.sub, "user2Id": "other", "lastMessageAt": written}
    assert (await api.ask(me, create, input=given))["it"] == {"lastMessageAt": STORED}
    listed = """query ($filter: ModelConversationFilterInput) {
      it: listConversations(filter: $filter) { items { id } } }"""
    for spelling in SPELLINGS:
        for operators, is_found in (
            ({"eq": spelling}, True),
            ({"ne": spelling}, False),
            ({"le": spelling, "ge": spelling}, True),
            ({"lt": spelling}, False),
            ({"gt": spelling}, False),
            ({"between": [EARLIER, LATER]}, True),
            ({"gt": EARLIER, "lt": LATER}, True),
            ({"between": [LATER, "2026-12-01T10:00:01Z"]}, False),
            ({"beginsWith": "2026-12-01"}, True),
            ({"contains": "T10:00"}, True),
        ):
            found = (await api.ask(me, listed, filter={"lastMessageAt": operators}))["it"]["items"]
            assert found == [{"id": key}] * is_found, operators


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_a_condition_compares_moments_too(api: InProcessApi, spelling: str) -> None:
    me, key = member(), str(uuid4())
    dates = {"createdAt": STORED, "updatedAt": STORED}
    await api.put(Conversation, id=key, user1Id=me.sub, user2Id="other", lastMessageAt=STORED, **dates)
    delete = """mutation ($id: ID!, $condition: ModelConversationConditionInput) {
      it: deleteConversation(input: {id: $id}, condition: $condition) { id } }"""
    error = await api.refusal(me, delete, id=key, condition={"lastMessageAt": {"ne": spelling}})
    assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"
    assert (await api.ask(me, delete, id=key, condition={"lastMessageAt": {"eq": spelling}}))["it"] == {"id": key}


async def test_a_day_is_stored_and_found_without_its_offset(api: InProcessApi) -> None:
    me, day = member(), f"{2100 + uuid4().int % 7000}-03-01"
    dates = {"createdAt": STORED, "updatedAt": STORED}
    await api.put(
        Booking, id=str(uuid4()), providerId=me.sub, consumerId="c", serviceId="s", bookingDate=day, **dates
    )
    by_day = "query ($day: AWSDate!) { it: bookingsByBookingDate(bookingDate: $day) { items { bookingDate } } }"
    listed = "query ($f: ModelBookingFilterInput) { it: listBookings(filter: $f) { items { bookingDate } } }"
    for spelling in (day, f"{day}Z", f"{day}+05:30"):
        assert (await api.ask(me, by_day, day=spelling))["it"]["items"] == [{"bookingDate": day}]
        filter_ = {"bookingDate": {"eq": spelling}}
        assert (await api.ask(me, listed, f=filter_))["it"]["items"] == [{"bookingDate": day}]


@pytest.mark.parametrize(
    ("field", "operators"),
    [
        ("tags", {"beginsWith": "a"}),
        ("tags", {"contains": "arden"}),
        ("tags", {"lt": "z"}),
        ("tags", {"eq": "garden"}),
        ("tags", {"between": ["a", "z"]}),
        ("hourlyRate", {"eq": 2}),
        ("title", {"size": {"ge": 0}}),
        ("title", {"beginsWith": ""}),
    ],
)
async def test_an_operator_of_another_type_matches_nothing(
    api: InProcessApi, field: str, operators: dict[str, Any]
) -> None:
    me, key = member(), str(uuid4())
    # Another writer has stored a null as title, and a text as rate.
    row: dict[str, Any] = {
        "id": {"S": key},
        "userId": {"S": me.sub},
        "tags": {"L": [{"S": "garden"}]},
        "title": {"NULL": True},
        "hourlyRate": {"S": "2"},
        "createdAt": {"S": STORED},
    }
    await api.store.put(tables.Service, row)
    listed = """query ($me: ID!, $f: ModelServiceFilterInput) {
      it: servicesByUserId(userId: $me, filter: $f) { items { id } } }"""
    assert (await api.ask(me, listed, me=me.sub, f={field: operators}))["it"]["items"] == []
    negated = {"not": {field: operators}}
    assert (await api.ask(me, listed, me=me.sub, f=negated))["it"]["items"] == [{"id": key}]
    for mutation in ("update", "delete"):
        name = f"{mutation}Service"
        query = f"""mutation ($id: ID!, $condition: ModelServiceConditionInput) {{
          {name}(input: {{id: $id}}, condition: $condition) {{ id }} }}"""
        error = await api.refusal(me, query, id=key, condition={field: operators})
        assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"


async def test_a_row_that_grows_too_large_is_said_to_be(api: InProcessApi) -> None:
    key, dates = str(uuid4()), {"createdAt": STORED, "updatedAt": STORED}
    await api.put(Category, id=key, name="Garden", isActive=True, color="x" * 405_000, **dates)
    update = "mutation ($input: UpdateCategoryInput!) { updateCategory(input: $input) { id } }"
    error = await api.refusal(ADMIN, update, input={"id": key, "description": "y" * 9_999})
    assert error["errorType"] == "BadRequest"
    assert "400 KB" in error["message"]


async def test_a_computed_field_is_refused_wherever_it_is_compared(api: InProcessApi) -> None:
    me = member()
    await api.put(tables.User, id=me.sub, username="x", bankHours=0, createdAt=STORED, updatedAt=STORED)
    condition = "$c: ModelUserConditionInput"
    for caller, query in (
        (me, "query ($c: ModelUserFilterInput) { listUsers(filter: $c) { items { id } } }"),
        (me, f'mutation ({condition}) {{ updateUser(input: {{id: "{me.sub}"}}, condition: $c) {{ id }} }}'),
        (ADMIN, f'mutation ({condition}) {{ deleteUser(input: {{id: "{me.sub}"}}, condition: $c) {{ id }} }}'),
    ):
        for filter_ in ({"bankHours": {"ge": 10}}, {"not": {"or": [{"bankHours": {"eq": 0}}]}}):
            error = await api.refusal(caller, query, c=filter_)
            assert error["errorInfo"] == {"field": "bankHours"}
            assert "listUserBalances" in error["message"]


async def test_a_token_minds_nothing_that_says_nothing(api: InProcessApi) -> None:
    me = member()
    for number in range(3):
        await api.put(tables.Service, id=str(uuid4()), userId=me.sub, title=f"{number}", createdAt=STORED)
    query = """query (
      $me: ID!, $limit: Int, $sort: ModelSortDirection, $f: ModelServiceFilterInput, $after: String) {
      it: servicesByUserId(userId: $me, limit: $limit, sortDirection: $sort, filter: $f, nextToken: $after) {
        items { id } nextToken } }"""
    ways: list[dict[str, Any]] = [
        {},
        {"f": None},
        {"f": {}},
        {"f": {"and": [], "or": [{}]}},
        {"sort": "ASC", "limit": 100},
        {"sort": None},
    ]
    for first in ways:
        token = (await api.ask(me, query, me=me.sub, **first | {"limit": 1}))["it"]["nextToken"]
        for then in ways:
            assert len((await api.ask(me, query, me=me.sub, after=token, **then))["it"]["items"]) == 2
