"""What the workflow's steps write besides the status: events, notices, holds, refusals."""

from datetime import timedelta
from typing import Any

import pytest

from models.errors import Code, Refusal
from models.events import NotificationType
from models.requests import steps
from models.requests.decision import Change, GuardAction
from models.requests.statuses import RequestStatus, StatusReason, Step
from tests.unit.builders import (
    ALICE,
    BOB,
    NOW,
    REQUEST_ID,
    Bank,
    hours,
    make_balance,
    make_member,
    make_request,
    make_service,
    make_snapshot,
)
from tests.unit.places import REQUEST_RULES, bank_at, wait_for


def written(bank: Bank, event: str) -> Change:
    verdict = bank.move(REQUEST_RULES[event])
    assert isinstance(verdict, Change)
    return verdict


VALIDATING = RequestStatus.VALIDATING
FAULTS: list[tuple[str, dict[str, Any], StatusReason]] = [
    ("own service", {"request": make_request(status=VALIDATING, provider_id=ALICE)}, StatusReason.SELF_REQUEST),
    ("no requester", {"requester": None}, StatusReason.USER_NOT_ACTIVE),
    ("no provider", {"provider": None}, StatusReason.USER_NOT_ACTIVE),
    ("inactive requester", {"requester": make_member(ALICE, is_active=False)}, StatusReason.USER_NOT_ACTIVE),
    ("inactive provider", {"provider": make_member(BOB, is_active=False)}, StatusReason.USER_NOT_ACTIVE),
    ("locked account", {"requester_balance": make_balance(ALICE, locked_at=NOW)}, StatusReason.USER_NOT_ACTIVE),
    ("no service", {"service": None}, StatusReason.SERVICE_NOT_AVAILABLE),
    ("inactive service", {"service": make_service(is_active=False)}, StatusReason.SERVICE_NOT_AVAILABLE),
    ("somebody else's service", {"service": make_service(user_id="carol")}, StatusReason.SERVICE_NOT_AVAILABLE),
    ("too short", {"service": make_service(min_booking_hours=hours("2.01"))}, StatusReason.SERVICE_NOT_AVAILABLE),
    ("too long", {"service": make_service(max_booking_hours=hours("1.99"))}, StatusReason.SERVICE_NOT_AVAILABLE),
    ("for nothing", {"service": make_service(hourly_rate=hours("0"))}, StatusReason.SERVICE_NOT_AVAILABLE),
    ("a negative price", {"service": make_service(hourly_rate=hours("-1"))}, StatusReason.SERVICE_NOT_AVAILABLE),
    (
        "a price raised meanwhile",
        {
            "request": make_request(status=VALIDATING, asked=hours("2")),
            "service": make_service(hourly_rate=hours("1.01")),
        },
        StatusReason.SERVICE_NOT_AVAILABLE,
    ),
    ("beyond all price", {"service": make_service(hourly_rate=hours("5001"))}, StatusReason.SERVICE_NOT_AVAILABLE),
    ("another open request", {"guarded_by": "another"}, StatusReason.DUPLICATE_REQUEST),
    ("too few hours", {"requester_balance": make_balance(ALICE, "1.99")}, StatusReason.INSUFFICIENT_BALANCE),
    ("no balance", {"requester_balance": None}, StatusReason.INSUFFICIENT_BALANCE),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "reason"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
@pytest.mark.parametrize("rule", [steps.validate, steps.hold_hours])
def test_what_speaks_against_a_request_rejects_it(
    rule: Any, changes: dict[str, Any], reason: StatusReason
) -> None:
    verdict = rule(make_snapshot(**changes), NOW)

    assert isinstance(verdict, Change)
    assert (verdict.request.status, verdict.request.status_reason) == (RequestStatus.REJECTED, reason)
    assert (verdict.movement, verdict.escrow, verdict.guard) == (None, None, GuardAction.KEEP)
    assert verdict.request.due_at is None
    assert [notice.user_id for notice in verdict.notices] == [ALICE]
    assert verdict.events[0].data["statusReason"] == reason


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"guarded_by": REQUEST_ID},
        {"provider": make_member(BOB, is_active=True)},
        {"service": make_service(min_booking_hours=hours("2"), max_booking_hours=hours("2"))},
        {"requester_balance": make_balance(ALICE, "2")},
        {"provider_balance": None},
        {"request": make_request(status=VALIDATING, asked=hours("2"))},
    ],
)
def test_a_request_that_nothing_speaks_against_stands(changes: dict[str, Any]) -> None:
    snapshot = make_snapshot(**changes)
    assert steps.validate(snapshot, NOW) is snapshot.request


def test_holding_fixes_amount_rate_and_window() -> None:
    service = make_service(hourly_rate=hours("1.25"), response_window_hours=3)
    verdict = steps.hold_hours(make_snapshot(service=service), NOW)

    assert isinstance(verdict, Change)
    held, escrow = verdict.request, verdict.escrow
    assert escrow is not None
    assert (held.amount, held.agreed_rate, held.response_seconds) == (hours("2.5"), hours("1.25"), 3 * 3600)
    assert (held.escrow_id, escrow.id, escrow.amount) == (held.escrow_key, held.escrow_key, hours("2.5"))
    assert (escrow.from_user_id, escrow.to_user_id, escrow.request_id) == (ALICE, BOB, REQUEST_ID)
    assert verdict.guard is GuardAction.PUT
    assert [event.type for event in verdict.events] == ["Service Request Escrowed", "Hours Held In Escrow"]


