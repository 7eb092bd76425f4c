"""The subscriptions of the app's own schema: whose rows they deliver, and which changes of them."""

from typing import Any

import pytest

from models import clock, tables
from models.changes import ChangeKind
from tests.integration.in_process_server import Client, InProcessServer

ALICE, BOB, CAROL = "alice", "bob", "carol"
STAMP = "2026-01-01T00:00:00.000Z"
EXCHANGE = {"serviceId": "s", "status": "PENDING", "description": "d", "hoursSpent": 1}
MESSAGE = {"conversationId": "c", "content": "Hello", "isRead": False, "messageType": "TEXT"}
BOOKING = {"serviceId": "s", "bookingDate": "2026-03-01", "startTime": "09:00", "endTime": "10:00"}
BOOKING |= {"status": "PENDING", "duration": 1, "totalCost": 1}  # type: ignore[dict-item]  # numbers beside texts
NOTIFICATION = {"type": "SYSTEM_UPDATE", "title": "t", "message": "m", "isRead": False}
SCHEDULE = {"userId": BOB, "dayOfWeek": 1, "startTime": "09:00", "endTime": "17:00", "isActive": True}
# Field, table, the fields that name who is concerned, the rest of a row, and which changes are delivered.
_NEW, _WRITTEN = frozenset({ChangeKind.CREATE}), frozenset({ChangeKind.CREATE, ChangeKind.UPDATE})
OWN = [
    ("onTransactionUpdate", "Transaction", ("consumerId", "providerId"), EXCHANGE, _WRITTEN),
    ("onBookingUpdate", "Booking", ("consumerId", "providerId"), BOOKING, _WRITTEN),
    ("onNewMessage", "Message", ("senderId", "receiverId"), MESSAGE, _NEW),
    ("onNewNotification", "Notification", ("userId",), NOTIFICATION, _NEW),
]


def watching(field: str, user: str) -> str:
    return f'subscription {{ {field}(userId: "{user}") {{ id updatedAt }} }}'


async def write(server: InProcessServer, table: str, key: str, row: dict[str, Any], *, at: str = STAMP) -> None:
    """Write a row as a workflow would."""
    wired = {
        name: _wire(value) for name, value in (row | {"id": key, "createdAt": STAMP, "updatedAt": at}).items()
    }
    (found,) = (one for one in tables.TABLES if one.__name__ == table)
    await server.put(found, **wired)


def _wire(value: Any) -> dict[str, Any]:
    return (
        {"BOOL": value}
        if isinstance(value, bool)
        else {"S": value}
        if isinstance(value, str)
        else {"N": str(value)}
    )


async def next_id(client: Client, field: str) -> str:
    event = await client.event()
    return str(event[field]["id"])


@pytest.mark.parametrize(("field", "table", "parties", "rest", "kinds"), OWN, ids=[case[0] for case in OWN])
async def test_a_member_hears_of_their_own_rows(
    in_process: InProcessServer,
    field: str,
    table: str,
    parties: tuple[str, ...],
    rest: dict[str, Any],
    kinds: frozenset[ChangeKind],
) -> None:
    keys = [f"{field}-{number}" for number in range(len(parties))]
    async with in_process.client("alice") as alice:
        await alice.subscribe(watching(field, ALICE))
        await write(in_process, table, "foreign", rest | dict.fromkeys(parties, CAROL))
        for party, key in zip(parties, keys, strict=True):
            await write(in_process, table, key, rest | dict.fromkeys(parties, BOB) | {party: ALICE})
            assert await next_id(alice, field) == key
        await write(
            in_process, table, keys[0], rest | dict.fromkeys(parties, ALICE), at=clock.to_text(clock.now())
        )
        if ChangeKind.UPDATE in kinds:
            assert await next_id(alice, field) == keys[0]
        else:
            await alice.silence()


@pytest.mark.parametrize("field", [case[0] for case in OWN])
async def test_nobody_hears_of_another_members_rows(in_process: InProcessServer, field: str) -> None:
    async with in_process.client("carol", "admin") as carol:
        await carol.ask(watching(field, ALICE))
        error = await carol.next()
        assert error["type"] == "error"
        assert error["payload"][0]["errorType"] == "Unauthorized"


async def test_everybody_hears_of_a_services_schedule(in_process: InProcessServer) -> None:
    query = 'subscription { onScheduleUpdate(serviceId: "s") { id endTime } }'
    async with in_process.client("alice") as alice:
        await alice.subscribe(query)
        await write(in_process, "ServiceSchedule", "elsewhere", SCHEDULE | {"serviceId": "another"})
        await write(in_process, "ServiceSchedule", "monday", SCHEDULE | {"serviceId": "s"})
        assert await next_id(alice, "onScheduleUpdate") == "monday"
        await write(in_process, "ServiceSchedule", "monday", SCHEDULE | {"serviceId": "s", "endTime": "18:00"})
        assert (await alice.event())["onScheduleUpdate"]["endTime"] == "18:00"
        table = in_process.store.names.table(
            next(one for one in tables.TABLES if one.__name__ == "ServiceSchedule")
        )
        await in_process.store.calls.call("dynamodb", "delete_item", TableName=table, Key={"id": {"S": "monday"}})
        assert await next_id(alice, "onScheduleUpdate") == "monday"
