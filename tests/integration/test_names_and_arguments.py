"""The contents of Amplify's rows: who sets ids, dates and owners, what null does, what conditions see."""

import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from models import tables
from models.storage.store import Item
from models.tables.category import Category
from resolvers.identity.callers import Caller
from tests.integration.conftest import Cloud
from tests.integration.in_process_api import InProcessApi, in_process_api

pytestmark = pytest.mark.asyncio(loop_scope="module")

ADMIN = Caller("admin", "admin", frozenset({"admin"}))
FIXED_WIDTH = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
CREATE = """mutation ($input: CreateCategoryInput!, $condition: ModelCategoryConditionInput) {
  it: createCategory(input: $input, condition: $condition) { id name description icon createdAt updatedAt } }"""
UPDATE = """mutation ($input: UpdateCategoryInput!, $condition: ModelCategoryConditionInput) {
  it: updateCategory(input: $input, condition: $condition) { id name description icon createdAt updatedAt } }"""
DELETE = """mutation ($input: DeleteCategoryInput!, $condition: ModelCategoryConditionInput) {
  it: deleteCategory(input: $input, condition: $condition) { id name } }"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(cloud: Cloud) -> AsyncIterator[InProcessApi]:
    async with in_process_api(cloud) as parts:
        yield parts


async def stored(api: InProcessApi, key: str) -> Item:
    item = await api.store.get(Category, key, consistent=True)
    assert item is not None
    return item


async def category(api: InProcessApi, **given: Any) -> dict[str, Any]:
    whole = {"name": "Garden", "isActive": True, "description": "Green", **given}
    made: dict[str, Any] = (await api.ask(ADMIN, CREATE, input=whole))["it"]
    return made


async def test_dates_are_the_servers_and_of_fixed_width(api: InProcessApi) -> None:
    old = "1999-01-01T00:00Z"
    made = await category(api, createdAt=old, updatedAt=old)
    assert made["createdAt"] == made["updatedAt"] > "2026"
    changed = (await api.ask(ADMIN, UPDATE, input={"id": made["id"], "createdAt": old, "updatedAt": old}))["it"]
    assert changed["createdAt"] == made["createdAt"]
    assert changed["updatedAt"] > made["updatedAt"]
    row = await stored(api, made["id"])
    assert all(FIXED_WIDTH.fullmatch(row[name]["S"]) for name in ("createdAt", "updatedAt"))


async def test_null_is_absent_and_never_stored(api: InProcessApi) -> None:
    made = await category(api, id=None, description=None, icon=None)
    row = await stored(api, made["id"])
    assert row.keys() == {"id", "name", "isActive", "createdAt", "updatedAt", "__typename"}
    again = {"id": made["id"], "description": "Green", "icon": "leaf"}
    await api.ask(ADMIN, UPDATE, input=again)
    changed = (await api.ask(ADMIN, UPDATE, input={"id": made["id"], "icon": None}))["it"]
    assert (changed["name"], changed["description"], changed["icon"]) == ("Garden", "Green", None)
    assert "icon" not in await stored(api, made["id"])


@pytest.mark.parametrize(
    "condition",
    [
        {"name": {"eq": "Kitchen"}},
        {"icon": {"ne": None}},
        {"or": [{"icon": {"attributeExists": True}}, {"description": {"contains": "red"}}]},
        {"not": {"isActive": {"eq": True}}},
    ],
)
async def test_where_a_condition_fails_nothing_is_written(api: InProcessApi, condition: dict[str, Any]) -> None:
    made = await category(api)
    before = await stored(api, made["id"])
    for mutation, given in ((UPDATE, {"id": made["id"], "name": "Other"}), (DELETE, {"id": made["id"]})):
        error = await api.refusal(ADMIN, mutation, input=given, condition=condition)
        assert (error["errorType"], error["data"]) == ("DynamoDB:ConditionalCheckFailedException", None)
        holds = {"not": condition}
        assert (await api.ask(ADMIN, UPDATE, input={"id": made["id"]}, condition=holds))["it"]["name"] == "Garden"
    after = await stored(api, made["id"])
    assert after | {"updatedAt": None} == before | {"updatedAt": None}


async def test_a_condition_of_a_creation_is_about_the_row_that_is_not_there(api: InProcessApi) -> None:
    given = {"id": str(uuid4()), "name": "Garden", "isActive": True}
    error = await api.refusal(ADMIN, CREATE, input=given, condition={"name": {"ne": None}})
    assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"
    made = await api.ask(ADMIN, CREATE, input=given, condition={"name": {"eq": None}})
    assert made["it"]["id"] == given["id"]


async def test_a_member_is_who_joins_and_has_rows_that_the_server_dates(api: InProcessApi) -> None:
    me = Caller(f"sub-{uuid4()}", "joining")
    profile = {"email": "me@example.org", "username": me.sub, "firstName": "A", "lastName": "B"}
    figures: dict[str, Any] = {"bankHours": 0, "skills": [], "rating": 0, "totalTransactions": 0}
    join = "mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }"
    joined = await api.ask(me, join, input=profile | figures)
    assert joined["createUser"]["id"] == me.sub
    user = await api.store.get(tables.User, me.sub, consistent=True)
    entries = await api.store.query(tables.TransactionLog, tables.TransactionLog.byUserId, me.sub, limit=10)
    events = await api.store.query(tables.EventLog, tables.EventLog.byActorUserId, me.sub, limit=10)
    assert user is not None
    assert len(entries.items) == 1
    assert events.items
    for name, rows in (("User", [user]), ("TransactionLog", entries.items), ("EventLog", events.items)):
        for row in rows:
            assert row["__typename"] == {"S": name}
            assert FIXED_WIDTH.fullmatch(row["createdAt"]["S"])
            assert FIXED_WIDTH.fullmatch(row["updatedAt"]["S"])

    balances = """query ($filter: ModelUserBalanceFilterInput) {
      it: listUserBalances(filter: $filter) { items { userId } } }"""
    for filter_, found in (({"userId": {"eq": me.sub}}, 1), ({"id": {"eq": me.sub}}, 0), ({"id": {"ne": "x"}}, 1)):
        assert len((await api.ask(me, balances, filter=filter_))["it"]["items"]) == found


async def test_a_page_is_counted_before_its_filter(api: InProcessApi) -> None:
    me = Caller(f"sub-{uuid4()}", "owner")
    for number in range(3):
        title = "Wanted" if number == 1 else "Other"
        await api.put(
            tables.Service, id=str(uuid4()), userId=me.sub, title=title, createdAt=f"2026-01-0{number + 1}"
        )
    query = """query ($me: ID!, $after: String, $filter: ModelServiceFilterInput) {
      it: servicesByUserId(userId: $me, limit: 1, nextToken: $after, filter: $filter) {
        items { title } nextToken } }"""
    pages: list[list[str]] = []
    token: str | None = None
    while not pages or token:
        filter_ = {"title": {"beginsWith": "W"}}
        page = (await api.ask(me, query, me=me.sub, after=token, filter=filter_))["it"]
        pages.append([item["title"] for item in page["items"]])
        token = page["nextToken"]
    assert pages[:3] == [[], ["Wanted"], []]


@pytest.mark.parametrize(
    ("type_name", "field", "value"),
    [
        ("Dispute", "evidence", "{"),
        ("Booking", "bookingDate", "2026-02-30"),
        ("Conversation", "lastMessageAt", "2026-01-01T00:00:00"),
        ("Service", "tags", [None]),
        ("Booking", "status", "WHENEVER"),
        ("Service", "cancellationHours", 1.5),
    ],
)
async def test_a_bad_value_is_refused_by_its_fields_name(
    api: InProcessApi, type_name: str, field: str, value: Any
) -> None:
    query = f"mutation ($input: Update{type_name}Input!) {{ update{type_name}(input: $input) {{ id }} }}"
    error = await api.refusal(ADMIN, query, input={"id": "x", field: value})
    assert error["errorType"] == "ValidationError"
    assert field in error["message"]
