"""Types that have rules of their own for writing their rows."""

from collections.abc import Callable
from typing import Any

import pytest

from models import tables
from models.errors import Code, Refusal
from models.storage.store import ConditionFailedError, Item, expressions
from resolvers.identity.callers import Caller
from resolvers.mirror.type_rules import TypeRules, Updating
from schema.errors import UnauthorizedError
from tests.unit.mirror import ADMIN, ALICE, BOB, EVE, MemoryStore, execute, schema_over
from tests.unit.resolvers.mirror.writing import CREATE, SERVICE, UPDATE, change, refused, rows_to_write


@pytest.fixture
def store() -> MemoryStore:
    return rows_to_write()


def add_dispute(store: MemoryStore, **attributes: Any) -> None:
    """Add a dispute that has been decided."""
    parties = {"raisedBy": "sub-alice", "againstUserId": "sub-bob", "requestId": "r"}
    texts = {"disputeType": "OTHER", "description": "Nobody came.", "createdAt": "2026", "updatedAt": "2026"}
    store.add(tables.Dispute, **{"id": "d", **parties, **texts, "status": "RESOLVED", **attributes})


DELETE_DISPUTE = "mutation ($input: DeleteDisputeInput!) { deleteDispute(input: $input) { id } }"


async def test_a_dispute_that_hours_wait_for_is_not_deleted(store: MemoryStore) -> None:
    add_dispute(store, status="OPEN")
    error = await refused(store, ADMIN, DELETE_DISPUTE, id="d")
    assert (error["errorType"], error["errorInfo"]) == ("INVALID_REQUEST_STATUS", {"status": "OPEN"})
    add_dispute(store)
    assert await change(store, ADMIN, DELETE_DISPUTE, input={"id": "d"}) == ({"id": "d"}, [])


async def test_a_type_may_have_its_own_rules_for_removal(store: MemoryStore) -> None:
    held = Refusal(Code.INVALID_ESCROW_STATUS, "Not now.", {"escrowed": 2.0})

    async def leave(key: str, changes: Any, is_met: Callable[[Item], bool], *, actor: str) -> Item | Refusal:
        assert (changes, actor) == (None, ADMIN.sub)
        row = store.rows[tables.User, key]
        if not is_met(row):
            raise ConditionFailedError(row)
        return held if row["updatedAt"] == {"S": "2026"} else store.rows.pop((tables.User, key))

    schema = schema_over(store, TypeRules(amenders={"User": leave}))
    query = """mutation ($input: DeleteUserInput!, $condition: ModelUserConditionInput) {
        deleteUser(input: $input, condition: $condition) { id } }"""
    given: dict[str, Any] = {"input": {"id": "sub-alice"}, "condition": {"username": {"eq": "alice"}}}
    _, (error,) = await execute(schema, store, ADMIN, query, **given)
    assert (error["errorType"], error["errorInfo"]) == ("INVALID_ESCROW_STATUS", {"escrowed": 2.0})
    store.rows[tables.User, "sub-alice"]["updatedAt"] = {"S": "2027"}
    _, (error,) = await execute(schema, store, ADMIN, query, **given | {"condition": {"username": {"eq": "bob"}}})
    assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"
    assert await execute(schema, store, ADMIN, query, **given) == ({"deleteUser": {"id": "sub-alice"}}, [])


async def test_a_type_may_refuse_a_change_by_its_own_rules(store: MemoryStore) -> None:
    async def amend(key: str, changes: object, is_met: object, *, actor: str) -> Item | Refusal:
        del changes, is_met
        return Refusal(Code.INVALID_REQUEST_STATUS, f"Not now, {actor}.", {"id": key})

    schema = schema_over(store, TypeRules(amenders={"ServiceRequest": amend}))
    remove = "mutation ($input: DeleteServiceRequestInput!) { deleteServiceRequest(input: $input) { id } }"
    for query, given in ((UPDATE, {"message": "x"}), (remove, {})):
        _, (error,) = await execute(schema, store, ALICE, query, input={"id": "r", **given})
        assert (error["errorType"], error["errorInfo"]) == ("INVALID_REQUEST_STATUS", {"id": "r"})
        assert error["message"] == "Not now, sub-alice."


async def test_a_row_is_checked_as_it_will_be(store: MemoryStore) -> None:
    checked: list[Item] = []

    async def check(caller: Caller, row: Item) -> None:
        checked.append(row)
        if row["title"] == {"S": "Hedges"}:
            raise UnauthorizedError(f"not for {caller.sub}")

    schema = schema_over(store, TypeRules(checks={"Service": check}))
    update = "mutation ($input: UpdateServiceInput!) { updateService(input: $input) { title } }"
    _, errors = await execute(
        schema, store, BOB, CREATE, input=SERVICE | {"userId": "sub-bob", "minBookingHours": 1}
    )
    assert errors == []
    stored = dict(store.rows[tables.Service, "s"])
    given = {"id": "s", "title": "Hedges", "minBookingHours": None}
    _, (error,) = await execute(schema, store, BOB, update, input=given)
    assert error["message"] == "not for sub-bob"
    assert store.rows[tables.Service, "s"] == stored == checked[0]
    assert (checked[1]["title"], "minBookingHours" in checked[1]) == ({"S": "Hedges"}, False)


