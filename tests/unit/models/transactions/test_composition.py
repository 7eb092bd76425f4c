"""What each step writes, on an engine within this process: as the bank in memory says, on rows as they were."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from models.clock import to_text
from models.errors import Refusal
from models.exchanges.asking import ask_for_hours
from models.identifiers import derived
from models.requests import answers
from models.requests.decision import Change
from models.requests.statuses import RequestStatus
from models.storage.codec import item_of
from models.storage.store import Item, key_of
from models.tables import (
    Booking,
    Dispute,
    Escrow,
    RequestGuard,
    Service,
    ServiceRequest,
    Table,
    Transaction,
    User,
    UserBalance,
)
from models.transactions.composition import compose
from models.transactions.moves import Moved
from models.transactions.writing import Writing
from tests.chaos.books import rows
from tests.unit.builders import (
    ALICE,
    BOB,
    NOW,
    REQUEST_ID,
    SERVICE_ID,
    Bank,
    execution_of,
    hours,
    make_dispute,
    make_request,
)
from tests.unit.models.requests.every_step import RULES, dispute_of, steps_taken
from tests.unit.models.transactions.test_moves import overtaken, writes
from tests.unit.places import DISPUTE_RULES, REQUEST_RULES, bank_at
from tests.unit.stored import (
    NAMES,
    Rows,
    Stored,
    laid_out_events,
    laid_out_notices,
    stored,
    without,
    written,
    written_anew,
)


@pytest.mark.parametrize(("place", "event"), steps_taken())
async def test_what_is_stored_is_what_the_bank_in_memory_says(place: str, event: str) -> None:
    bank = bank_at(place)
    bank.pass_time(1)
    async with stored(bank) as tables:
        before = await tables.read()
        events, notices, counts = len(bank.events), len(bank.notices), Counter(bank.counts)
        moved = await tables.transactions.move(REQUEST_ID, RULES[event], dispute_id=dispute_of(event))
        verdict = bank.move(RULES[event])
        if isinstance(verdict, Refusal):
            assert (moved, await tables.read(), await tables.announcements()) == (verdict, before, ([], []))
            return
        assert isinstance(moved, Moved)
        assert isinstance(verdict, Change)
        assert moved.request == bank.requests[REQUEST_ID]
        assert await tables.read() == _expected(bank, before, is_counted=bank.counts != counts)
        logged, notified = await tables.announcements()
        assert without(logged, "id") == without([*laid_out_events(bank, events, execution_of(verdict))])
        assert without(notified, "id") == without([*laid_out_notices(bank, notices, REQUEST_ID)])


def _expected(bank: Bank, before: Rows, *, is_counted: bool) -> Rows:
    """Return a bank's rows, members dated if they were counted; a guard that was there stays as it was put."""
    counted = {"updatedAt": {"S": to_text(bank.now if is_counted else NOW)}}
    expected = written(bank)
    return {
        **expected,
        "User": {key: {**user, **counted} for key, user in expected["User"].items()},
        "RequestGuard": {
            key: before["RequestGuard"].get(key, guard) for key, guard in expected["RequestGuard"].items()
        },
    }


# For each kind of write, what must still be as it was; "gone" is the "there" that there is one already.
RESTS_ON: dict[tuple[str, str], dict[str, Any]] = {
    ("Update", "ServiceRequest"): {"version": 99, "status": "EXPIRED", "gone": None},
    ("Update", "UserBalance"): {"version": 99, "gone": None},
    ("Update", "Escrow"): {"version": 99, "status": "RELEASED", "amount": hours("1.99"), "gone": None},
    ("Update", "Dispute"): {"version": 99, "gone": None},
    ("Update", "User"): {"gone": None},
    # It follows its request, whatever it says by itself.
    ("Update", "Transaction"): {},
    ("ConditionCheck", "Service"): {"isActive": False, "hourlyRate": hours("1.01"), "userId": "eve", "gone": None},
    ("ConditionCheck", "User"): {"isActive": False, "gone": None},
    ("Delete", "RequestGuard"): {"requestId": "another"},
    ("Put", ""): {"there": None},
}
TABLES: dict[str, type[Table]] = {
    table.Meta.table_name: table
    for table in (ServiceRequest, UserBalance, Escrow, Dispute, User, Service, RequestGuard)
}
MONEY = (
    ("VALIDATING", "hold"),
    ("AWAITING", "cancel"),
    ("AWAITING", "accept"),
    ("AWAITING late", "expire"),
    ("AWAITING rejected", "refund"),
    ("AWAITING accepted", "await start"),
    ("NEGOTIATING", "take"),
    ("NEGOTIATING", "counter"),
    ("ACCEPTED", "withdraw"),
    ("COMPLETED", "pay"),
    ("PAID", "rate"),
    ("COMPLETED", "pay out"),
    ("AWAITING", "give back"),
    ("IN_PROGRESS", "dispute"),
    ("PAID rated", "object"),
    ("DISPUTED", "assign"),
    ("DISPUTED assigned", "divide"),
    ("DISPUTED decided", "resolve"),
    ("DISPUTED paid decided", "resolve"),
)


