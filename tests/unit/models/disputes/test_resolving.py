"""What a decision writes besides the hours, and what is refused although no workflow asks for it."""

from dataclasses import replace
from functools import partial

import pytest

from models.clock import to_text
from models.disputes import deciding
from models.errors import BrokenLedgerError, Code, Refusal
from models.requests import payment
from models.requests.decision import Change
from models.requests.request import STEP_GRACE
from models.requests.statuses import RequestStatus, Response, StatusReason
from models.requests.windows import DEFAULT_WINDOWS
from tests.unit.builders import BOB, EXECUTION, NOW, REQUEST_ID, hours, make_dispute, make_request, make_snapshot
from tests.unit.places import DISPUTE_RULES, bank_at, decide, moved_to, request_at


@pytest.mark.parametrize(("place", "event"), [("DISPUTED heard", "assign"), ("DISPUTED assigned", "grant")])
def test_a_dispute_whose_request_has_gone_elsewhere_is_not_decided(place: str, event: str) -> None:
    bank = bank_at(place)
    moved_to(bank, status=RequestStatus.IN_PROGRESS)
    refused = bank.move(DISPUTE_RULES[event])
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts["status"]) == (
        Code.INVALID_DISPUTE_STATUS,
        bank.disputes[make_dispute().id].status.value,
    )


def test_an_open_dispute_is_the_only_one_that_can_be_decided() -> None:
    bank = bank_at("DISPUTED assigned")
    (raised,) = bank.requests[REQUEST_ID].disputes
    moved_to(bank, disputes=(raised, replace(raised, id="another")))
    snapshot = bank.snapshot(bank.requests[REQUEST_ID], raised.id)
    for rule in (partial(deciding.assign, by="ann"), DISPUTE_RULES["award"]):
        refused = rule(snapshot, bank.now)
        assert isinstance(refused, Refusal)
        assert refused.code is Code.INVALID_DISPUTE_STATUS


def test_nothing_is_frozen_without_a_dispute() -> None:
    refused = bank_at("IN_PROGRESS").move(deciding.check_frozen)
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID_REQUEST_STATUS


def test_a_dispute_that_does_not_know_where_it_came_from_stops_everything() -> None:
    bank = bank_at("DISPUTED decided")
    dispute = bank.disputes[make_dispute().id]
    bank.disputes[dispute.id] = replace(dispute, status_before=None)
    with pytest.raises(BrokenLedgerError, match="does not say"):
        bank.move(DISPUTE_RULES["resolve"])


def test_who_may_not_decide_learns_what_to_do() -> None:
    for place, words in (
        ("DISPUTED heard", "use assignDispute first"),
        ("DISPUTED assigned", "assigned to another"),
    ):
        refused = bank_at(place).move(decide(Response.PAY_TO_PROVIDER, by="ann"))
        assert isinstance(refused, Refusal)
        assert words in refused.message


def test_nothing_waits_for_an_admin_without_a_dispute() -> None:
    disputed = make_request(status=RequestStatus.DISPUTED)
    heard = deciding.await_decision(make_snapshot(request=disputed), NOW, token="t", windows=DEFAULT_WINDOWS)  # noqa: S106 — no password
    bank = bank_at("DISPUTED heard late")
    snapshot = replace(bank.snapshot(bank.requests[REQUEST_ID]), dispute=None)
    for refused in (
        heard,
        DISPUTE_RULES["alarm"](snapshot, bank.now),
        DISPUTE_RULES["resolve"](snapshot, bank.now),
    ):
        assert isinstance(refused, Refusal)
        assert refused.code is Code.INVALID_REQUEST_STATUS


def test_a_decision_that_is_late_twice_is_late_since_the_first_time() -> None:
    bank = bank_at("DISPUTED heard late")
    bank.move(DISPUTE_RULES["alarm"])
    since = bank.now
    bank.now += DEFAULT_WINDOWS.decision
    assert isinstance(bank.move(DISPUTE_RULES["alarm"]), Change)
    assert bank.disputes[make_dispute().id].overdue_at == since


def test_a_decision_is_carried_out_while_its_dispute_is_open() -> None:
    bank = bank_at("DISPUTED decided")
    moved_to(bank, status=RequestStatus.IN_PROGRESS)
    refused = bank.move(DISPUTE_RULES["resolve"])
    assert isinstance(refused, Refusal)
    assert refused.code is Code.INVALID_REQUEST_STATUS


@pytest.mark.parametrize("decision", ["grant", "award", "divide", "dismiss"])
def test_a_rating_that_a_dispute_came_before_is_enabled_after_it(decision: str) -> None:
    bank = bank_at("PAID")
    for step in ("dispute", "hear", "assign", decision):
        assert isinstance(bank.move(DISPUTE_RULES[step]), Change)
    assert isinstance(bank.move(DISPUTE_RULES["resolve"]), Change)
    request = bank.requests[REQUEST_ID]
    assert (request.generation, request.step_function_execution_arn) == (1, f"{EXECUTION}next")
    assert request.due_at == bank.now + STEP_GRACE
    for _ in range(2):
        bank.move(payment.enable_rating)
        assert bank.requests[REQUEST_ID].is_over
        assert [event.type for event in bank.events].count("Rating Enabled") == 1


def test_a_dispute_after_everything_is_told_leaves_its_request_to_nobody() -> None:
    request = request_at("PAID dismissed")
    assert request.is_over
    assert (request.generation, request.step_function_execution_arn) == (0, None)


@pytest.mark.parametrize("place", ["DISPUTED assigned", "DISPUTED paid"])
@pytest.mark.parametrize("decision", ["grant", "award", "divide", "dismiss"])
def test_a_decision_is_told_as_a_payment_if_nothing_was_paid_before(place: str, decision: str) -> None:
    bank = bank_at(place)
    for event in (decision, "resolve"):
        assert isinstance(bank.move(DISPUTE_RULES[event]), Change)
    pays = place == "DISPUTED paid" or decision in {"award", "divide"}
    assert [event.type for event in bank.events].count("Service Request Paid") == pays


def test_what_is_told_of_a_decision_says_since_when_it_was_waited_for() -> None:
    bank = bank_at("DISPUTED decided")
    raised = bank.disputes[make_dispute().id].created_at
    assert isinstance(bank.move(DISPUTE_RULES["resolve"]), Change)
    (told,) = (event for event in bank.events if event.type == "Dispute Resolved")
    assert (told.data["raisedAt"], told.data["decision"]) == (to_text(raised), Response.PARTIAL_REFUND)


def test_a_share_counts_for_a_partial_refund_only() -> None:
    for decision, bobs in ((Response.PAY_TO_PROVIDER, "12"), (Response.REFUND_TO_REQUESTER, "10")):
        bank = bank_at("DISPUTED assigned")
        bank.move(decide(decision, "0.75"))
        bank.move(DISPUTE_RULES["resolve"])
        assert bank.balances[BOB].available_balance == hours(bobs)
        bank.check()


def test_a_dismissed_dispute_gives_the_request_its_reason_back() -> None:
    bank = bank_at("IN_PROGRESS")
    moved_to(bank, status_reason=StatusReason.START_TIMEOUT)
    for event in ("dispute", "hear", "assign", "dismiss", "resolve"):
        assert isinstance(bank.move(DISPUTE_RULES[event]), Change)
    request = bank.requests[REQUEST_ID]
    assert (request.status, request.status_reason) == (RequestStatus.IN_PROGRESS, StatusReason.START_TIMEOUT)
