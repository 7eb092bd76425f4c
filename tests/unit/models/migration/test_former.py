"""What is read of the former app's rows, and what is odd about them."""

from typing import Any

import pytest

from models.hours import ZERO
from models.migration.former import (
    FormerExchange,
    FormerMember,
    Oddity,
    held_by,
    is_open,
    read_exchange,
    read_member,
    row_id,
    without_nulls,
)
from models.requests.statuses import TransactionStatus
from tests.unit.builders import NOW, REQUEST_ID, SERVICE_ID, hours
from tests.unit.former_app import former_exchange, former_member

STACK = "unit"
WRITTEN_SINCE = (
    "bankHours is 0.01, which the former app has written since the hours were taken over; correct the balance "
    "here by processDirectTransfer if hours are missing, and set bankHours to 0 there"
)


def exchange(**changes: Any) -> Any:
    return former_exchange(REQUEST_ID, consumer="alice", provider="bob", service=SERVICE_ID, **changes)


def test_a_member_has_the_hours_of_their_row() -> None:
    member = read_member(former_member("alice", "7.50"), STACK)
    assert member == FormerMember(id="alice", hours=hours("7.5"), taken_over=ZERO, is_held=False)


def test_a_member_who_is_here_says_so() -> None:
    row = former_member("alice", "0", heldBy=STACK) | {"hoursTakenOver": {"N": "7.5"}}
    assert read_member(row, STACK) == FormerMember(id="alice", hours=ZERO, taken_over=hours("7.5"), is_held=True)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (former_member("alice", "-0.01"), "bankHours is -0.01: nobody here can owe hours"),
        (former_member("alice", "7.505"), "bankHours: 7.505 is not a multiple of 0.01 hours"),
        (former_member("alice", "0.1000000000001"), "bankHours: 0.1000000000001 is not a multiple of 0.01 hours"),
        (former_member("alice", None), "bankHours is missing"),
        (former_member("alice") | {"bankHours": {"S": "7"}}, "bankHours is missing"),
        (
            former_member("alice", "0.01", heldBy=STACK),
            WRITTEN_SINCE,
        ),
        (former_member("alice", heldBy="other"), "another deployment, other, keeps this member's hours"),
    ],
)  # fmt: skip
def test_hours_that_no_account_has_are_odd(row: Any, why: str) -> None:
    assert read_member(row, STACK) == Oddity(table="User", id="alice", why=why)


def test_a_member_without_an_id_is_odd() -> None:
    assert read_member(former_member("alice", id=None), STACK) == Oddity(table="User", id="?", why="id is missing")


@pytest.mark.parametrize("status", TransactionStatus)
def test_an_exchange_is_open_until_it_ends(status: TransactionStatus) -> None:
    assert is_open(exchange(status=status.value)) is (status in {"PENDING", "IN_PROGRESS"})


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ("DONE", "status is DONE, which is none of PENDING, IN_PROGRESS, COMPLETED, CANCELLED"),
        (None, "status is missing"),
    ],
)
def test_an_unknown_status_is_odd(status: str | None, why: str) -> None:
    assert is_open(exchange(status=status)) == Oddity(table="Transaction", id=REQUEST_ID, why=why)


def test_an_open_exchange_says_what_its_request_is_about() -> None:
    assert read_exchange(exchange(bookingId="b")) == FormerExchange(
        id=REQUEST_ID,
        provider_id="bob",
        consumer_id="alice",
        service_id=SERVICE_ID,
        hours_spent=hours("2"),
        status=TransactionStatus.PENDING,
        description="The hedge, please",
        created_at=NOW,
        booking_id="b",
    )


def test_an_exchange_is_between_its_consumer_and_its_provider() -> None:
    found = read_exchange(exchange(description=None))
    assert isinstance(found, FormerExchange)
    assert (found.parties, found.description, found.booking_id) == (("alice", "bob"), "", None)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"id": "7"}, "id is no UUID, which a request's is"),
        ({"consumerId": "bob"}, "consumerId and providerId are the same member"),
        ({"consumerId": None}, "consumerId is missing"),
        ({"providerId": ""}, "providerId is missing"),
        ({"serviceId": None}, "serviceId is missing"),
        ({"hours": "0"}, "hoursSpent is 0.00: no request can be of so many hours"),
        ({"hours": "10000.01"}, "hoursSpent is 10000.01: no request can be of so many hours"),
        ({"hours": "1.001"}, "hoursSpent: 1.001 is not a multiple of 0.01 hours"),
        ({"createdAt": "yesterday"}, "createdAt is yesterday, which is no moment"),
        ({"createdAt": None}, "createdAt is missing"),
        ({"status": "DONE"}, "status is DONE, which is none of PENDING, IN_PROGRESS, COMPLETED, CANCELLED"),
    ],
)
def test_an_exchange_that_can_be_no_request_is_odd(changes: Any, why: str) -> None:
    row = exchange(**changes)
    assert read_exchange(row) == Oddity(table="Transaction", id=row["id"]["S"], why=why)


def test_a_row_without_an_id_has_a_name_all_the_same() -> None:
    assert [row_id(row) for row in ({}, {"id": {"NULL": True}}, {"id": {"S": "a"}})] == ["?", "?", "a"]


def test_a_row_says_who_has_taken_it_over() -> None:
    assert [held_by(row) for row in (exchange(), exchange(heldBy=STACK))] == [None, STACK]


def test_what_is_copied_is_what_our_table_knows_without_nulls() -> None:
    row = former_member("alice", "7.5")
    copied = without_nulls(row, {"id", "bio", "bankHours", "isActive"})
    assert copied == {"id": {"S": "alice"}, "bankHours": {"N": "7.5"}, "__typename": {"S": "User"}}
    assert copied["id"] is not row["id"]