@pytest.mark.parametrize(("place", "event"), MONEY)
async def test_a_step_is_not_written_on_rows_that_are_others_by_then(place: str, event: str) -> None:
    bank = bank_at(place)
    snapshot = bank.snapshot(bank.requests[REQUEST_ID], dispute_of(event))
    change = RULES[event](snapshot, bank.now)
    assert isinstance(change, Change)
    writing = Writing(NAMES, bank.now)
    assert compose(writing, snapshot, change, bank.now) is None
    for item in writing.items:
        ((operation, params),) = item.items()
        name = params["TableName"].removeprefix("unit-")
        rests_on = RESTS_ON["Put", ""] if operation == "Put" else RESTS_ON[operation, name]
        for attribute, value in rests_on.items():
            async with stored(bank) as tables:
                await _disturb(tables, params, attribute, value)
                before = await tables.read()
                with pytest.raises(ClientError, match="ConditionalCheckFailed"):
                    await tables.transactions.write(writing, "token")
                assert await tables.read() == before, f"{operation} {name} without its {attribute}"


async def _disturb(tables: Stored, params: dict[str, Any], attribute: str, value: Any) -> None:
    """Make one row another than the one that a write rests on."""
    name = params["TableName"].removeprefix("unit-")
    if attribute == "there":
        await tables.engine.call("dynamodb", "put_item", TableName=params["TableName"], Item=params["Item"])
        return
    key = params["Key"][key_of(TABLES[name]).attr_name]["S"]
    if attribute == "gone":
        await tables.undisturbed.delete(TABLES[name], key)
        return
    await tables.change(TABLES[name], key, **{attribute: value})


async def stored_exchange(tables: Stored, key: str = REQUEST_ID) -> Item:
    found = await tables.undisturbed.get(Transaction, key, consistent=True)
    assert found is not None
    anew: Item = written_anew(found)
    return anew


async def make_older(tables: Stored, *, exchange_id: str | None = None) -> None:
    """Make the stored request one from before requests had exchanges."""
    await tables.change(ServiceRequest, REQUEST_ID, exchangeId=None, asked=None)
    found = await tables.undisturbed.get(Transaction, REQUEST_ID, consistent=True)
    assert found is not None
    await tables.undisturbed.delete(Transaction, REQUEST_ID)
    if exchange_id is not None:
        await tables.put(Transaction, {**found, "id": {"S": exchange_id}})


@pytest.mark.parametrize(
    ("place", "event", "status"),
    [
        ("AWAITING", "accept", "PENDING"),
        ("AWAITING accepted", "await start", "IN_PROGRESS"),
        ("AWAITING", "cancel", "CANCELLED"),
        ("COMPLETED", "pay", "COMPLETED"),
    ],
)
async def test_an_older_request_has_its_exchange_when_it_next_moves(place: str, event: str, status: str) -> None:
    bank = bank_at(place)
    async with stored(bank) as tables:
        await make_older(tables)
        assert isinstance(await tables.transactions.move(REQUEST_ID, REQUEST_RULES[event]), Moved)
        bank.move(REQUEST_RULES[event])
        found = await stored_exchange(tables)
        whole = written(bank)["Transaction"][REQUEST_ID]
        assert found == {**whole, "status": {"S": status}, "updatedAt": found["updatedAt"]}
        assert found["description"] == {"S": "Garden help"}
        moved = await tables.transactions.read(REQUEST_ID)
        assert moved is not None
        assert moved.exchange_id == REQUEST_ID


async def test_an_older_request_whose_service_is_gone_is_of_a_service() -> None:
    bank = bank_at("AWAITING")
    async with stored(bank) as tables:
        await make_older(tables)
        await tables.undisturbed.delete(Service, SERVICE_ID)
        await tables.transactions.move(REQUEST_ID, REQUEST_RULES["accept"])
        assert (await stored_exchange(tables))["description"] == {"S": "a service"}
        await tables.put(Service, written(bank)["Service"][SERVICE_ID])
        await tables.transactions.move(REQUEST_ID, REQUEST_RULES["await start"])
        assert (await stored_exchange(tables))["description"] == {"S": "a service"}


