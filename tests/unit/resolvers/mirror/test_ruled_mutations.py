"""The rules beside the schemas of the two apps, as their clients meet them."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.storage.store import Item
from schema.amplify.sdl.declaring import catalogue_of
from schema.types import CATALOGUE
from tests.chaos.faults import Fault, each_write
from tests.unit.ruled_app import ADMIN, ANN, BOB, RuledApp, catalogue
from tests.unit.schema.amplify.sdl.texts import app_of

PROJECT = {"projectId": "p", "name": "House", "startDate": "2026-01-01"}
CONTRACTOR = {"contractorId": "c", "name": "Carl", "contractorKey": "x"}
EXPENSE = {
    "expenseId": "e",
    "projectId": "p",
    "contractorId": "c",
    "invoiceNum": "1",
    "amount": 0.1,
    "paymentMethod": "CASH",
    "date": "2026-01-02",
}
WORK = {"workId": "w", "projectId": "p", "contractorId": "c", "expenseId": "e", "WorkName": "roof"}
MINE = {"userId": "ann::ann"}
SERVICE = {"serviceId": "s", "providerId": "bob::bob", "category": "x", "title": "x", "price": 1}
PROVIDER = {"providerId": "bob::bob", "name": "Bob", "serviceType": "x", "serviceArea": "x", "responseTime": 1}
BOOKED = {
    "bookingId": "b",
    "customerId": "ann::ann",
    "providerId": "bob::bob",
    "serviceId": "s",
    "scheduledDate": "2026-01-01T00:00:00Z",
}
REVIEW = {"reviewId": "r", "bookingId": "b", "providerId": "bob::bob", "customerId": "ann::ann", "rating": 4}


@pytest.fixture
async def building() -> AsyncIterator[RuledApp]:
    app = RuledApp(catalogue("construction"))
    await app.done(ANN, "createProject", **PROJECT)
    await app.done(ANN, "createContractor", **CONTRACTOR)
    yield app
    app.engine.close()


@pytest.fixture
async def market() -> AsyncIterator[RuledApp]:
    app = RuledApp(catalogue("marketplace"))
    await app.done(BOB, "createProvider", **PROVIDER)
    await app.done(BOB, "createService", **SERVICE)
    await app.done(ANN, "createBooking", **BOOKED)
    yield app
    app.engine.close()


async def row(app: RuledApp, name: str) -> Item:
    (found,) = await app.rows(name)
    return found


async def spent(app: RuledApp) -> float:
    return float((await row(app, "Project"))["SpentAmount"]["N"])


async def test_the_server_writes_what_clients_may_leave_out(building: RuledApp) -> None:
    made = await building.done(ANN, "createExpense", **EXPENSE, projectKey="wrong")
    assert (made["projectKey"], made["contractorKey"]) == ("ann::ann#p", "ann::ann#c")
    await building.done(ANN, "createProject", **PROJECT | {"projectId": "q"}, SpentAmount=1_000, projectKey="p")
    moved = await building.done(ANN, "updateExpense", **MINE, expenseId="e", projectId="q", projectKey="wrong")
    assert moved["projectKey"] == "ann::ann#q"
    sums = {one["projectId"]["S"]: float(one["SpentAmount"]["N"]) for one in await building.rows("Project")}
    assert sums == {"p": 0, "q": 0.1}
    unchanged = await building.done(ANN, "updateProject", **MINE, projectId="q", SpentAmount=9, name="Home")
    assert unchanged["SpentAmount"] == 0.1


async def test_a_relation_leads_by_the_owner_as_it_is_stored(building: RuledApp) -> None:
    await building.done(ANN, "createExpense", **EXPENSE)
    query = "{ listExpenses(limit: 5) { items { project { name expenses(limit: 5) { items { amount } } } } } }"
    found, errors = await building.ask(ANN, query)
    assert errors == []
    (expense,) = found["listExpenses"]["items"]
    assert expense == {"project": {"name": "House", "expenses": {"items": [{"amount": 0.1}]}}}


async def test_a_create_is_repeated_and_a_second_invoice_of_that_number_is_refused(building: RuledApp) -> None:
    first = await building.done(ANN, "createExpense", **EXPENSE)
    assert await building.done(ANN, "createExpense", **EXPENSE) == first
    error = await building.refused(ANN, "createExpense", **EXPENSE | {"expenseId": "f"})
    assert (error["errorType"], error["errorInfo"]) == ("DUPLICATE_VALUE", {"fields": ["userId", "invoiceNum"]})
    # A project's sum has changed since it was created, which is no other content.
    await building.done(ANN, "createProject", **PROJECT)
    error = await building.refused(ANN, "createExpense", **EXPENSE | {"amount": 7})
    assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"


async def test_an_update_that_others_overtake_is_decided_again(
    building: RuledApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    await building.done(ANN, "createExpense", **EXPENSE)
    upstream, others = building.engine.call, [5]

    async def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "transact_write_items" and others:
            await building.done(ANN, "updateExpense", **MINE, expenseId="e", amount=others.pop())
        return await upstream(service, operation, **params)

    monkeypatch.setattr(building.engine, "call", call)
    await building.done(ANN, "updateExpense", **MINE, expenseId="e", amount=3)
    assert await spent(building) == 3
    others.append(6)
    await building.done(ANN, "deleteExpense", **MINE, expenseId="e")
    assert await spent(building) == 0


async def test_a_condition_counts(building: RuledApp) -> None:
    await building.done(ANN, "createExpense", **EXPENSE)
    unmet = {"amount": {"gt": 1}}
    for operation, given in (("updateExpense", {"amount": 2}), ("deleteExpense", {})):
        error = await building.refused(ANN, operation, unmet, **MINE, expenseId="e", **given)
        assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"
    assert await spent(building) == 0.1


async def test_what_refers_to_a_deleted_row_follows_it_or_keeps_it(building: RuledApp) -> None:
    await building.done(ANN, "createExpense", **EXPENSE)
    await building.done(ANN, "createWork", **WORK)
    for operation, key in (("deleteProject", "projectId"), ("deleteContractor", "contractorId")):
        error = await building.refused(ANN, operation, **MINE, **{key: key[0]})
        assert error["errorType"] == "STILL_REFERENCED"
    await building.done(ANN, "deleteExpense", **MINE, expenseId="e")
    work = await row(building, "Work")
    assert "expenseId" not in work
    await building.done(ANN, "deleteProject", **MINE, projectId="p")
    assert await building.rows("Work") == []
    await building.done(ANN, "deleteContractor", **MINE, contractorId="c")
    assert await building.house() == []


async def test_a_status_goes_by_its_steps(building: RuledApp) -> None:
    error = await building.refused(ANN, "createProject", **PROJECT | {"projectId": "q"}, status="ACTIVE")
    assert error["errorType"] == "INVALID_TRANSITION"
    error = await building.refused(ANN, "updateProject", **MINE, projectId="p", status="DONE")
    assert error["message"] == "status: from PLANNED it goes to ACTIVE or CANCELLED, not to DONE."
    moved = await building.done(ANN, "updateProject", **MINE, projectId="p", status="ACTIVE")
    assert moved["status"] == "ACTIVE"
    stored = await row(building, "Project")
    assert stored["status#startDate"] == {"S": "ACTIVE#2026-01-01"}


async def test_a_booking_is_reviewed_once_when_it_is_completed(market: RuledApp) -> None:
    missing = await market.refused(ANN, "createReview", **REVIEW)
    assert (missing["errorType"], missing["errorInfo"]) == ("REFERENCE_NOT_FOUND", {"fields": ["bookingId"]})
    assert "whose status is COMPLETED" in missing["message"]
    for status in ("CONFIRMED", "IN_PROGRESS", "COMPLETED"):
        await market.done(BOB, "updateBooking", bookingId="b", status=status)
    await market.done(ANN, "createReview", **REVIEW)
    assert (await row(market, "Provider"))["rating"] == {"N": "4"}
    error = await market.refused(ANN, "createReview", **REVIEW | {"reviewId": "q"})
    assert error["errorType"] == "DUPLICATE_VALUE"
    await market.done(ANN, "updateReview", reviewId="r", rating=2)
    assert (await row(market, "Provider"))["rating"] == {"N": "2"}
    # Nobody reviews another's booking, nor in another's name.
    error = await market.refused(ADMIN, "createReview", **REVIEW | {"reviewId": "q", "customerId": "ada"})
    assert error["errorType"] in {"DUPLICATE_VALUE", "REFERENCE_NOT_FOUND"}
    for operation, given in (
        ("deleteBooking", {"bookingId": "b"}),
        ("deleteProvider", {"providerId": "bob::bob"}),
    ):
        assert (await market.refused(ADMIN, operation, **given))["errorType"] == "STILL_REFERENCED"
    await market.done(ANN, "deleteReview", reviewId="r")
    assert (await row(market, "Provider"))["rating"] == {"N": "0"}
    await market.done(ANN, "deleteBooking", bookingId="b")


async def test_an_answer_that_is_lost_costs_nothing(market: RuledApp) -> None:
    market.calls.plan = each_write(Fault.LOST)
    await market.done(ANN, "createBooking", **BOOKED | {"bookingId": "c"})
    market.calls.plan = each_write(Fault.LOST)
    await market.done(ADMIN, "deleteBooking", {"status": {"eq": "PENDING"}}, bookingId="c")
    assert len(await market.rows("Booking")) == 1


def test_only_apps_with_rules_have_the_houses_table() -> None:
    assert CATALOGUE.ruled is None
    assert ".Guard" not in {table.Meta.table_name for table in CATALOGUE.tables}
    assert catalogue("construction").tables[-1].Meta.table_name == ".Guard"


async def test_an_id_that_is_no_text_is_the_clients() -> None:
    text = "type Log @model @auth(rules: [{ allow: private }]) { id: Int! text: String }"
    app = RuledApp(catalogue_of(app_of(text)))
    error = await app.refused(ANN, "createLog", text="x")
    assert (error["errorType"], error["message"]) == ("BadRequest", "id is required: the server makes no Int")
    assert (await app.done(ANN, "createLog", id=3))["id"] == 3
    app.engine.close()


async def test_arguments_may_be_called_as_parameters_of_ours() -> None:
    text = """type Log @model @auth(rules: [{ allow: private }]) {
      self: ID! @primaryKey(sortKeyFields: ["info"]) info: Int!
      source: String @index(name: "bySource", sortKeyFields: ["_source"], queryField: "logsBySource")
      _source: String
    }"""
    app = RuledApp(catalogue_of(app_of(text)))
    await app.done(ANN, "createLog", self="a", info=3, source="s", _source="t")
    query = """{ getLog(self: "a", info: 3) { info } listLogs(self: "a", info: { eq: 3 }) { items { info } }
      logsBySource(source: "s", _source: { eq: "t" }) { items { info } } }"""
    data, errors = await app.ask(ANN, query)
    page = {"items": [{"info": 3}]}
    assert (data, errors) == ({"getLog": {"info": 3}, "listLogs": page, "logsBySource": page}, [])
    app.engine.close()


async def test_a_related_page_is_as_large_as_the_schema_says() -> None:
    rules = "@auth(rules: [{ allow: private }])"
    app = RuledApp(
        catalogue_of(
            app_of(f"""
                type List @model {rules} {{
                    id: ID! items: [Item] @hasMany(limit: 2) all: [Item] @hasMany(limit: 9999) }}
                type Item @model {rules} {{ id: ID! }}
            """)
        )
    )
    await app.done(ANN, "createList", id="l")
    for number in range(4):
        await app.done(ANN, "createItem", id=str(number), listItemsId="l")
    for limit, found in (("", 2), ("(limit: null)", 2), ("(limit: 3)", 3)):
        query = f'{{ getList(id: "l") {{ items{limit} {{ items {{ id }} }} }} }}'
        data, errors = await app.ask(ANN, query)
        assert (len(data["getList"]["items"]["items"]), errors) == (found, [])
    documents, page = app.schema().documents, "{ listLists(limit: %s) { items { %s { items { id } } } } }"
    assert documents.read(page % (400, "items")).errors == []
    assert "this asks for 3003" in documents.read(page % (3, "all")).errors[0].message
    app.engine.close()
