"""Rows of the former app are copied, on an engine within this process."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.migration.former import Oddity, without_nulls
from models.storage.store import Item
from models.tables import Rating, Service, Table, Transaction, User
from models.transactions.migration import copies
from models.transactions.migration.copies import Copied
from tests.chaos.books import rows
from tests.chaos.faults import Fault, each_write
from tests.unit.builders import ALICE, BOB, REQUEST_ID, SERVICE_ID
from tests.unit.former_app import amplify, former_exchange, former_member, former_service
from tests.unit.models.migration.migrating import Migrating, migrating, text

LATER, LATEST = "2026-01-06T12:00:00.000Z", "2026-01-07T12:00:00.000Z"


@pytest.fixture
async def apps() -> AsyncIterator[Migrating]:
    async with migrating() as opened:
        yield opened


def exchange(**changes: Any) -> Item:
    return former_exchange(REQUEST_ID, consumer=ALICE, provider=BOB, service=SERVICE_ID, **changes)


async def only(apps: Migrating, table: type[Table]) -> Item:
    (item,) = await rows(apps.here, table)
    return item


async def test_a_row_is_stored_as_ours_are(apps: Migrating) -> None:
    assert await apps.copies.copy(Service, [former_service("s", BOB)]) == Copied(written=1, oddities=())
    item = await only(apps, Service)
    assert (text(item, "userId"), text(item, "__typename")) == (BOB, "Service")
    assert {"owner", "requiresScheduling", "custody"}.isdisjoint(item)


async def test_a_members_hours_stay_with_the_former_app(apps: Migrating) -> None:
    await apps.copies.copy(User, [former_member(ALICE)])
    assert text(await only(apps, User), "custody") == "FORMER_APP"


async def test_what_is_here_is_copied_again_only_if_it_is_newer(apps: Migrating) -> None:
    await apps.copies.copy(Service, [former_service("s", BOB)])
    assert (await apps.copies.copy(Service, [former_service("s", BOB, title="The same")])).written == 0
    newer = former_service("s", BOB, title="Hedges", updatedAt=LATER)
    assert (await apps.copies.copy(Service, [newer])).written == 1
    assert text(await only(apps, Service), "title") == "Hedges"


async def test_a_moment_that_another_program_wrote_may_be_spelt_in_another_way(apps: Migrating) -> None:
    spelt = former_service("s", BOB, updatedAt="2025-01-01T10:00:00Z")
    await apps.copies.copy(Service, [spelt])
    newer = former_service("s", BOB, title="Hedges", updatedAt=LATER)
    assert (await apps.copies.copy(Service, [newer])).written == 1
    assert text(await only(apps, Service), "title") == "Hedges"


async def test_who_was_taken_over_keeps_their_row(apps: Migrating) -> None:
    await apps.put(User, former_member(ALICE))
    await apps.copied()
    await apps.openings.open(ALICE)
    before = await only(apps, User)
    assert (await apps.copies.copy(User, [former_member(ALICE, updatedAt=LATEST)])).written == 0
    assert await only(apps, User) == before


async def test_who_has_left_here_is_not_copied_again(apps: Migrating) -> None:
    await apps.put(User, former_member(ALICE))
    await apps.copied()
    await apps.openings.open(ALICE)
    await apps.here.delete(User, ALICE)
    there = await apps.member(ALICE) | {"updatedAt": {"S": LATEST}}
    assert await apps.copies.copy(User, [there]) == Copied(written=0, oddities=())
    assert await rows(apps.here, User) == []


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT])
async def test_many_rows_are_copied_once_whatever_fails(apps: Migrating, fault: Fault) -> None:
    services = [former_service(str(number), BOB) for number in range(60)]
    apps.calls.plan = each_write(fault)
    await apps.copies.copy(Service, services)
    assert len(await rows(apps.here, Service)) == 60
    written = [call for call in apps.calls.made if call.writes]
    assert len(written) == 3 + (fault is not Fault.LOST)


async def test_long_rows_are_written_few_at_once(apps: Migrating) -> None:
    services = [former_service(str(number), BOB, description="x" * 300_000) for number in range(5)]
    assert (await apps.copies.copy(Service, services)).written == 5
    assert len([call for call in apps.calls.made if call.writes]) == 2
    assert (await apps.copies.copy(Service, [])).written == 0


async def test_each_transaction_has_its_token_and_as_many_bytes_as_it_may(
    apps: Migrating, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = [former_service(str(number), BOB) for number in range(4)]
    length = len(json.dumps(without_nulls(services[0], Service.get_attributes())))
    monkeypatch.setattr(copies, "_MOST_BYTES", 2 * length)
    sent: list[Any] = []
    upstream = apps.engine.call

    async def call(service: str, operation: str, **params: Any) -> Any:
        sent.extend([params] if operation == "transact_write_items" else [])
        return await upstream(service, operation, **params)

    apps.engine.call = call  # type: ignore[method-assign]  # for this test only
    assert (await apps.copies.copy(Service, services)).written == 4
    assert [len(params["TransactItems"]) for params in sent] == [2, 2]
    assert len({params["ClientRequestToken"] for params in sent}) == 2


async def test_who_changes_a_row_meanwhile_is_not_written_over(apps: Migrating) -> None:
    await apps.copies.copy(Service, [former_service("s", BOB)])
    upstream, left = apps.engine.call, [True]

    async def call(service: str, operation: str, **params: Any) -> Any:
        if operation == "transact_write_items" and left:
            left.clear()
            await apps.here.put(Service, former_service("s", BOB, title="Here", updatedAt=LATEST))
        return await upstream(service, operation, **params)

    apps.engine.call = call  # type: ignore[method-assign]  # for this test only
    await apps.copies.copy(Service, [former_service("s", BOB, title="There", updatedAt=LATER)])
    assert text(await only(apps, Service), "title") == "Here"


@pytest.mark.parametrize("status", ["COMPLETED", "CANCELLED"])
async def test_an_exchange_is_copied_once_it_has_ended(apps: Migrating, status: str) -> None:
    assert (await apps.copies.copy(Transaction, [exchange(status=status)])).written == 1


@pytest.mark.parametrize(
    "row",
    [
        exchange(),
        exchange(status="IN_PROGRESS"),
        exchange(status="CANCELLED", heldBy="unit"),
        exchange(status="CANCELLED", heldBy="another"),
    ],
)
async def test_one_that_is_open_or_was_taken_over_is_not(apps: Migrating, row: Item) -> None:
    assert await apps.copies.copy(Transaction, [row]) == Copied(written=0, oddities=())


@pytest.mark.parametrize(
    ("table", "row", "why"),
    [
        (User, former_member(ALICE, email=None), "email is missing"),
        (User, former_member(ALICE, "0.001"), "bankHours: 0.001 is not a multiple of 0.01 hours"),
        (Transaction, exchange(status="DONE"), "status is DONE, which is none of"),
        (Service, former_service(ALICE, BOB, isActive="yes"), "isActive: "),
        (
            Rating,
            amplify("Rating", id=ALICE, raterId=ALICE, ratedUserId=BOB, rating=5),
            "transactionId is missing",
        ),
        (Service, {**former_service(ALICE, BOB), "tags": {"L": [{"B": b"x"}]}}, "tags: "),
        (Service, former_service(ALICE, BOB, updatedAt="yesterday"), "updatedAt: "),
        (Service, former_service(ALICE, BOB, updatedAt="0001-01-01T00:00:00+14:00"), "updatedAt: "),
        (Service, former_service(ALICE, BOB, hourlyRate=0), "hourlyRate is 0.00: nobody can ask for a service"),
        (Service, former_service(ALICE, BOB, hourlyRate=-1.5), "hourlyRate is -1.50: nobody can ask"),
    ],
)
async def test_what_our_table_cannot_hold_is_told(apps: Migrating, table: Any, row: Item, why: str) -> None:
    copied = await apps.copies.copy(table, [row])
    (oddity,) = copied.oddities
    assert (copied.written, oddity.table, oddity.id) == (0, table.Meta.table_name, row["id"]["S"])
    assert oddity.why.startswith(why)
    assert isinstance(oddity, Oddity)
    assert await rows(apps.here, table) == []