async def test_what_was_paid_before_keeps_its_exchange_and_its_rating() -> None:
    bank = bank_at("PAID rated")
    old = derived(REQUEST_ID, "exchange")
    async with stored(bank) as tables:
        await make_older(tables, exchange_id=old)
        await tables.change(Transaction, old, ratingId="r", rating=4.0, hoursSpent=hours("2"))
        rule = DISPUTE_RULES["dispute"]
        moved = await tables.transactions.move(REQUEST_ID, rule, dispute_id=make_dispute().id)
        assert isinstance(moved, Moved)
        assert moved.request.exchange_id == old
        found = await stored_exchange(tables, old)
        assert (found["status"], found["ratingId"]) == ({"S": "IN_PROGRESS"}, {"S": "r"})
        assert await tables.undisturbed.get(Transaction, REQUEST_ID, consistent=True) is None


async def test_an_exchange_that_is_missing_is_put_whole() -> None:
    bank = bank_at("PAID rated")
    async with stored(bank) as tables:
        await make_older(tables)
        await tables.change(ServiceRequest, REQUEST_ID, bookingId="b")
        moved = await tables.transactions.move(REQUEST_ID, DISPUTE_RULES["dispute"], dispute_id=make_dispute().id)
        assert isinstance(moved, Moved)
        found = await stored_exchange(tables, derived(REQUEST_ID, "exchange"))
        assert (found["hoursSpent"], found["bookingId"]) == ({"N": "2"}, {"S": "b"})


async def test_hours_are_held_for_a_service_without_a_price_at_the_usual_one() -> None:
    async with stored(bank_at("VALIDATING")) as tables:
        await tables.change(Service, SERVICE_ID, hourlyRate=None)
        moved = await tables.transactions.move(REQUEST_ID, REQUEST_RULES["hold"])
        assert isinstance(moved, Moved)
        assert (moved.request.agreed_rate, moved.request.amount) == (hours("1"), hours("2"))


async def test_a_price_that_is_taken_away_meanwhile_is_the_usual_one() -> None:
    bank = bank_at("VALIDATING")
    bank.services[SERVICE_ID] = replace(bank.services[SERVICE_ID], hourly_rate=hours("0.5"))
    async with overtaken(
        bank, writes, lambda tables: tables.change(Service, SERVICE_ID, hourlyRate=None)
    ) as tables:
        moved = await tables.transactions.move(REQUEST_ID, REQUEST_RULES["hold"])
        assert isinstance(moved, Moved)
        assert (moved.request.agreed_rate, moved.request.amount) == (hours("1"), hours("2"))


async def test_hours_taken_back_by_a_dispute_stay_paid_and_are_counted_off() -> None:
    bank = bank_at("DISPUTED paid decided")
    async with stored(bank) as tables:
        rule = DISPUTE_RULES["resolve"]
        assert isinstance(await tables.transactions.move(REQUEST_ID, rule), Moved)
        found = await stored_exchange(tables)
        assert (found["status"], found["hoursSpent"]) == ({"S": "COMPLETED"}, {"N": "2"})
        users = (await tables.read())["User"]
        assert (users[ALICE]["hoursConsumed"], users[BOB]["hoursProvided"]) == ({"N": "0"}, {"N": "0"})
        assert users[ALICE]["totalTransactions"] == users[BOB]["totalTransactions"] == {"N": "1"}


async def test_who_has_joined_since_the_payment_is_not_counted_off() -> None:
    bank = bank_at("DISPUTED paid decided")
    async with stored(bank) as tables:
        fresh = {"hoursProvided": None, "totalTransactions": 0, "createdAt": bank.now}
        await tables.change(User, BOB, **fresh)
        assert isinstance(await tables.transactions.move(REQUEST_ID, DISPUTE_RULES["resolve"]), Moved)
        users = (await tables.read())["User"]
        assert "hoursProvided" not in users[BOB]
        assert users[ALICE]["hoursConsumed"] == {"N": "0"}


