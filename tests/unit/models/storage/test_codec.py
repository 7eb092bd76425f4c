"""The rules' dataclasses and the tables' items are two forms of one thing."""

import re
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from models import tables
from models.ledger import entries
from models.ledger.balances import Balance, Escrow
from models.ledger.entries import Entry
from models.ledger.reconciliation import AuditReport, AuditReportStatus
from models.requests.decision import Member, ServiceTerms
from models.requests.request import Answer, Request, Terms, Wait
from models.requests.statuses import RequestStatus, Response, Step
from models.storage import codec
from models.storage.store import Item, expressions
from tests.unit.builders import ALICE, BOB, NOW, hours, make_balance, make_escrow, make_request, make_service
from tests.unit.places import PATHS, bank_at, request_at


@pytest.mark.parametrize("place", PATHS)
def test_a_request_survives_its_row(place: str) -> None:
    request = request_at(place)
    assert codec.decode(Request, tables.ServiceRequest, codec.encode(tables.ServiceRequest, request)) == request


@pytest.mark.parametrize(
    ("table", "row"),
    [
        (tables.UserBalance, make_balance(ALICE, "8", "2", last_hash="h", locked_at=NOW)),
        (tables.Escrow, make_escrow(released_at=NOW)),
        *((tables.TransactionLog, entry) for entry in bank_at("PAID").entries),
    ],
)
def test_a_row_of_the_ledger_survives(table: type[tables.Table], row: Any) -> None:
    assert codec.decode(type(row), table, codec.encode(table, row)) == row


def test_an_entry_is_still_sealed_when_dynamodb_has_dropped_its_zeros() -> None:
    for entry in bank_at("PAID").entries:
        item = codec.encode(tables.TransactionLog, entry)
        for name in ("amount", "balanceBefore", "balanceAfter", "escrowedAmount", "issued"):
            item[name] = {"N": str(Decimal(item[name]["N"]).normalize())}
        read = codec.decode(Entry, tables.TransactionLog, item)
        assert entries.entry_hash(read) == entry.hash


def test_what_is_absent_is_no_attribute() -> None:
    item = codec.encode(tables.ServiceRequest, request_at("INITIATED"))
    assert not {"wait", "escrowId", "statusReason", "expiresAt", "agreedRate"} & set(item)
    assert item["estimatedHours"] == {"N": "2"}
    assert item["createdAt"]["S"].endswith(".000Z")
    assert item["answers"] == {"L": []}
    asked = request_at("AWAITING")
    assert asked.wait
    waiting = replace(asked, wait=replace(asked.wait, token=None))
    for one in (item, codec.encode(tables.ServiceRequest, waiting)):
        assert "NULL" not in str(one)
    assert "token" not in codec.encode(tables.ServiceRequest, waiting)["wait"]["M"]


def test_what_is_stored_is_plain_text() -> None:
    item = codec.encode(tables.ServiceRequest, request_at("INITIATED"))
    assert type(item["status"]["S"]) is str
    assert codec.decode(Request, tables.ServiceRequest, item).status is RequestStatus.INITIATED


def test_what_is_not_stored_is_none() -> None:
    balance = make_balance(ALICE)
    item = codec.encode(tables.UserBalance, balance)
    assert codec.decode_or_none(Balance, tables.UserBalance, item) == balance
    assert codec.decode_or_none(Balance, tables.UserBalance, None) is None


def test_a_list_of_texts_survives_its_row() -> None:
    report = AuditReport(
        id="r", status=AuditReportStatus.RUNNING, created_at=NOW, updated_at=NOW, members=(ALICE, BOB)
    )
    read = codec.decode(
        AuditReport, tables.ReconciliationReport, codec.encode(tables.ReconciliationReport, report)
    )
    assert replace(read, members=tuple(read.members)) == report


def test_further_attributes_go_by_their_own_names() -> None:
    item = codec.encode(tables.ServiceRequest, request_at("INITIATED"), expiresAt=NOW, message=None)
    assert item["expiresAt"] == {"S": "2026-01-05T12:00:00.000Z"}
    assert "message" not in item
    assert codec.item_of(tables.User, rating=4.5, isActive=True) == {
        "rating": {"N": "4.5"},
        "isActive": {"BOOL": True},
    }


def test_attributes_that_the_rules_do_not_need_are_passed_over() -> None:
    service: Item = {
        "id": {"S": "s"},
        "userId": {"S": "bob"},
        "title": {"S": "Garden help"},
        "description": {"S": "…"},
        "category": {"S": "garden"},
        "hourlyRate": {"N": "1.5"},
        "isActive": {"BOOL": True},
        "responseWindowHours": {"N": "48"},
    }
    terms = codec.decode(ServiceTerms, tables.Service, service)
    assert terms == make_service(id="s", hourly_rate=Decimal("1.50"), response_window_hours=48)
    member = codec.decode(
        Member, tables.User, {"id": {"S": "bob"}, "username": {"S": "bob"}, "rating": {"N": "5"}}
    )
    assert member.is_active is None


