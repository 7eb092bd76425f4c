"""The store on a real engine: its operations mean there what its docstrings say."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from models import clock, tables
from models.storage.async_calls import AsyncCalls
from models.storage.codec import item_of
from models.storage.names import Names
from models.storage.store import ConditionFailedError, Item, Store
from models.transactions.moves import Transactions
from models.transactions.writing import Writing
from tests.chaos.faults import cancelled
from tests.unit.builders import NOW, hours, make_balance


@pytest.fixture
async def store(names: Names) -> AsyncIterator[Store]:
    async with AsyncCalls(["dynamodb"]) as calls:
        yield Store(calls, names)


def notice(user_id: str, number: int = 0, **more: object) -> Item:
    moment = NOW + timedelta(seconds=number)
    dated = {"createdAt": moment, "updatedAt": moment}
    return item_of(tables.Notification, id=str(uuid4()), userId=user_id, isRead=False, **dated, **more)


async def test_a_row_is_what_was_put_and_gone_when_it_is_deleted(store: Store) -> None:
    item = notice("alice", title="Hello", message="é" * 500)
    key = item["id"]["S"]
    await store.put(tables.Notification, item)
    assert await store.get(tables.Notification, key, consistent=True) == item
    assert await store.delete(tables.Notification, key) == item
    assert await store.get(tables.Notification, key, consistent=True) is None
    assert await store.delete(tables.Notification, key) is None


async def test_a_condition_that_fails_changes_nothing_and_hands_the_row_over(store: Store) -> None:
    item = notice("alice", title="Hello")
    key = item["id"]["S"]
    await store.put(tables.Notification, item, condition=tables.Notification.id.does_not_exist())
    other = {**item, "title": {"S": "Other"}}
    with pytest.raises(ConditionFailedError) as failed:
        await store.put(tables.Notification, other, condition=tables.Notification.id.does_not_exist())
    assert failed.value.item == item
    unread = tables.Notification.isRead == True  # noqa: E712 — a condition
    with pytest.raises(ConditionFailedError):
        await store.update(tables.Notification, key, [tables.Notification.title.set("Other")], condition=unread)
    with pytest.raises(ConditionFailedError):
        await store.delete(tables.Notification, key, condition=unread)
    with pytest.raises(ConditionFailedError) as absent:
        await store.update(
            tables.Notification,
            "none",
            [tables.Notification.title.set("x")],
            condition=tables.Notification.id.exists(),
        )
    assert absent.value.item is None
    assert await store.get(tables.Notification, key, consistent=True) == item


async def test_an_update_gives_the_row_as_it_is_then(store: Store) -> None:
    item = notice("alice", title="Hello", message="World")
    actions = [tables.Notification.title.set("Other"), tables.Notification.message.remove()]
    await store.put(tables.Notification, item)
    updated = await store.update(tables.Notification, item["id"]["S"], actions)
    assert updated == {**{n: w for n, w in item.items() if n != "message"}, "title": {"S": "Other"}}


@pytest.mark.parametrize("amount", ["0.01", "10", "9999.99", "1000000000", "0.10"])
async def test_hours_come_back_exactly(store: Store, amount: str) -> None:
    balance = make_balance(str(uuid4()), amount)
    writing = Writing(store.names, clock.now())
    writing.create(tables.UserBalance, balance)
    await Transactions(store, clock.now).write(writing, str(uuid4()))
    item = await store.get(tables.UserBalance, balance.user_id, consistent=True)
    assert item is not None
    assert tables.UserBalance.availableBalance.deserialize(item["availableBalance"]["N"]) == hours(amount)


async def test_more_keys_than_one_batch_has_room_for_come_in_the_order_asked(store: Store) -> None:
    items = [notice("bob", number) for number in range(130)]
    await asyncio.gather(*(store.put(tables.Notification, item) for item in items))
    reads = [(tables.Notification, item["id"]["S"]) for item in items]
    found = await store.batch_get(
        [*reads, (tables.Notification, "none"), reads[0], (tables.EventLog, "none")], consistent=True
    )
    assert found == [*items, None, items[0], None]


async def test_pages_of_an_index_are_whole_and_in_order_either_way(store: Store) -> None:
    reader = str(uuid4())
    items = [notice(reader, number, title=str(number % 2)) for number in range(7)]
    for item in items:
        await store.put(tables.Notification, item)
    for forward in (True, False):
        found: list[Item] = []
        start_key = None
        while True:
            page = await store.query(
                tables.Notification,
                tables.Notification.byUserId,
                reader,
                limit=3,
                forward=forward,
                start_key=start_key,
            )
            found += page.items
            if (start_key := page.last_key) is None:
                break
        assert found == (items if forward else items[::-1])
    since = tables.Notification.createdAt >= NOW + timedelta(seconds=5)
    page = await store.query(
        tables.Notification, tables.Notification.byUserId, reader, limit=10, range_condition=since
    )
    assert page.items == items[5:]
    odd = tables.Notification.title == "1"
    page = await store.query(tables.Notification, tables.Notification.byUserId, reader, limit=4, filter=odd)
    assert (page.items, page.read) == ([items[1], items[3]], 4)
    counted = await store.query(
        tables.Notification, tables.Notification.byUserId, reader, limit=10, count_only=True
    )
    assert (counted.items, counted.read) == ([], 7)


async def test_a_transaction_is_whole_or_not_at_all_and_its_token_is_good_once(store: Store) -> None:
    first, second = notice("carol"), notice("carol")
    transactions = Transactions(store, clock.now)
    writing, token = Writing(store.names, clock.now()), str(uuid4())
    writing.put(tables.Notification, first)
    for _ in range(2):
        await transactions.write(writing, token)
    both = Writing(store.names, clock.now())
    both.put(tables.Notification, second)
    both.put(tables.Notification, first)
    with pytest.raises(ClientError) as refused:
        await transactions.write(both, str(uuid4()))
    reasons = [reason["Code"] for reason in refused.value.response["CancellationReasons"]]
    assert reasons == ["None", "ConditionalCheckFailed"]
    assert refused.value.response["Error"]["Code"] == cancelled("any").response["Error"]["Code"]
    assert await store.get(tables.Notification, second["id"]["S"], consistent=True) is None
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        await transactions.write(both, token)
