"""The store asks DynamoDB what it should, and gives back what it says."""

from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pynamodb.expressions.operand import Path

from models import tables
from models.errors import UnavailableError
from models.storage.names import Names
from models.storage.store import (
    BATCH_KEYS,
    BATCH_ROUNDS,
    ConditionFailedError,
    Page,
    Store,
    expressions,
    index_keys,
    is_addressable,
    read_pages,
)
from models.tables import base
from models.tables.base import KeyAttribute
from tests.unit.builders import NOW
from tests.unit.models.storage.unqueued import Unqueued

NAMES = Names(stack="unit", region="us-east-1", account="0" * 12)


class Script(Unqueued):
    """Calls that answer what the test says, or raise it."""

    def __init__(self, *answers: Any) -> None:
        super().__init__()
        self._answers = list(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        assert service == "dynamodb"
        self.asked.append((operation, params))
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def failed(code: str, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code}, **more}
    return ClientError(response, "PutItem")


async def test_a_row_is_got_by_its_key() -> None:
    calls = Script({"Item": {"userId": {"S": "a"}}})
    assert await Store(calls, NAMES).get(tables.UserBalance, "a", consistent=True) == {"userId": {"S": "a"}}
    key = {"Key": {"userId": {"S": "a"}}, "ConsistentRead": True}
    assert calls.asked == [("get_item", {"TableName": "unit-UserBalance", **key})]


async def test_a_read_is_consistent_only_if_that_is_asked_for() -> None:
    calls = Script({}, {"Responses": {}})
    assert await Store(calls, NAMES).get(tables.User, "a") is None
    assert await Store(calls, NAMES).batch_get([(tables.User, "a")]) == [None]
    get, batch = (params for _, params in calls.asked)
    assert not get["ConsistentRead"]
    assert not batch["RequestItems"]["unit-User"]["ConsistentRead"]


async def test_a_key_that_no_row_can_have_is_not_asked_for() -> None:
    store = Store(Script(), NAMES)
    for key in ("", "x" * 2049):
        assert await store.get(tables.User, key) is None
        assert await store.batch_get([(tables.User, key)]) == [None]
        assert await store.query(tables.User, tables.User.byEmail, key, limit=1) == Page([], 0, None)


def test_a_key_may_be_as_long_as_dynamodb_has_it() -> None:
    assert is_addressable("x" * 2048)
    assert is_addressable("x")
    assert not is_addressable("é" * 1025)


async def test_a_batch_keeps_the_order_and_asks_again_for_what_was_left() -> None:
    left = {"unit-User": {"Keys": [{"id": {"S": "b"}}]}}
    calls = Script(
        {"Responses": {"unit-User": [{"id": {"S": "a"}}], "unit-UserBalance": []}, "UnprocessedKeys": left},
        {"Responses": {"unit-User": [{"id": {"S": "b"}}]}},
    )
    found = await Store(calls, NAMES).batch_get(
        [(tables.User, "b"), (tables.UserBalance, "a"), (tables.User, "a"), (tables.User, "b")]
    )
    assert found == [{"id": {"S": "b"}}, None, {"id": {"S": "a"}}, {"id": {"S": "b"}}]
    assert calls.asked[1] == ("batch_get_item", {"RequestItems": left})


async def test_a_batch_is_cut_to_dynamodbs_size() -> None:
    calls = Script({"Responses": {}}, {"Responses": {}})
    await Store(calls, NAMES).batch_get([(tables.User, str(n)) for n in range(BATCH_KEYS + 1)])
    sizes = [len(params["RequestItems"]["unit-User"]["Keys"]) for _, params in calls.asked]
    assert sizes == [BATCH_KEYS, 1]


async def test_a_batch_does_not_ask_for_ever() -> None:
    nothing = {"Responses": {}, "UnprocessedKeys": {"unit-User": {"Keys": [{"id": {"S": "a"}}]}}}
    calls = Script(*[nothing] * BATCH_ROUNDS)
    with pytest.raises(UnavailableError):
        await Store(calls, NAMES).batch_get([(tables.User, "a")])
    assert len(calls.asked) == BATCH_ROUNDS
    assert calls.paused == [0.05, 0.1, 0.2, 0.4, 0.8]


@pytest.mark.parametrize("consistent", [False, True])
async def test_a_batch_is_read_as_consistently_as_it_is_asked_for(*, consistent: bool) -> None:
    calls = Script({"Responses": {}, "UnprocessedKeys": {}})
    await Store(calls, NAMES).batch_get([(tables.User, "a"), (tables.UserBalance, "b")], consistent=consistent)
    assert calls.asked[0][1]["RequestItems"] == {
        "unit-User": {"Keys": [{"id": {"S": "a"}}], "ConsistentRead": consistent},
        "unit-UserBalance": {"Keys": [{"userId": {"S": "b"}}], "ConsistentRead": consistent},
    }


