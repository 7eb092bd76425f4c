"""Open exchanges of the former app become requests, and end there as they ended here, on an engine in memory."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.errors import Code
from models.hours import ZERO
from models.migration.former import Oddity
from models.migration.returning import wind_up
from models.requests.request import Request
from models.requests.statuses import RequestStatus
from models.storage.codec import decode, encode
from models.storage.store import Item
from models.tables import Booking, Escrow, Service, ServiceRequest, Table, Transaction, User
from models.transactions.moves import Moved
from tests.chaos.books import rows
from tests.chaos.faults import Fault, each_write
from tests.unit.builders import ALICE, BOB, REQUEST_ID, SERVICE_ID, hours, make_request
from tests.unit.former_app import amplify, former_exchange, former_member, former_service
from tests.unit.models.migration.migrating import Migrating, migrating, text
from tests.unit.stored import overtake

ARN = "arn:aws:states:us-east-1:000000000000:execution:unit-ServiceRequestWorkflow:r"


def exchange(**changes: Any) -> Item:
    return former_exchange(REQUEST_ID, consumer=ALICE, provider=BOB, service=SERVICE_ID, **changes)


@pytest.fixture
async def apps() -> AsyncIterator[Migrating]:
    async with migrating() as opened:
        await opened.put(User, former_member(ALICE, "7.5"), former_member(BOB, "0"))
        await opened.put(Service, former_service(SERVICE_ID, BOB))
        await opened.copied()
        for member in (ALICE, BOB):
            await opened.openings.open(member)
        yield opened


async def adopt(apps: Migrating, **changes: Any) -> Request | Oddity | None:
    await apps.put(Transaction, exchange(**changes))
    return await apps.adoptions.adopt(REQUEST_ID, execution_arn=ARN)


async def test_a_pending_exchange_becomes_a_request_that_holds_nothing_yet(apps: Migrating) -> None:
    request = await adopt(apps)
    assert isinstance(request, Request)
    (stored,) = await rows(apps.here, ServiceRequest)
    assert decode(Request, ServiceRequest, stored) == request
    assert (request.status, request.step_function_execution_arn) == (RequestStatus.INITIATED, ARN)
    (here,) = await rows(apps.here, Transaction)
    assert [text(here, name) for name in ("id", "status", "hoursSpent")] == [REQUEST_ID, "PENDING", "2"]
    assert text(here, "description") == "The hedge, please"
    there = await apps.exchange(REQUEST_ID)
    assert [text(there, name) for name in ("status", "heldBy", "statusBefore")] == ["CANCELLED", "unit", "PENDING"]
    assert await rows(apps.here, Escrow) == []


async def test_one_that_has_begun_holds_its_hours(apps: Migrating) -> None:
    request = await adopt(apps, status="IN_PROGRESS")
    assert isinstance(request, Request)
    balance = await apps.balance(ALICE)
    assert (balance.available_balance, balance.escrowed_balance) == (hours("5.5"), hours("2"))
    assert await apps.hours() == (ZERO, hours("7.5"))
    (escrow,) = await rows(apps.here, Escrow)
    assert (text(escrow, "id"), text(escrow, "stepFunctionExecutionArn")) == (request.escrow_id, ARN)
    assert (await apps.entries(ALICE))[-1].step_function_execution_arn == ARN
    assert text(await apps.exchange(REQUEST_ID), "statusBefore") == "IN_PROGRESS"


@pytest.mark.parametrize("status", ["PENDING", "IN_PROGRESS"])
@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT, Fault.THROTTLED])
async def test_it_is_done_once_whatever_fails(apps: Migrating, status: str, fault: Fault) -> None:
    apps.calls.plan = each_write(fault)
    request = await adopt(apps, status=status)
    assert await apps.adoptions.adopt(REQUEST_ID, execution_arn=ARN) == request
    assert len(await rows(apps.here, Escrow)) == (status == "IN_PROGRESS")
    assert await apps.hours() == (ZERO, hours("7.5"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"hours": "8", "status": "IN_PROGRESS"}, f"{Code.INSUFFICIENT_BALANCE}: 8.00 hours are needed and 7.50"),
        ({"providerId": "nobody"}, f"{Code.USER_NOT_ACTIVE}: providerId: there is no such member"),
        ({"serviceId": "none"}, f"{Code.SERVICE_NOT_AVAILABLE}: serviceId: there is no such service"),
        ({"bookingId": "none"}, f"{Code.BAD_REQUEST}: bookingId: there is no booking"),
        ({"hours": "0.001"}, "hoursSpent: 0.001 is not a multiple of 0.01 hours"),
        ({"status": "DONE"}, "status is DONE, which is none of"),
    ],
)
async def test_what_can_be_no_request_is_left(apps: Migrating, changes: Any, why: str) -> None:
    oddity = await adopt(apps, **changes)
    assert isinstance(oddity, Oddity)
    assert (oddity.table, oddity.id) == ("Transaction", REQUEST_ID)
    assert oddity.why.startswith(why)
    assert await apps.exchange(REQUEST_ID) == exchange(**changes)
    assert await rows(apps.here, ServiceRequest) == []
    assert await apps.hours() == (ZERO, hours("7.5"))


async def test_it_waits_for_both_members(apps: Migrating) -> None:
    await apps.openings.close(BOB)
    oddity = await adopt(apps)
    assert isinstance(oddity, Oddity)
    assert oddity.why.startswith("HOURS_NOT_HERE_YET: providerId")


@pytest.mark.parametrize("status", ["COMPLETED", "CANCELLED"])
async def test_what_has_ended_is_no_request(apps: Migrating, status: str) -> None:
    assert await adopt(apps, status=status) is None
    assert await apps.adoptions.adopt("none", execution_arn=ARN) is None


@pytest.mark.parametrize(
    ("changes", "spent"),
    [({"status": "COMPLETED"}, None), ({"status": "IN_PROGRESS"}, "2"), ({"hours": "3"}, "3")],
)
async def test_one_that_changes_meanwhile_is_looked_at_again(
    apps: Migrating, changes: Any, spent: str | None
) -> None:
    await apps.put(Transaction, exchange())
    overtake(apps, lambda: apps.put(Transaction, exchange(**changes)))
    request = await apps.adoptions.adopt(REQUEST_ID, execution_arn=ARN)
    assert not isinstance(request, Oddity)
    assert (request and request.asked) == (spent and hours(spent))
    assert len(await rows(apps.here, Escrow)) == (changes.get("status") == "IN_PROGRESS")


async def test_one_that_another_deployment_has_taken_over_is_not_taken_from_it(apps: Migrating) -> None:
    why = "another deployment, another, keeps it"
    assert await adopt(apps, heldBy="another") == Oddity(table="Transaction", id=REQUEST_ID, why=why)
    assert await rows(apps.here, ServiceRequest) == []


async def test_one_that_another_deployment_takes_over_meanwhile_is_left_to_it(apps: Migrating) -> None:
    await apps.put(Transaction, exchange())
    overtake(apps, lambda: apps.put(Transaction, exchange(heldBy="another")))
    assert isinstance(await apps.adoptions.adopt(REQUEST_ID, execution_arn=ARN), Oddity)
    assert await rows(apps.here, ServiceRequest) == []


async def test_its_booking_goes_with_it(apps: Migrating) -> None:
    booking = amplify("Booking", id="b", serviceId=SERVICE_ID, providerId=BOB, consumerId=ALICE)
    await apps.here.put(Booking, booking)
    request = await adopt(apps, bookingId="b")
    assert isinstance(request, Request)
    assert request.booking_id == "b"
    (stored,) = await rows(apps.here, Booking)
    assert text(stored, "bookingTransactionId") == REQUEST_ID


@pytest.mark.parametrize(
    ("table", "row"),
    [(Transaction, exchange()), (ServiceRequest, encode(ServiceRequest, make_request(exchange_id="older")))],
)
async def test_an_id_that_another_request_has_is_left(apps: Migrating, table: type[Table], row: Item) -> None:
    await apps.here.put(table, row)
    oddity = await adopt(apps)
    assert oddity == Oddity(table="Transaction", id=REQUEST_ID, why="another request here has this id")


async def ended(apps: Migrating, **changes: Any) -> Item:
    """Adopt an exchange, end its request, and return our row of it."""
    await adopt(apps, **changes)
    assert isinstance(await apps.transactions.move(REQUEST_ID, wind_up), Moved)
    (row,) = await rows(apps.here, Transaction)
    return row


@pytest.mark.parametrize("fault", [Fault.UNSENT, Fault.LOST, Fault.CONFLICT])
async def test_what_became_of_it_is_written_back(apps: Migrating, fault: Fault) -> None:
    row = await ended(apps, status="IN_PROGRESS", owner=ALICE) | {"hoursSpent": {"N": "1.5"}}
    apps.calls.plan = each_write(fault)
    assert await apps.adoptions.give_back(row) is None
    there = await apps.exchange(REQUEST_ID)
    assert [text(there, name) for name in ("status", "hoursSpent", "owner")] == ["CANCELLED", "1.5", ALICE]
    assert {"heldBy", "statusBefore"}.isdisjoint(there)
    assert await apps.adoptions.give_back(row) is None
    assert await apps.exchange(REQUEST_ID) == there


async def test_a_row_is_written_back_without_its_key_which_dynamodb_would_refuse_to_set(apps: Migrating) -> None:
    row = await ended(apps)
    upstream, named = apps.engine.call, set[str]()

    async def call(service: str, operation: str, **params: Any) -> Any:
        for item in params.get("TransactItems", ()):
            named.update(item["Update"]["ExpressionAttributeNames"].values())
        return await upstream(service, operation, **params)

    apps.engine.call = call  # type: ignore[method-assign]  # for this test only
    await apps.adoptions.give_back(row)
    assert named == {*row, "heldBy", "statusBefore"} - {"id"}


async def test_what_began_here_is_written_there(apps: Migrating) -> None:
    row = await ended(apps)
    await apps.there.delete(Transaction, REQUEST_ID)
    assert await apps.adoptions.give_back(row) is None
    assert await apps.exchange(REQUEST_ID) == row


async def test_what_is_open_here_is_not_given_back(apps: Migrating) -> None:
    await adopt(apps)
    (row,) = await rows(apps.here, Transaction)
    before = await apps.exchange(REQUEST_ID)
    assert await apps.adoptions.give_back(row) == Oddity(
        table="Transaction", id=REQUEST_ID, why="it is PENDING here"
    )
    assert await apps.exchange(REQUEST_ID) == before


async def test_what_the_former_app_has_stays(apps: Migrating) -> None:
    await apps.put(Transaction, exchange(status="COMPLETED"))
    before = await apps.exchange(REQUEST_ID)
    assert await apps.adoptions.give_back(exchange(status="CANCELLED")) is None
    assert await apps.exchange(REQUEST_ID) == before