def test_each_wait_is_announced_to_the_one_who_is_asked() -> None:
    notified = {}
    for place, event in (
        ("ESCROWED", "ask"),
        ("AWAITING accepted", "await start"),
        ("ACCEPTED started", "ask start"),
        ("ACCEPTED confirmed", "await work"),
        ("IN_PROGRESS finished", "ask work"),
    ):
        change = written(bank_at(place), event)
        assert change.request.wait is not None
        assert change.request.expires_at == change.request.wait.deadline
        notified[event] = [(notice.user_id, notice.type) for notice in change.notices]
    assert notified == {
        "ask": [(BOB, NotificationType.TRANSACTION_REQUEST)],
        "await start": [(ALICE, NotificationType.TRANSACTION_ACCEPTED)],
        "ask start": [(ALICE, NotificationType.SYSTEM_UPDATE)],
        "await work": [(BOB, NotificationType.SYSTEM_UPDATE)],
        "ask work": [(ALICE, NotificationType.SYSTEM_UPDATE)],
    }


def test_a_wait_that_begins_again_keeps_its_deadline_and_tells_nobody() -> None:
    bank = bank_at("AWAITING")
    first = bank.requests[REQUEST_ID].wait
    bank.pass_time(3600)

    change = bank.move(wait_for(Step.WAIT_FOR_PROVIDER_RESPONSE, "second"))

    assert isinstance(change, Change)
    assert first is not None
    assert change.request.wait is not None
    assert (change.request.wait.deadline, change.request.wait.token) == (first.deadline, "second")
    assert (change.events, change.notices) == ((), ())


def test_the_provider_has_the_window_of_the_service() -> None:
    bank = Bank.opened()
    bank.services = {service.id: make_service(response_window_hours=2) for service in bank.services.values()}
    bank.create(make_request())
    for event in ("begin", "hold", "ask"):
        bank.move(REQUEST_RULES[event])
    assert bank.requests[REQUEST_ID].expires_at == bank.now + timedelta(hours=2)


def test_an_accepted_request_makes_room_for_another() -> None:
    assert written(bank_at("AWAITING accepted"), "await start").guard is GuardAction.REMOVE


@pytest.mark.parametrize(
    ("place", "event", "automatic"),
    [
        ("AWAITING accepted", "await start", False),
        ("ACCEPTED confirmed", "await work", False),
        ("ACCEPTED asked late", "await work", True),
        ("IN_PROGRESS confirmed", "complete", False),
        ("IN_PROGRESS asked late", "complete", True),
    ],
)
def test_a_confirmation_that_the_clock_gave_is_called_so(place: str, event: str, automatic: bool) -> None:  # noqa: FBT001 — a table's column
    assert written(bank_at(place), event).events[0].data["automatic"] is automatic


def test_answers_are_kept() -> None:
    request = bank_at("PAID").requests[REQUEST_ID]
    assert [answer.wait for answer in request.answers] == [
        Step.WAIT_FOR_PROVIDER_RESPONSE,
        Step.WAIT_FOR_SERVICE_START,
        Step.CONFIRM_SERVICE_START,
        Step.WAIT_FOR_COMPLETION,
        Step.CONFIRM_SERVICE_COMPLETION,
    ]
    assert (request.wait, request.expires_at) == (None, None)


def test_a_step_that_finds_the_request_elsewhere_says_where() -> None:
    snapshot = make_snapshot(request=make_request(status=RequestStatus.PAID))
    wait = wait_for(Step.WAIT_FOR_COMPLETION)(snapshot, NOW)
    for refused in (
        steps.begin_validation(snapshot, NOW),
        steps.hold_hours(snapshot, NOW),
        steps.complete(snapshot, NOW),
        wait,
    ):
        assert isinstance(refused, Refusal)
        assert (refused.code, refused.facts["status"]) == (Code.INVALID_REQUEST_STATUS, "PAID")


def test_every_event_carries_who_and_what() -> None:
    for event in bank_at("PAID rated").events:
        assert event.data["requestId"] == REQUEST_ID
        if event.entity_id == REQUEST_ID:
            assert {"serviceId", "requesterId", "providerId", "status", "statusReason"} <= set(event.data)


def test_a_counter_offer_that_an_older_row_does_not_tell_is_announced_as_it_was_asked() -> None:
    older = make_request(status=RequestStatus.NEGOTIATING, agreed_rate=hours("1.5"))
    change = wait_for(Step.WAIT_FOR_NEGOTIATION_RESPONSE)(make_snapshot(request=older), NOW)
    assert isinstance(change, Change)
    assert "The provider offers 2.00 hours at 1.50 an hour instead." in change.notices[0].message