def test_what_is_not_said_is_not_sent() -> None:
    assert expressions() == {}
    there = expressions(condition=tables.User.id.exists())
    assert there == {"ConditionExpression": "attribute_exists (#0)", "ExpressionAttributeNames": {"#0": "id"}}


def test_an_index_has_a_hash_key_and_perhaps_a_range_key() -> None:
    for index, name in ((tables.ServiceRequest.byStatus, "status"), (tables.Service.byCategory, "category")):
        assert index_keys(index) == (KeyAttribute(name), KeyAttribute("createdAt"))
    assert index_keys(base.index("byName", "name", None)) == (KeyAttribute("name"), None)
    assert index_keys(base.index("byAge", "count", KeyAttribute("age", "N")))[1] == KeyAttribute("age", "N")


EXPENSES = base.table(
    "Expense",
    KeyAttribute("userId"),
    KeyAttribute("number", "N"),
    indexes=[base.index("by status", "userId", "status#date")],
    ttl="ttl",
)


async def test_a_row_is_got_by_a_hash_key_and_a_range_key() -> None:
    calls = Script({}, {"Responses": {"unit-Expense": [{"userId": {"S": "u"}, "number": {"N": "7"}}]}})
    store = Store(calls, NAMES)
    assert await store.get(EXPENSES, ("u", "7")) is None
    assert calls.asked[0][1]["Key"] == {"userId": {"S": "u"}, "number": {"N": "7"}}
    found = await store.batch_get([(EXPENSES, ("u", "8")), (EXPENSES, ("u", "7"))])
    assert found == [None, {"userId": {"S": "u"}, "number": {"N": "7"}}]


async def test_a_page_of_the_rows_of_one_hash_key_of_a_table() -> None:
    calls = Script({"Items": [], "ScannedCount": 0})
    number = Path(["number"])
    await Store(calls, NAMES).query(EXPENSES, None, "u", limit=3, range_condition=number >= {"N": "2"})
    assert calls.asked[0][1] == {
        "TableName": "unit-Expense",
        "KeyConditionExpression": "(#0 = :0 AND #1 >= :1)",
        "ExpressionAttributeNames": {"#0": "userId", "#1": "number"},
        "ExpressionAttributeValues": {":0": {"S": "u"}, ":1": {"N": "2"}},
        "Limit": 3,
        "ScanIndexForward": True,
    }


def test_a_range_key_is_shorter_than_a_hash_key() -> None:
    assert is_addressable(("h" * 2048, "r" * 1024))
    assert not is_addressable(("h", "r" * 1025))
    assert not is_addressable(("", "r"))
    assert not is_addressable(("h", ""))


async def test_a_page_of_a_table() -> None:
    calls = Script({"Items": [], "ScannedCount": 0})
    await Store(calls, NAMES).scan_page(tables.User, limit=5, filter=tables.User.username == "a")
    assert calls.asked == [
        (
            "scan",
            {
                "TableName": "unit-User",
                "Limit": 5,
                "FilterExpression": "#0 = :0",
                "ExpressionAttributeNames": {"#0": "username"},
                "ExpressionAttributeValues": {":0": {"S": "a"}},
            },
        )
    ]


async def test_a_page_of_an_index() -> None:
    last = {"id": {"S": "r"}}
    calls = Script({"Items": [last], "Count": 1, "ScannedCount": 7, "LastEvaluatedKey": last})
    page = await Store(calls, NAMES).query(
        tables.ServiceRequest,
        tables.ServiceRequest.byStatus,
        "PAID",
        limit=7,
        forward=False,
        start_key=last,
        filter=tables.ServiceRequest.serviceId == "s",
    )
    assert (page.items, page.read, page.last_key) == ([last], 7, last)
    assert calls.asked[0][1] == {
        "TableName": "unit-ServiceRequest",
        "IndexName": "byStatus",
        "KeyConditionExpression": "#0 = :0",
        "FilterExpression": "#1 = :1",
        "ExpressionAttributeNames": {"#0": "status", "#1": "serviceId"},
        "ExpressionAttributeValues": {":0": {"S": "PAID"}, ":1": {"S": "s"}},
        "Limit": 7,
        "ScanIndexForward": False,
        "ExclusiveStartKey": last,
    }


def pages_of(*reads: int) -> list[dict[str, Any]]:
    """Return DynamoDB's pages, each of one row after reading as many as given; the last has no next page."""
    pages: list[dict[str, Any]] = [
        {"Items": [{"id": {"S": name}}], "ScannedCount": read, "LastEvaluatedKey": {"id": {"S": name}}}
        for name, read in zip("abcdef", reads, strict=False)
    ]
    del pages[-1]["LastEvaluatedKey"]
    return pages


