"""Why a dispute may be refused, and which notices and events it writes."""

import pytest

from models.clock import to_text
from models.disputes import raising
from models.errors import BrokenLedgerError, Code, Refusal
from models.hours import ZERO
from models.requests.statuses import RequestStatus
from models.requests.windows import DEFAULT_WINDOWS
from tests.unit.builders import ALICE, BOB, EVE, REQUEST_ID, hours, make_dispute, make_request
from tests.unit.places import DISPUTE_RULES, bank_at, dispute


def test_nothing_is_held_for_no_dispute() -> None:
    bank = bank_at("IN_PROGRESS")
    with pytest.raises(BrokenLedgerError, match="by no dispute"):
        raising.disputed_escrow(bank.snapshot(bank.requests[REQUEST_ID]))


def test_who_names_the_wrong_side_learns_which_field_it_is() -> None:
    refused = raising.not_the_parties_refusal(make_request(), make_dispute(ALICE, against_user_id=EVE))
    assert refused is not None
    assert refused.facts == {"field": "againstUserId"}
    assert raising.not_the_parties_refusal(make_request(), make_dispute(BOB)) is None


def test_who_comes_too_late_learns_until_when_it_was() -> None:
    bank = bank_at("PAID rated")
    bank.pass_time(31 * 86_400)
    refused = bank.move(DISPUTE_RULES["dispute"])
    assert isinstance(refused, Refusal)
    paid = next(one.at for one in bank.requests[REQUEST_ID].passages if one.status is RequestStatus.PAID)
    assert refused.facts == {"deadline": to_text(paid + DEFAULT_WINDOWS.dispute), "status": "PAID"}


def test_a_request_of_which_nothing_is_known_was_paid_nothing() -> None:
    assert raising.earned_by(make_request()) == ZERO
    assert raising.earned_by(make_request(amount=hours("2"))) == hours("2")
    assert raising.earned_by(make_request(amount=hours("2"), earned=ZERO)) == ZERO


def test_a_deleted_disputes_id_is_none_for_the_other_side() -> None:
    bank = bank_at("PAID granted")
    deleted = bank.disputes.pop(make_dispute(ALICE).id)
    refused = bank.move(dispute(BOB, id=deleted.id))
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.facts) == (Code.IDEMPOTENCY_MISMATCH, {"field": "id"})
