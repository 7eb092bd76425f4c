"""How an admin releases or returns the hours held for a request: pure rules.

They are the way out for a request that no execution can move any more. While an execution still can, whatever its
workflow is about to do goes first.
"""

from dataclasses import replace
from datetime import datetime

from models.errors import Code, Refusal
from models.ledger.balances import EscrowStatus
from models.limits import fixed_limit
from models.requests.answers import in_transition_refusal
from models.requests.decision import Change, Snapshot, Verdict, reads_everything
from models.requests.endings import end
from models.requests.payment import pay
from models.requests.statuses import BEFORE_ACCEPTANCE, RequestStatus, StatusReason
from models.requests.steps import request_event, status_refusal

LONGEST_REASON = fixed_limit(
    500, "characters of the reason for an administrator's act", topic="exchanges", code="BadRequest"
)

_CANCELLABLE = BEFORE_ACCEPTANCE | {RequestStatus.ACCEPTED, RequestStatus.IN_PROGRESS}


@reads_everything
def release_escrow(snapshot: Snapshot, now: datetime, *, escrow_id: str, by: str) -> Verdict:
    """COMPLETED → PAID, as the workflow would have paid it."""
    request = snapshot.request
    if (refused := _escrow_refusal(snapshot, escrow_id, by)) is not None:
        return refused
    if request.status is RequestStatus.PAID:
        return request
    if (refused := _not_held_refusal(snapshot)) is not None:
        return refused
    verdict = pay(snapshot, now)
    if not isinstance(verdict, Change):
        return verdict
    event = request_event(verdict.request, "Escrow Released By Administrator", actor=by)
    return replace(verdict, events=(*verdict.events, event))


@reads_everything
def cancel_escrow(
    snapshot: Snapshot, now: datetime, *, escrow_id: str, by: str, reason: str | None = None
) -> Verdict:
    """Before COMPLETED → REJECTED, the hours returned; completed work can only be paid."""
    request = snapshot.request
    if (refused := _escrow_refusal(snapshot, escrow_id, by)) is not None:
        return refused
    if request.status_reason is StatusReason.ADMIN_CANCELLED:
        return request
    if (refused := _not_held_refusal(snapshot)) is not None:
        return refused
    if request.answer is not None and not request.is_stranded:
        return in_transition_refusal(request)
    if request.status not in _CANCELLABLE:
        return status_refusal(request)
    return end(
        snapshot,
        now,
        status=RequestStatus.REJECTED,
        reason=StatusReason.ADMIN_CANCELLED,
        event="Escrow Cancelled By Administrator",
        actor=by,
        message=reason,
    )


def _escrow_refusal(snapshot: Snapshot, escrow_id: str, by: str) -> Refusal | None:
    """Return the refusal if no hours are held, or if this admin may not move them; else None.

    A party decides nothing about their own request, whatever else they are. Only a dispute's resolution moves the
    hours of a disputed request.
    """
    if by in snapshot.request.parties:
        return Refusal(Code.UNAUTHORIZED_ADMIN, "You are a party to this request; another admin must do this.")
    if snapshot.escrow is None:
        return Refusal(Code.ESCROW_NOT_FOUND, "No hours are held for this request.")
    if snapshot.request.status is RequestStatus.DISPUTED:
        return status_refusal(snapshot.request)
    if snapshot.escrow.id != escrow_id:
        return Refusal(Code.INVALID_ESCROW_STATUS, "These hours are a dispute's; its resolution moves them.")
    return None


def _not_held_refusal(snapshot: Snapshot) -> Refusal | None:
    status = snapshot.escrow.status if snapshot.escrow else None
    if status is EscrowStatus.ESCROWED:
        return None
    return Refusal(Code.INVALID_ESCROW_STATUS, f"The escrow is {status} already.", {"status": status})