@pytest.mark.parametrize(
    ("reads", "bounds", "limits"),
    [
        ((5, 5, 2), {"most_pages": 9}, [5, 5, 5]),
        ((5, 5, 2), {"most_pages": 3}, [5, 5, 5]),
        ((5, 5, 2), {"most_pages": 2}, [5, 5]),
        ((5, 5, 5), {"most_pages": 9, "most_rows": 12}, [5, 5, 2]),
        ((5, 5, 5), {"most_pages": 9, "most_rows": 10}, [5, 5]),
        ((3, 2, 5), {"most_pages": 9, "most_rows": 5}, [5, 2]),
        ((0, 5, 5), {"most_pages": 2, "most_rows": 8}, [5, 5]),
        ((1,), {"most_pages": 9, "most_rows": 3}, [3]),
        ((1,), {"most_pages": 0}, []),
    ],
)
async def test_pages_are_read_one_after_another_until_the_last_or_a_bound(
    reads: tuple[int, ...], bounds: dict[str, int], limits: list[int]
) -> None:
    calls = Script(*pages_of(*reads))
    read = partial(Store(calls, NAMES).query, tables.User, tables.User.byEmail, "e")
    found = [page.items[0]["id"]["S"] async for page in read_pages(read, limit=5, **bounds)]
    assert found == list("abcdef"[: len(limits)])
    assert [params["Limit"] for _, params in calls.asked] == limits
    starts = [params.get("ExclusiveStartKey") for _, params in calls.asked]
    assert starts == [None, {"id": {"S": "a"}}, {"id": {"S": "b"}}][: len(limits)]


async def test_a_page_is_read_only_when_it_is_wanted() -> None:
    calls = Script(*pages_of(5, 5))
    async for _ in read_pages(partial(Store(calls, NAMES).scan_page, tables.User), limit=5, most_pages=2):
        break
    assert len(calls.asked) == 1


async def test_a_count_sends_no_rows() -> None:
    calls = Script({"Count": 3, "ScannedCount": 3})
    page = await Store(calls, NAMES).scan_page(tables.User, limit=5, count_only=True)
    assert (page.items, page.read) == ([], 3)
    assert calls.asked[0][1]["Select"] == "COUNT"


async def test_a_failed_condition_hands_the_stored_row_over() -> None:
    item = {"id": {"S": "a"}}
    calls = Script(failed("ConditionalCheckFailedException", Item=item))
    with pytest.raises(ConditionFailedError) as caught:
        await Store(calls, NAMES).put(tables.User, item, condition=tables.User.id.does_not_exist())
    assert caught.value.item == item
    assert str(caught.value) == "the stored row does not meet the condition"
    assert calls.asked[0] == (
        "put_item",
        {
            "TableName": "unit-User",
            "Item": item,
            "ConditionExpression": "attribute_not_exists (#0)",
            "ExpressionAttributeNames": {"#0": "id"},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
    )


async def test_another_failure_is_passed_on() -> None:
    with pytest.raises(ClientError):
        await Store(Script(failed("ThrottlingException")), NAMES).delete(tables.User, "a")


async def test_a_page_of_some_range_keys() -> None:
    calls = Script({"Items": [], "ScannedCount": 0})
    since = tables.ServiceRequest.createdAt >= NOW
    await Store(calls, NAMES).query(
        tables.ServiceRequest,
        tables.ServiceRequest.byStatus,
        "PAID",
        limit=1,
        range_condition=since,
        count_only=True,
    )
    asked = calls.asked[0][1]
    assert asked["KeyConditionExpression"] == "(#0 = :0 AND #1 >= :1)"
    assert asked["ExpressionAttributeValues"] == {":0": {"S": "PAID"}, ":1": {"S": "2026-01-05T12:00:00.000Z"}}
    assert (asked["ScanIndexForward"], asked["Select"]) == (True, "COUNT")


async def test_a_row_is_changed_under_its_condition_and_handed_back_as_it_is_then() -> None:
    item = {"id": {"S": "a"}, "username": {"S": "b"}}
    calls = Script({"Attributes": item})
    store = Store(calls, NAMES)
    assert (
        await store.update(tables.User, "a", [tables.User.username.set("b")], condition=tables.User.id.exists())
        == item
    )
    assert calls.asked == [
        (
            "update_item",
            {
                "TableName": "unit-User",
                "Key": {"id": {"S": "a"}},
                "UpdateExpression": "SET #0 = :0",
                "ConditionExpression": "attribute_exists (#1)",
                "ExpressionAttributeNames": {"#0": "username", "#1": "id"},
                "ExpressionAttributeValues": {":0": {"S": "b"}},
                "ReturnValues": "ALL_NEW",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            },
        )
    ]


async def test_a_row_is_removed_under_its_condition_and_handed_back_as_it_was() -> None:
    item = {"id": {"S": "a"}}
    calls = Script({"Attributes": item}, {})
    store = Store(calls, NAMES)
    assert await store.delete(tables.User, "a", condition=tables.User.id.exists()) == item
    assert await store.delete(tables.User, "a") is None
    assert calls.asked[0] == (
        "delete_item",
        {
            "TableName": "unit-User",
            "Key": {"id": {"S": "a"}},
            "ConditionExpression": "attribute_exists (#0)",
            "ExpressionAttributeNames": {"#0": "id"},
            "ReturnValues": "ALL_OLD",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        },
    )