async def test_a_row_is_deleted_only_as_the_guard_saw_it(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two hosts may write at the same time; the version distinguishes their writes."""
    conditions: list[dict[str, Any]] = []

    async def delete(_table: Any, _key: str, *, condition: Any = None) -> None:
        conditions.append(expressions(condition=condition))

    monkeypatch.setattr(store, "delete", delete)
    add_dispute(store, version=7)
    await change(store, ADMIN, DELETE_DISPUTE, input={"id": "d"})
    (condition,) = conditions
    assert {"updatedAt", "version"} <= set(condition["ExpressionAttributeNames"].values())
    assert {"N": "7"} in condition["ExpressionAttributeValues"].values()


UPDATE_EXCHANGE = """mutation ($input: UpdateTransactionInput!, $condition: ModelTransactionConditionInput) {
    updateTransaction(input: $input, condition: $condition) { id status } }"""


def add_exchange(store: MemoryStore) -> None:
    """Add an exchange between Alice, its consumer, and Bob."""
    parties = {"consumerId": "sub-alice", "providerId": "sub-bob", "serviceId": "s"}
    texts = {"description": "Roses", "status": "PENDING", "createdAt": "2026", "updatedAt": "2026"}
    store.add(tables.Transaction, **{"id": "x", **parties, **texts, "hoursSpent": 2})


async def update_exchange(store: MemoryStore, wished: list[Any], caller: Caller = ALICE, **variables: Any) -> Any:
    """Update the exchange by rules that take note of what is wished for; return data and errors."""

    async def note(by: Caller, item: Item, wish: Any) -> Item | Refusal:
        wished.append((by.sub, dict(wish)))
        return Refusal(Code.ALREADY_RATED, "Once.") if "rating" in wish else item

    updating = Updating(frozenset({"status", "rating", "feedback", "completedAt"}), note)
    schema = schema_over(store, TypeRules(updaters={"Transaction": updating}))
    return await execute(schema, store, caller, UPDATE_EXCHANGE, **variables)


async def test_a_type_may_have_its_own_rules_for_updates(store: MemoryStore) -> None:
    add_exchange(store)
    wished: list[Any] = []
    echo = {
        "consumerId": "sub-alice",
        "hoursSpent": 2.0,
        "description": "Roses",
        "bookingId": None,
        "rating": None,
    }
    dates = {"createdAt": "2020-01-01T00:00:00Z", "completedAt": "2026-01-01T00:00:00Z"}
    given = {"id": "x", "status": "PENDING", **echo, **dates}
    data, errors = await update_exchange(store, wished, input=given)
    assert (data, errors) == ({"updateTransaction": {"id": "x", "status": "PENDING"}}, [])
    # The status is wished for whether it is so already or not; what is repeated is not.
    assert wished == [("sub-alice", {"status": "PENDING", "completedAt": "2026-01-01T00:00:00Z"})]
    _, (error,) = await update_exchange(store, wished, input={"id": "x", "rating": 4.5})
    assert error["errorType"] == "ALREADY_RATED"


@pytest.mark.parametrize(
    ("given", "error_type", "word"),
    [
        ({"hoursSpent": 3}, "Unauthorized", "hoursSpent"),
        ({"description": None}, "Unauthorized", "description"),
        ({"consumerId": "sub-eve"}, "Unauthorized", "consumerId"),
        ({"bookingId": "b"}, "Unauthorized", "bookingId"),
        ({"status": None}, "BadRequest", "status cannot be taken away"),
        ({"rating": 6}, "BadRequest", "rating"),
        ({"feedback": "x" * 2_001}, "BadRequest", "feedback"),
    ],
)
async def test_other_fields_are_only_repeated_and_wishes_are_within_bounds(
    store: MemoryStore, given: dict[str, Any], error_type: str, word: str
) -> None:
    add_exchange(store)
    wished: list[Any] = []
    _, (error,) = await update_exchange(store, wished, input={"id": "x", **given})
    assert (error["errorType"], word in error["message"]) == (error_type, True), error
    assert wished == []


async def test_an_updates_condition_is_met_by_the_stored_row(store: MemoryStore) -> None:
    add_exchange(store)
    wished: list[Any] = []
    given: dict[str, Any] = {"input": {"id": "x", "status": "CANCELLED"}}
    _, (error,) = await update_exchange(store, wished, **given, condition={"status": {"eq": "COMPLETED"}})
    assert (error["errorType"], wished) == ("DynamoDB:ConditionalCheckFailedException", [])
    _, errors = await update_exchange(store, wished, **given, condition={"status": {"eq": "PENDING"}})
    assert (errors, len(wished)) == ([], 1)
    _, (error,) = await update_exchange(store, wished, EVE, **given)
    assert error["errorType"] == "Unauthorized"
