"""How a completed request is paid, and what follows the payment: pure rules."""

from dataclasses import replace
from datetime import datetime

from models import ledger
from models.change import Change, Payment, Scene, Verdict
from models.errors import BrokenLedgerError, Code, Refusal
from models.events import Notice, NotificationType
from models.ledger import EscrowStatus
from models.lifecycle import STEP_GRACE, RequestStatus
from models.steps import closed, happened, hours_moved, moved_on

# Of a service's title, as much as three rows have room for, whatever its provider has made of it since.
LONGEST_TITLE = 200


def payable(scene: Scene) -> Refusal | None:
    """Return why a request may not be paid now, or None if it may."""
    if scene.request.status is not RequestStatus.COMPLETED:
        return moved_on(scene.request)
    if scene.escrow is None:
        return Refusal(Code.ESCROW_NOT_FOUND, "No hours are held for this request.")
    found = scene.escrow.status
    if found is EscrowStatus.ESCROWED:
        return None
    return Refusal(Code.INVALID_ESCROW_STATUS, f"The escrow is {found} already.", {"status": found.value})


def subject(scene: Scene) -> str:
    """Return what is paid for: the service's title, if it is still there."""
    return scene.offer.title[:LONGEST_TITLE] if scene.offer else "a service"


def pay(scene: Scene, now: datetime) -> Verdict:
    """COMPLETED → PAID with the hours released, the exchange put on record and both members told."""
    request, escrow = scene.request, scene.escrow
    if request.status is RequestStatus.PAID:
        return request
    if request.status is not RequestStatus.COMPLETED:
        return moved_on(request)
    if escrow is None or escrow.status is not EscrowStatus.ESCROWED:
        raise BrokenLedgerError(f"request {request.id} is COMPLETED without hours in escrow")
    released = escrow.released(now)
    # Not at its end yet: the sweep sees to it that the rating is enabled, too.
    paid = replace(closed(request, now, status=RequestStatus.PAID), earned=escrow.amount)
    after, title = paid.due(now + STEP_GRACE), subject(scene)
    notices = tuple(
        Notice(user_id=user_id, type=NotificationType.TRANSACTION_COMPLETED, title=headline, message=message)
        for user_id, headline, message in (
            (request.provider_id, "You have earned hours", f"{escrow.amount} hours for {title} are yours."),
            (request.requester_id, "Your request is paid", f"{escrow.amount} hours were paid for {title}."),
        )
    )
    return Change(
        request=after,
        events=(happened(after, "Service Request Paid"), hours_moved(released, "Escrow Released")),
        notices=notices,
        movement=ledger.release(
            request_id=request.id,
            from_user_id=escrow.from_user_id,
            to_user_id=escrow.to_user_id,
            amount=escrow.amount,
        ),
        escrow=released,
        payment=Payment(hours_spent=escrow.amount, description=title),
    )


def enable_rating(scene: Scene, now: datetime) -> Verdict:
    """Ask the requester for a rating, once; then nobody needs to look after the request any more."""
    request = scene.request
    if request.status is not RequestStatus.PAID or request.due_at is None:
        return request
    after = request.moved(now)
    told = Notice(
        user_id=request.requester_id,
        type=NotificationType.SYSTEM_UPDATE,
        title="How was it?",
        message="You can rate the service now.",
    )
    return Change(request=after, events=(happened(after, "Rating Enabled"),), notices=(told,))