@pytest.mark.parametrize(
    ("name", "wire", "problem"),
    [
        ("estimatedHours", {"S": "2"}, "estimatedHours is not stored as 'N', but as S"),
        ("id", {"N": "1"}, "id is not stored as 'S', but as N"),
        ("status", {"NULL": True}, "status is not stored as 'S', but as NULL"),
        ("wait", {"S": "x"}, "wait is not stored as 'M', but as S"),
        ("passages", {"M": {}}, "passages is not stored as 'L', but as M"),
        ("passages", {"L": [{"S": "x"}]}, "passages is not stored as 'M', but as L"),
        ("passages", {"L": [{"M": {"at": {"N": "1"}}}]}, "at is not stored as 'S', but as N"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_attribute(name: str, wire: Any, problem: str) -> None:
    item = codec.encode(tables.ServiceRequest, request_at("INITIATED"))
    with pytest.raises(TypeError, match=re.escape(problem)):
        codec.decode(Request, tables.ServiceRequest, {**item, name: wire})


@pytest.mark.parametrize("status", ["", "PAYED"])
def test_a_status_that_there_is_not_is_refused(status: str) -> None:
    item = codec.encode(tables.ServiceRequest, request_at("INITIATED"))
    with pytest.raises(ValueError, match="is not a valid RequestStatus"):
        codec.decode(Request, tables.ServiceRequest, {**item, "status": {"S": status}})


def test_the_difference_is_what_has_changed() -> None:
    before = request_at("AWAITING accepted")
    after = replace(before, status=RequestStatus.ACCEPTED, wait=None, version=before.version + 1)
    params = expressions(actions=codec.difference(tables.ServiceRequest, before, after))
    touched = set(params["ExpressionAttributeNames"].values())
    assert touched == {"status", "wait", "version"}
    assert "REMOVE" in params["UpdateExpression"]
    assert {"S": "ACCEPTED"} in params["ExpressionAttributeValues"].values()


def test_a_difference_says_what_it_sets() -> None:
    balance = make_balance(ALICE)
    after = replace(balance, version=balance.version + 1)
    assert str(codec.difference(tables.UserBalance, balance, after)) == "[version = {'N': '2'}]"


def test_no_difference_is_no_action() -> None:
    balance, escrow = make_balance(ALICE), make_escrow()
    assert codec.difference(tables.UserBalance, balance, replace(balance)) == []
    assert codec.difference(tables.Escrow, escrow, replace(escrow)) == []
    assert isinstance(balance, Balance)
    assert isinstance(escrow, Escrow)


def as_pynamodb_takes_it(value: Any) -> Any:
    """Return a value for PynamoDB's own attributes: nested dataclasses as dicts, without what is None."""
    if is_dataclass(value):
        members = {codec._camel(field.name): getattr(value, field.name) for field in fields(value)}
        return {name: as_pynamodb_takes_it(member) for name, member in members.items() if member is not None}
    return [as_pynamodb_takes_it(member) for member in value] if isinstance(value, tuple) else codec._plain(value)


def test_nested_values_are_written_as_pynamodb_writes_them() -> None:
    terms = Terms(hours=hours("2.50"), rate=hours("1"))
    given = [
        Answer(wait=Step.WAIT_FOR_PROVIDER_RESPONSE, round=0, response=response, by="bob", at=NOW, terms=offered)
        for response, offered in ((Response.COUNTER_OFFER, terms), (Response.ACCEPTED, None))
    ]
    wait = Wait(name=Step.WAIT_FOR_SERVICE_START, deadline=NOW, token="t", answer=given[0])  # noqa: S106 — no secret
    for request in (make_request(wait=wait, answers=tuple(given)), make_request(answers=())):
        item = codec.encode(tables.ServiceRequest, request)
        for name in ("wait", "answers"):
            value = getattr(request, name)
            attribute = tables.ServiceRequest.get_attributes()[name]
            if value is not None:
                assert item[name] == {attribute.attr_type: attribute.serialize(as_pynamodb_takes_it(value))}
        assert codec.decode(Request, tables.ServiceRequest, item) == request


@pytest.mark.parametrize("place", PATHS)
def test_a_change_is_written_as_pynamodb_writes_it(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = request_at("INITIATED"), request_at(place)
    ours = expressions(actions=codec.difference(tables.ServiceRequest, before, after))
    ours_by = codec._fields(Request, tables.ServiceRequest)
    by_pynamodb = tuple(replace(field, write=as_pynamodb_takes_it) for field in ours_by)
    monkeypatch.setattr(codec, "_fields", lambda *_: by_pynamodb)
    attributes = tables.ServiceRequest.get_attributes()
    monkeypatch.setattr(codec, "_Set", lambda key, value: attributes[key].set(value))
    assert ours == expressions(actions=codec.difference(tables.ServiceRequest, before, after))
