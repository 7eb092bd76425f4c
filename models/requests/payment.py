"""How a completed request is paid, and what follows the payment: pure rules."""

from dataclasses import replace
from datetime import datetime

from models.errors import BrokenLedgerError, Code, Refusal
from models.events import Notice, NotificationType
from models.ledger import movements
from models.ledger.balances import EscrowStatus
from models.requests.decision import Change, Snapshot, Verdict, reads_everything
from models.requests.request import STEP_GRACE
from models.requests.statuses import RequestStatus
from models.requests.steps import closed_request, escrow_event, request_event, status_refusal

# A longer title is cut: it is written to the exchange and to both notices of its payment, and may have any length.
LONGEST_TITLE = 200


def payment_refusal(snapshot: Snapshot) -> Refusal | None:
    """Return why a request may not be paid now, or None if it may."""
    if snapshot.request.status is not RequestStatus.COMPLETED:
        return status_refusal(snapshot.request)
    if snapshot.escrow is None:
        return Refusal(Code.ESCROW_NOT_FOUND, "No hours are held for this request.")
    status = snapshot.escrow.status
    if status is EscrowStatus.ESCROWED:
        return None
    return Refusal(Code.INVALID_ESCROW_STATUS, f"The escrow is {status} already.", {"status": status.value})


@reads_everything
def check_payable(snapshot: Snapshot, _now: datetime) -> Verdict:
    """Check that a request may be paid now; nothing is changed."""
    return payment_refusal(snapshot) or snapshot.request


def subject(snapshot: Snapshot) -> str:
    """Return what is paid for: the service's title, if the service is still stored."""
    return snapshot.service.title[:LONGEST_TITLE] if snapshot.service else "a service"


@reads_everything
def pay(snapshot: Snapshot, now: datetime) -> Verdict:
    """COMPLETED → PAID: the hours are released, both members get a notice.

    Raises:
        BrokenLedgerError: the request holds no hours.
    """
    request, escrow = snapshot.request, snapshot.escrow
    if request.status is RequestStatus.PAID:
        return request
    if request.status is not RequestStatus.COMPLETED:
        return status_refusal(request)
    if escrow is None or escrow.status is not EscrowStatus.ESCROWED:
        raise BrokenLedgerError(f"request {request.id} is COMPLETED without hours in escrow")
    released = escrow.released(now)
    # Due once more, so that the sweep can ensure that the rating is enabled.
    paid = replace(closed_request(request, now, status=RequestStatus.PAID), earned=escrow.amount)
    after, title = paid.due(now + STEP_GRACE), subject(snapshot)
    notices = tuple(
        Notice(user_id=user_id, type=NotificationType.TRANSACTION_COMPLETED, title=headline, message=message)
        for user_id, headline, message in (
            (request.provider_id, "You have earned hours", f"{escrow.amount} hours for {title} are yours."),
            (request.requester_id, "Your request is paid", f"{escrow.amount} hours were paid for {title}."),
        )
    )
    return Change(
        request=after,
        events=(request_event(after, "Service Request Paid"), escrow_event(released, "Escrow Released")),
        notices=notices,
        movement=movements.release(
            request_id=request.id,
            from_user_id=escrow.from_user_id,
            to_user_id=escrow.to_user_id,
            amount=escrow.amount,
        ),
        escrow=released,
    )


def enable_rating(snapshot: Snapshot, now: datetime) -> Verdict:
    """Ask the requester for a rating, once; after that the request is over."""
    request = snapshot.request
    if request.status is not RequestStatus.PAID or request.due_at is None:
        return request
    after = request.moved(now)
    notice = Notice(
        user_id=request.requester_id,
        type=NotificationType.SYSTEM_UPDATE,
        title="How was it?",
        message="You can rate the service now.",
    )
    return Change(request=after, events=(request_event(after, "Rating Enabled"),), notices=(notice,))
