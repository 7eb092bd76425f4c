"""Mutations of the mirrored types: who may write what, and what a repeated create returns."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from structlog.testing import capture_logs

from models import tables
from models.storage.store import Item, expressions
from resolvers.identity.callers import Caller
from resolvers.mirror.mutations import same_content
from resolvers.mirror.validation import validated
from schema.types import CATALOGUE
from tests.unit.mirror import ADMIN, ALICE, BOB, EVE, MemoryStore
from tests.unit.resolvers.mirror.writing import CREATE, SERVICE, UPDATE, change, refused, rows_to_write


@pytest.fixture
def store() -> MemoryStore:
    return rows_to_write()


@pytest.mark.parametrize("owner", ["sub-bob", "bob", "sub-bob::bob"])
async def test_an_owner_is_stored_by_their_sub(store: MemoryStore, owner: str) -> None:
    created, errors = await change(store, BOB, CREATE, input=SERVICE | {"userId": owner})
    assert errors == []
    assert (created["id"], created["userId"], created["tags"]) == ("s", "sub-bob", ["outdoors"])
    assert store.rows[tables.Service, "s"]["__typename"] == {"S": "Service"}


async def test_a_row_is_created_in_ones_own_name(store: MemoryStore) -> None:
    for caller in (EVE, None):
        error = await refused(store, caller, CREATE, **SERVICE, userId="sub-bob")
        assert error["errorType"] == "Unauthorized"
    created, _ = await change(store, ADMIN, CREATE, input=SERVICE | {"userId": "sub-bob"})
    assert created["userId"] == "sub-bob"


async def test_the_server_sets_the_dates_and_a_missing_id(store: MemoryStore) -> None:
    given = {name: value for name, value in SERVICE.items() if name != "id"}
    dated = given | {"userId": "bob", "createdAt": "1999-01-01T00:00Z"}
    created, _ = await change(store, BOB, CREATE, input=dated)
    assert len(created["id"]) == 36
    assert created["createdAt"].startswith("20")
    assert created["createdAt"].endswith("Z")


async def test_a_repeated_create_returns_the_stored_row_and_a_different_one_fails(store: MemoryStore) -> None:
    first, _ = await change(store, BOB, CREATE, input=SERVICE | {"userId": "bob"})
    again, errors = await change(store, BOB, CREATE, input=SERVICE | {"userId": "bob"})
    assert (again, errors) == (first, [])
    for caller, changes in ((BOB, {"title": "Other"}), (EVE, {"userId": "eve"}), (BOB, {"cancellationHours": 1})):
        error = await refused(store, caller, CREATE, **SERVICE | {"userId": "bob"} | changes)
        assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hourlyRate", 1.005),
        ("hourlyRate", 1e10),
        ("responseWindowHours", 1),
        ("responseWindowHours", 73),
        ("category", ""),
        ("category", "x" * 129),
        ("id", ""),
        ("id", "é" * 65),
        ("hourlyRate", -5),
        ("hourlyRate", 0),
        ("hourlyRate", 1_000.01),
        ("minBookingHours", 0),
        ("maxBookingHours", 10_000.01),
        ("title", "x" * 201),
        ("description", "x" * 10_001),
        ("tags", ["x"] * 51),
        ("tags", ["x", "y" * 101]),
    ],
)
async def test_a_value_out_of_bounds_is_named(store: MemoryStore, name: str, value: Any) -> None:
    error = await refused(store, BOB, CREATE, **SERVICE | {"userId": "bob", name: value})
    assert (error["errorType"], error["errorInfo"]) == ("BadRequest", {"field": name})
    assert name in error["message"]


async def test_an_update_is_checked_for_length_too(store: MemoryStore) -> None:
    error = await refused(store, ALICE, UPDATE, id="r", message="x" * 2_001)
    assert error["errorInfo"] == {"field": "message"}
    assert error["message"] == "message: 2001 characters are too many; at most 2000 fit"


async def test_a_services_least_hours_are_not_over_its_most(store: MemoryStore) -> None:
    error = await refused(
        store, BOB, CREATE, **SERVICE | {"userId": "bob", "minBookingHours": 3, "maxBookingHours": 2}
    )
    assert error["message"] == "minBookingHours (3.0) must not be over maxBookingHours (2.0)"
    limits = {"minBookingHours": 2, "maxBookingHours": 2}
    _, errors = await change(store, BOB, CREATE, input=SERVICE | {"userId": "bob"} | limits)
    assert errors == []
    update = "mutation ($input: UpdateServiceInput!) { updateService(input: $input) { minBookingHours } }"
    error = await refused(store, BOB, update, id="s", maxBookingHours=1.5)
    assert error["errorInfo"] == {"field": "minBookingHours"}
    for changes in ({"maxBookingHours": None}, {"minBookingHours": 3}):
        changed, errors = await change(store, BOB, update, input={"id": "s"} | changes)
        assert errors == []
    assert changed == {"minBookingHours": 3.0}


async def test_a_row_that_was_out_of_order_before_can_still_be_changed(store: MemoryStore) -> None:
    owned = {"userId": "sub-bob", "minBookingHours": 3, "maxBookingHours": 2}
    store.add(tables.Service, id="old", createdAt="2026", updatedAt="2026", **owned)
    update = "mutation ($input: UpdateServiceInput!) { updateService(input: $input) { title } }"
    assert await change(store, BOB, update, input={"id": "old", "title": "x"}) == ({"title": "x"}, [])


async def test_the_other_field_of_a_pair_must_be_unchanged_since_it_was_read(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    conditioned: list[str] = []
    update = store.update

    async def recording(*args: Any, **options: Any) -> Item:
        params = expressions(condition=options["condition"])
        conditioned.extend(params["ExpressionAttributeNames"].values())
        return await update(*args, **options)

    monkeypatch.setattr(store, "update", recording)
    await change(store, BOB, CREATE, input=SERVICE | {"userId": "bob", "maxBookingHours": 4})
    query = "mutation ($input: UpdateServiceInput!) { updateService(input: $input) { id } }"
    await change(store, BOB, query, input={"id": "s", "minBookingHours": 1})
    assert conditioned == ["id", "maxBookingHours"]


def test_numbers_of_a_repeated_create_are_compared_by_value() -> None:
    service = CATALOGUE.models["Service"]
    content = validated(service, {"id": "s", "hourlyRate": 1.5, "tags": ["outdoors"]})
    as_read = content | {"hourlyRate": {"N": "1.50"}, "updatedAt": {"S": "2026"}}
    assert content["hourlyRate"] == {"N": "1.5"}
    assert same_content(service, as_read, content)
    assert not same_content(service, as_read | {"tags": {"L": []}}, content)


DELETE_SERVICE = "mutation ($input: DeleteServiceInput!) { deleteService(input: $input) { id } }"


@pytest.mark.parametrize(
    ("method", "operation", "caller", "query", "given"),
    [
        ("put", "PutItem", BOB, CREATE, {**SERVICE, "userId": "bob"}),
        ("update", "UpdateItem", ALICE, UPDATE, {"id": "r", "message": "x"}),
        ("delete", "DeleteItem", BOB, DELETE_SERVICE, {"id": "own"}),
        ("get", "GetItem", ALICE, UPDATE, {"id": "r", "message": "x"}),
    ],
)
async def test_whatever_dynamodb_rejects_is_told_with_its_cause(
    store: MemoryStore,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    operation: str,
    caller: Caller,
    query: str,
    given: dict[str, Any],
) -> None:
    store.add(tables.Service, id="own", userId="sub-bob", createdAt="2026")
    reason = "Something that nobody has foreseen"

    async def refuse(*_: Any, **__: Any) -> None:
        raise ClientError({"Error": {"Code": "ValidationException", "Message": reason}}, operation)

    monkeypatch.setattr(store, method, refuse)
    with capture_logs() as logs:
        error = await refused(store, caller, query, **given)
    assert error["errorType"] == "BadRequest"
    assert reason in error["message"]
    assert logs[0]["reason"] == reason


async def test_a_null_that_was_null_before_changes_nothing(store: MemoryStore) -> None:
    query = "mutation ($input: UpdateUserInput!) { updateUser(input: $input) { bio profilePicture } }"
    changed, errors = await change(
        store, ALICE, query, input={"id": "sub-alice", "bio": None, "profilePicture": None}
    )
    assert (changed, errors) == ({"bio": None, "profilePicture": None}, [])


async def test_a_whole_row_may_be_sent_back(store: MemoryStore) -> None:
    row = {
        "id": "r",
        "serviceId": "s",
        "requesterId": "sub-alice",
        "providerId": "sub-bob",
        "status": "ACCEPTED",
        "estimatedHours": 2.0,
        "negotiationRound": 0,
        "escrowId": None,
        "message": "soon",
    }
    changed, errors = await change(store, ALICE, UPDATE, input=row)
    assert (changed, errors) == ({"id": "r", "message": "soon", "status": "ACCEPTED"}, [])
    assert store.rows[tables.ServiceRequest, "r"]["updatedAt"] != {"S": "2026"}


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("status", "PAID", "confirmServiceCompletion"),
        ("estimatedHours", 3, "respondToCounterOffer"),
        ("agreedRate", 1, "respondToCounterOffer"),
        ("escrowId", "e", "startServiceRequestWorkflow"),
        ("providerId", "sub-eve", "fixed"),
        ("serviceId", "t", "fixed"),
        ("requesterId", None, "fixed"),
    ],
)
async def test_clients_do_not_set_what_the_workflow_owns(
    store: MemoryStore, name: str, value: Any, hint: str
) -> None:
    error = await refused(store, ALICE, UPDATE, **{"id": "r", name: value})
    assert (error["errorType"], error["errorInfo"]["field"]) == ("Unauthorized", name)
    assert hint in error["message"]


async def test_a_request_is_created_with_its_initial_values(store: MemoryStore) -> None:
    query = "mutation ($input: CreateServiceRequestInput!) { createServiceRequest(input: $input) { id } }"
    row = {"serviceId": "s", "requesterId": "alice", "providerId": "bob", "estimatedHours": 2}
    begun = {"status": "INITIATED", "negotiationRound": 0}
    error = await refused(store, ALICE, query, **row | begun | {"status": "PAID"})
    assert error["errorInfo"]["field"] == "status"
    error = await refused(store, ALICE, query, **row | begun | {"expiresAt": "2026-01-01T00:00:00Z"})
    assert error["errorInfo"]["field"] == "expiresAt"
    _, errors = await change(store, ALICE, query, input=row | begun)
    assert errors == []


async def test_nobody_but_the_owner_changes_a_row(store: MemoryStore) -> None:
    for caller in (BOB, EVE, ADMIN, None):
        error = await refused(store, caller, UPDATE, id="r", message="mine")
        assert error["errorType"] == "Unauthorized"


async def test_only_groups_learn_that_a_row_is_absent(store: MemoryStore) -> None:
    query = "mutation ($input: UpdateUserInput!) { updateUser(input: $input) { id } }"
    error = await refused(store, EVE, query, id="none", bio="x")
    assert error["errorType"] == "Unauthorized"
    error = await refused(store, ADMIN, query, id="none", bio="x")
    assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"


async def test_null_removes_a_field_even_for_an_owner_who_may_not_delete_the_row(store: MemoryStore) -> None:
    changed, _ = await change(store, ALICE, UPDATE, input={"id": "r", "message": None})
    assert changed["message"] is None
    assert "message" not in store.rows[tables.ServiceRequest, "r"]
    query = "mutation ($input: UpdateUserInput!) { updateUser(input: $input) { id } }"
    store.rows[tables.User, "sub-alice"]["bio"] = {"S": "x"}
    _, errors = await change(store, ALICE, query, input={"id": "sub-alice", "bio": None, "profilePicture": None})
    assert errors == []
    assert "bio" not in store.rows[tables.User, "sub-alice"]
    error = await refused(store, ALICE, query, id="sub-alice", email=None)
    assert error["message"] == "email is required: it cannot be null"


async def test_the_hours_shown_may_be_sent_back(store: MemoryStore) -> None:
    query = "mutation ($input: UpdateUserInput!) { updateUser(input: $input) { bankHours bio } }"
    for hours in (0, 10.0):
        changed, errors = await change(
            store, ALICE, query, input={"id": "sub-alice", "bankHours": hours, "bio": "x"}
        )
        assert (changed, errors) == ({"bankHours": 10.0, "bio": "x"}, [])
    error = await refused(store, ALICE, query, id="sub-alice", bankHours=11)
    assert "processDirectTransfer" in error["message"]


async def test_only_an_admin_bars_a_member(store: MemoryStore) -> None:
    query = "mutation ($input: UpdateUserInput!) { updateUser(input: $input) { isActive } }"
    error = await refused(store, ALICE, query, id="sub-alice", isActive=True)
    assert error["errorInfo"]["field"] == "isActive"
    changed, _ = await change(store, ADMIN, query, input={"id": "sub-alice", "isActive": False})
    assert changed == {"isActive": False}


@pytest.mark.parametrize("model", ["Escrow", "UserBalance", "TransactionLog", "Transaction", "EventLog"])
async def test_nobody_deletes_from_the_ledger(store: MemoryStore, model: str) -> None:
    key = "userId" if model == "UserBalance" else "id"
    query = f"mutation ($input: Delete{model}Input!) {{ delete{model}(input: $input) {{ createdAt }} }}"
    for caller in (ALICE, ADMIN):
        error = await refused(store, caller, query, **{key: "sub-alice"})
        assert error["errorType"] == "Unauthorized"
