"""An open exchange of the former app becomes a request."""

from dataclasses import replace
from typing import Any

import pytest

from models.custody import Custody
from models.errors import Code, Refusal
from models.hours import exact
from models.ledger.balances import EscrowStatus
from models.ledger.movements import hold
from models.migration.adopting import adopt, request_of
from models.migration.former import FormerExchange
from models.migration.returning import wind_up
from models.requests.decision import Change, GuardAction
from models.requests.next_step import next_step
from models.requests.request import STEP_GRACE
from models.requests.statuses import RequestStatus, Step, TransactionStatus
from tests.unit.builders import (
    ALICE,
    BOB,
    EXECUTION,
    NOW,
    REQUEST_ID,
    SERVICE_ID,
    hours,
    make_member,
    make_service,
    make_snapshot,
)

LATER = NOW.replace(day=9)
EXCHANGE = FormerExchange(
    id=REQUEST_ID,
    provider_id=BOB,
    consumer_id=ALICE,
    service_id=SERVICE_ID,
    hours_spent=hours("3"),
    status=TransactionStatus.PENDING,
    description="The hedge, please",
    created_at=NOW,
)
BEGUN = replace(EXCHANGE, status=TransactionStatus.IN_PROGRESS)


def adopted(exchange: FormerExchange, **changes: Any) -> Change | Refusal:
    request = request_of(exchange, LATER, execution_arn=EXECUTION + exchange.id)
    given = {"service": make_service(hourly_rate=hours("1.5")), "is_new": True, **changes}
    verdict = adopt(make_snapshot(request=request, **given), LATER, exchange=exchange)
    assert isinstance(verdict, Change | Refusal)
    return verdict


def test_a_pending_exchange_begins_as_a_request_does() -> None:
    change = adopted(EXCHANGE)
    assert isinstance(change, Change)
    request = change.request
    assert (request.status, request.version, request.generation) == (RequestStatus.INITIATED, 1, 0)
    assert (request.requester_id, request.provider_id, request.service_id) == (ALICE, BOB, SERVICE_ID)
    # So many hours of work cost what the consumer wanted to spend.
    assert (request.estimated_hours, request.asked) == (hours("2"), hours("3"))
    assert (request.message, request.created_at, request.updated_at) == ("The hedge, please", NOW, LATER)
    assert request.step_function_execution_arn == EXECUTION + REQUEST_ID
    assert next_step(request, LATER) is Step.VALIDATE_REQUEST
    assert request.due_at == LATER + STEP_GRACE
    assert (change.movement, change.escrow, change.guard) == (None, None, GuardAction.KEEP)
    assert [event.type for event in change.events] == ["Service Request Submitted", "Exchange Taken Over"]
    assert change.events[-1].data["statusBefore"] == "PENDING"
    assert change.events[-1].data["status"] == "INITIATED"


def test_one_that_has_begun_goes_on_with_its_hours_held() -> None:
    change = adopted(BEGUN)
    assert isinstance(change, Change)
    request, escrow = change.request, change.escrow
    assert escrow is not None
    assert (request.status, request.version) == (RequestStatus.IN_PROGRESS, 1)
    assert [passage.status for passage in request.passages] == [RequestStatus.INITIATED, RequestStatus.IN_PROGRESS]
    assert (request.escrow_id, request.amount, request.agreed_rate) == (escrow.id, hours("3"), hours("1.5"))
    assert request.exchange_key == REQUEST_ID
    assert next_step(request, LATER) is Step.WAIT_FOR_COMPLETION
    assert request.due_at == LATER + STEP_GRACE
    assert (escrow.request_id, escrow.from_user_id, escrow.to_user_id) == (REQUEST_ID, ALICE, BOB)
    assert (escrow.amount, escrow.status, escrow.created_at) == (hours("3"), EscrowStatus.ESCROWED, LATER)
    assert escrow.step_function_execution_arn == EXECUTION + REQUEST_ID
    assert change.movement == hold(request_id=REQUEST_ID, from_user_id=ALICE, amount=hours("3"))
    assert [event.type for event in change.events] == [
        "Service Request Submitted",
        "Exchange Taken Over",
        "Hours Held In Escrow",
    ]


@pytest.mark.parametrize("rate", ["0.07", "1", "1.37", "12.34", "9999.99"])
def test_the_rate_that_was_agreed_on_is_the_services(rate: str) -> None:
    for work in ("0.03", "1", "7.77"):
        spent = hours(rate) * hours(work)
        if spent != spent.quantize(hours("0.01")) or spent > hours("10000"):
            continue
        change = adopted(replace(BEGUN, hours_spent=exact(spent)), service=make_service(hourly_rate=hours(rate)))
        assert isinstance(change, Change)
        assert (change.request.agreed_rate, change.request.estimated_hours) == (hours(rate), hours(work))


def test_a_description_that_says_nothing_is_no_message() -> None:
    assert request_of(replace(EXCHANGE, description=""), NOW, execution_arn="arn").message is None


def test_a_booking_is_named() -> None:
    assert request_of(replace(EXCHANGE, booking_id="b"), NOW, execution_arn="arn").booking_id == "b"


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"requester": None}, Code.USER_NOT_ACTIVE, "consumerId: there is no such member."),
        ({"provider": None}, Code.USER_NOT_ACTIVE, "providerId: there is no such member."),
        (
            {"provider": make_member(BOB, custody=Custody.FORMER_APP)},
            Code.HOURS_NOT_HERE_YET,
            "providerId: this member's hours are still kept",
        ),
        (
            {"requester": make_member(ALICE, custody=Custody.FORMER_APP)},
            Code.HOURS_NOT_HERE_YET,
            "consumerId: this member's hours are still kept",
        ),
        ({"service": None}, Code.SERVICE_NOT_AVAILABLE, "serviceId: there is no such service."),
        ({"service": make_service(user_id="eve")}, Code.BAD_REQUEST, "providerId: another member offers"),
        ({"service": make_service(hourly_rate=hours("7"))}, Code.INVALID_AMOUNT, "hoursSpent: 3.00 hours at 7.00"),
    ],
)
@pytest.mark.parametrize("exchange", [EXCHANGE, BEGUN])
def test_what_can_be_no_request_stays_with_the_former_app(
    exchange: FormerExchange, changes: Any, code: Code, message: str
) -> None:
    refusal = adopted(exchange, **changes)
    assert isinstance(refusal, Refusal)
    assert refusal.code is code
    assert refusal.message.startswith(message)
    assert refusal.facts.get("field", "hoursSpent") == message.partition(":")[0]


@pytest.mark.parametrize(("exchange", "told"), [(EXCHANGE, {ALICE}), (BEGUN, {ALICE, BOB})])
def test_a_provider_who_had_begun_is_told_of_its_end(exchange: FormerExchange, told: set[str]) -> None:
    """Who had only been asked there was not asked here yet."""
    change = adopted(exchange)
    assert isinstance(change, Change)
    ended = wind_up(make_snapshot(request=change.request, escrow=change.escrow), LATER)
    assert isinstance(ended, Change)
    assert {notice.user_id for notice in ended.notices} == told
    assert {notice.title for notice in ended.notices} == {"A request has ended"}
