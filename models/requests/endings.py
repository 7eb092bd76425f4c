"""How a request ends without payment: pure rules."""

from datetime import datetime

from models.errors import BrokenLedgerError, Code, Refusal
from models.events import Notice, NotificationType
from models.ledger import movements
from models.ledger.balances import EscrowStatus
from models.requests.decision import Change, GuardAction, Snapshot, Verdict, reads_everything
from models.requests.next_step import next_step
from models.requests.request import Request
from models.requests.statuses import BEFORE_ACCEPTANCE, ENDED, RequestStatus, Response, StatusReason, Step
from models.requests.steps import closed_request, escrow_event, request_event, status_refusal


def end(
    snapshot: Snapshot,
    now: datetime,
    *,
    status: RequestStatus,
    reason: StatusReason,
    event: str,
    actor: str | None = None,
    message: str | None = None,
) -> Verdict:
    """End a request without payment: held hours go back to the requester, and the other party gets a notice.

    Raises:
        BrokenLedgerError: the request should hold hours and does not.
    """
    request, escrow = snapshot.request, snapshot.escrow
    movement: movements.Movement | None = None
    if request.escrow_id is not None:
        if escrow is None or escrow.status is not EscrowStatus.ESCROWED:
            raise BrokenLedgerError(f"request {request.id} is {request.status} without hours in escrow")
        movement = movements.refund(request_id=request.id, from_user_id=escrow.from_user_id, amount=escrow.amount)
        escrow = escrow.cancelled(now)
    after = closed_request(request, now, status=status, reason=reason)
    recipients = {*request.parties} - {actor}
    if request.status in BEFORE_ACCEPTANCE and all(
        passage.status is not RequestStatus.AWAITING_RESPONSE for passage in request.passages
    ):
        recipients.discard(request.provider_id)  # was never notified of the request
    events = [request_event(after, event, actor=actor, message=message)]
    if movement is not None and escrow is not None:
        events.append(escrow_event(escrow, "Escrow Cancelled"))
    return Change(
        request=after,
        events=tuple(events),
        notices=tuple(_ending_notice(user_id, reason, message) for user_id in sorted(recipients)),
        movement=movement,
        escrow=escrow if movement else None,
        guard=GuardAction.REMOVE
        if request.escrow_id and request.status in BEFORE_ACCEPTANCE
        else GuardAction.KEEP,
    )


_ENDINGS = {
    StatusReason.REQUESTER_CANCELLED: "The requester has cancelled the request.",
    StatusReason.PROVIDER_WITHDREW: "The provider has withdrawn; held hours are back.",
    StatusReason.ADMIN_CANCELLED: "An administrator has ended the request; held hours are back.",
    StatusReason.PROVIDER_REJECTED: "The provider has declined the request; held hours are back.",
    StatusReason.REQUESTER_REJECTED: "The requester has declined the counter-offer; held hours are back.",
    StatusReason.NEGOTIATION_TIMEOUT: "The counter-offer was not answered in time; held hours are back.",
    StatusReason.RESPONSE_TIMEOUT: "The provider did not answer in time; held hours are back.",
    StatusReason.START_TIMEOUT: "The service was never begun; held hours are back.",
    StatusReason.COMPLETION_TIMEOUT: "The service was never completed; held hours are back.",
    StatusReason.WORKFLOW_ERROR: "The request could not be processed; held hours are back.",
}


def _ending_notice(user_id: str, reason: StatusReason, message: str | None) -> Notice:
    text = _ENDINGS[reason]
    return Notice(
        user_id=user_id,
        type=NotificationType.SYSTEM_UPDATE,
        title="A request has ended",
        message=f"{text} “{message}”" if message else text,
    )


_REJECTIONS = {
    Response.REJECTED: StatusReason.PROVIDER_REJECTED,
    Response.REJECT: StatusReason.REQUESTER_REJECTED,
}


@reads_everything
def decline(snapshot: Snapshot, now: datetime) -> Verdict:
    """AWAITING_RESPONSE, NEGOTIATING, answered with a rejection → REJECTED, the hours returned."""
    request = snapshot.request
    if request.status_reason in _REJECTIONS.values():
        return request
    answer = request.answer
    if answer is None or answer.response not in _REJECTIONS:
        return status_refusal(request)
    return end(
        snapshot,
        now,
        status=RequestStatus.REJECTED,
        reason=_REJECTIONS[answer.response],
        event="Service Request Rejected",
        actor=answer.by,
        message=answer.message,
    )


# In every other status hours are held, or will be soon.
_DELETABLE = ENDED | {RequestStatus.INITIATED}


def removal_refusal(request: Request) -> Refusal | None:
    """Return the refusal to delete a request that hours are held for; None if it may be deleted."""
    if request.status in _DELETABLE:
        return None
    return Refusal(
        Code.INVALID_REQUEST_STATUS,
        f"The request is {request.status}: its hours are held; cancel or withdraw it first.",
        {"status": request.status},
    )


_TIMEOUTS = {
    Step.WAIT_FOR_PROVIDER_RESPONSE: StatusReason.RESPONSE_TIMEOUT,
    Step.WAIT_FOR_NEGOTIATION_RESPONSE: StatusReason.NEGOTIATION_TIMEOUT,
    Step.WAIT_FOR_SERVICE_START: StatusReason.START_TIMEOUT,
    Step.WAIT_FOR_COMPLETION: StatusReason.COMPLETION_TIMEOUT,
}


@reads_everything
def expire(snapshot: Snapshot, now: datetime) -> Verdict:
    """→ EXPIRED, the hours returned, because nobody acted in time."""
    request = snapshot.request
    if request.status is RequestStatus.EXPIRED:
        return request
    if request.wait is None or next_step(request, now) is not Step.EXPIRE_REQUEST:
        return status_refusal(request)
    return end(
        snapshot,
        now,
        status=RequestStatus.EXPIRED,
        reason=_TIMEOUTS[request.wait.name],
        event="Service Request Expired",
    )