@pytest.mark.parametrize(
    ("joined", "left"),
    [(None, "0"), (timedelta(0), "0"), (timedelta(seconds=1), "2")],
    ids=["nobody knows when", "just then", "since"],
)
async def test_who_was_a_member_at_the_payment_is_counted_off(joined: timedelta | None, left: str) -> None:
    bank = bank_at("DISPUTED paid decided")
    passages = bank.requests[REQUEST_ID].passages
    paid_at = next(passage.at for passage in passages if passage.status is RequestStatus.PAID)
    async with stored(bank) as tables:
        await tables.change(User, BOB, createdAt=None if joined is None else paid_at + joined)
        assert isinstance(await tables.transactions.move(REQUEST_ID, DISPUTE_RULES["resolve"]), Moved)
        assert (await tables.read())["User"][BOB]["hoursProvided"] == {"N": left}


def booked(**changes: Any) -> Item:
    values = {"id": "b", "serviceId": SERVICE_ID, "providerId": BOB, "consumerId": ALICE, **changes}
    return item_of(Booking, **values)


@pytest.mark.parametrize("earlier", [None, "an-earlier-one"])
@pytest.mark.parametrize("status", [None, "PENDING"])
async def test_a_booking_names_its_first_exchange(earlier: str | None, status: str | None) -> None:
    async with stored(Bank.opened()) as tables:
        await tables.put(Booking, booked(bookingTransactionId=earlier, status=status))
        request = make_request(booking_id="b", asked=hours("2"))
        assert isinstance(await tables.transactions.create(request, ask_for_hours), Moved)
        booking = await tables.undisturbed.get(Booking, "b", consistent=True)
        assert booking is not None
        assert booking["bookingTransactionId"] == {"S": earlier or REQUEST_ID}
        assert ("updatedAt" in booking) is (earlier is None)
        assert (await stored_exchange(tables))["bookingId"] == {"S": "b"}
        assert isinstance(await tables.transactions.move(REQUEST_ID, REQUEST_RULES["cancel"]), Moved)
        assert (await stored_exchange(tables))["bookingId"] == {"S": "b"}


@pytest.mark.parametrize("earlier", [None, "an-earlier-one"])
@pytest.mark.parametrize("status", [None, "PENDING"])
@pytest.mark.parametrize(
    "change",
    [{"serviceId": "x"}, {"providerId": "x"}, {"consumerId": "x"}, {"status": "CANCELLED_BY_PROVIDER"}],
)
async def test_a_booking_that_has_changed_meanwhile_is_looked_at_again(
    earlier: str | None, status: str | None, change: dict[str, str]
) -> None:
    async def disturb(tables: Stored) -> None:
        await tables.put(Booking, booked(**{"bookingTransactionId": earlier, "status": status, **change}))

    async with overtaken(Bank.opened(), writes, disturb) as tables:
        await tables.put(Booking, booked(bookingTransactionId=earlier, status=status))
        request = make_request(booking_id="b", asked=hours("2"))
        refused = await tables.transactions.create(request, ask_for_hours)
        assert isinstance(refused, Refusal)
        assert refused.facts == {"field": "bookingId"} | change if "status" in change else {"field": "bookingId"}


@pytest.mark.parametrize(
    ("earlier", "meanwhile"), [(None, "anothers"), ("an-earlier-one", "anothers"), ("an-earlier-one", None)]
)
async def test_what_a_booking_names_by_then_counts(earlier: str | None, meanwhile: str | None) -> None:
    async def disturb(tables: Stored) -> None:
        await tables.put(Booking, booked(bookingTransactionId=meanwhile))

    async with overtaken(Bank.opened(), writes, disturb) as tables:
        await tables.put(Booking, booked(bookingTransactionId=earlier))
        request = make_request(booking_id="b", asked=hours("2"))
        assert isinstance(await tables.transactions.create(request, ask_for_hours), Moved)
        booking = await tables.undisturbed.get(Booking, "b", consistent=True)
        assert booking is not None
        assert booking["bookingTransactionId"] == {"S": meanwhile or REQUEST_ID}


async def test_a_request_does_not_take_the_id_of_anothers_exchange() -> None:
    async with stored(Bank.opened()) as tables:
        await tables.put(Transaction, item_of(Transaction, id=REQUEST_ID, consumerId=ALICE))
        assert await tables.transactions.create(make_request(), answers.create) is None
        assert await rows(tables.undisturbed, ServiceRequest) == []


async def test_a_request_does_not_take_the_id_of_an_exchange_that_is_made_meanwhile() -> None:
    anothers = item_of(Transaction, id=REQUEST_ID, consumerId=ALICE)
    async with overtaken(Bank.opened(), writes, lambda tables: tables.put(Transaction, anothers)) as tables:
        assert await tables.transactions.create(make_request(), answers.create) is None
        assert await stored_exchange(tables) == anothers
        assert await rows(tables.undisturbed, ServiceRequest) == []
