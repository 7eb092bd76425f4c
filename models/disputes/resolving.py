"""How a decided dispute is carried out: hours, request and dispute change in one transaction. Pure rules."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from models.clock import to_text
from models.disputes import movements
from models.disputes.deciding import is_open
from models.disputes.raising import dispute_event, disputed_escrow, earned_by
from models.errors import BrokenLedgerError
from models.events import Event, Notice, NotificationType
from models.hours import ZERO, Hours
from models.ledger.balances import Escrow
from models.ledger.movements import Movement
from models.requests.decision import Change, Snapshot, Verdict, reads_everything
from models.requests.dispute import DECIDED, Dispute, DisputeStatus
from models.requests.request import STEP_GRACE, Request
from models.requests.statuses import RequestStatus, Response, StatusReason
from models.requests.steps import closed_request, escrow_event, request_event, status_refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What a decision does to a request that was not paid yet; one that was paid is PAID again in any case.

    Args:
        status: the request's new status; None brings it back to where it was.
        reason: the status's reason.
        notice: the text of both parties' notice, a format string over the provider's share and the held hours.
    """

    status: RequestStatus | None
    reason: StatusReason | None
    notice: str


RESOLUTIONS: Mapping[Response, Resolution] = {
    Response.REFUND_TO_REQUESTER: Resolution(
        status=RequestStatus.REJECTED,
        reason=StatusReason.DISPUTE_REFUNDED,
        notice="What was held goes to the requester.",
    ),
    Response.PAY_TO_PROVIDER: Resolution(
        status=RequestStatus.PAID,
        reason=StatusReason.DISPUTE_PAID,
        notice="What was held goes to the provider.",
    ),
    Response.PARTIAL_REFUND: Resolution(
        status=RequestStatus.PAID,
        reason=StatusReason.DISPUTE_SPLIT,
        notice="The provider has {share} of the {held} hours that were held, the requester the rest.",
    ),
    Response.DISMISS_DISPUTE: Resolution(
        status=None,
        reason=None,
        notice="It was dismissed; the request goes on from where it was.",
    ),
}


@reads_everything
def resolve(snapshot: Snapshot, now: datetime, *, execution_arn: str) -> Verdict:
    """Carry a decision out: DISPUTED → REJECTED, PAID or back to where it was, and the hours move as decided.

    Args:
        snapshot: the whole snapshot, with the dispute.
        now: the time of the change.
        execution_arn: the execution that goes on with the request, if it is not over.

    Raises:
        BrokenLedgerError: hours that should be held are not, or the dispute does not say where its request was.
    """
    request, dispute = snapshot.request, snapshot.dispute
    if dispute is None:
        return status_refusal(request)
    if dispute.status in DECIDED:
        return request
    if dispute.decision is None or not is_open(request, dispute):
        return status_refusal(request)
    outcome, escrow = RESOLUTIONS[dispute.decision], disputed_escrow(snapshot)
    share = _provider_share(dispute, escrow)
    text = outcome.notice.format(share=share, held=escrow.amount if escrow else ZERO)
    movement, ended_escrow = _movement_and_escrow(dispute, escrow, share, now)
    after = _request_after(request, dispute, escrow, share, now, execution_arn)
    status = DisputeStatus.DISMISSED if outcome.status is None else DisputeStatus.RESOLVED
    resolved = replace(dispute, status=status, resolved_at=now).changed(now)
    is_payment = after.status is RequestStatus.PAID and not dispute.is_after_payment
    return Change(
        request=after,
        dispute=resolved,
        events=_events(after, resolved, ended_escrow, is_payment=is_payment),
        notices=_notices(request, dispute, text),
        movement=movement,
        escrow=ended_escrow,
    )


def _provider_share(dispute: Dispute, escrow: Escrow | None) -> Hours:
    """Return how many of the held hours the provider has in the end."""
    if escrow is None or dispute.decision is Response.REFUND_TO_REQUESTER:
        return ZERO
    if dispute.decision is Response.PARTIAL_REFUND and dispute.provider_hours is not None:
        return dispute.provider_hours
    return escrow.amount


def _movement_and_escrow(
    dispute: Dispute, escrow: Escrow | None, share: Hours, now: datetime
) -> tuple[Movement | None, Escrow | None]:
    """Return the decision's movement and the escrow after it; None for a dismissal before the payment."""
    stays_held = dispute.decision is Response.DISMISS_DISPUTE and not dispute.is_after_payment
    if escrow is None or stays_held:
        return None, None
    given = escrow.amount - share if dispute.is_after_payment else share
    return movements.divide(dispute, escrow, given=given, now=now)


def _request_after(
    request: Request, dispute: Dispute, escrow: Escrow | None, share: Hours, now: datetime, execution_arn: str
) -> Request:
    """Return the request as the decision leaves it; unless it is over, the next execution goes on with it."""
    decision, before = dispute.decision, dispute.status_before
    if decision is None or before is None:
        raise BrokenLedgerError(f"dispute {dispute.id} does not say what to do with its request")
    outcome = RESOLUTIONS[decision]
    if dispute.is_after_payment:
        lost = escrow.amount - share if escrow else ZERO
        return _after_repayment_dispute(request, dispute, outcome, lost, now, execution_arn)
    if outcome.status is None:
        return _resumed_with_shifted_deadline(request, dispute, before, now, execution_arn)
    return _ended(request, outcome.status, outcome.reason, share, now, execution_arn)


def _after_repayment_dispute(
    request: Request, dispute: Dispute, outcome: Resolution, lost: Hours, now: datetime, execution_arn: str
) -> Request:
    """Return a request that is PAID again, less the hours that its provider has lost."""
    reason = dispute.reason_before if outcome.status is None else outcome.reason
    paid = closed_request(request, now, status=RequestStatus.PAID, reason=reason)
    after = replace(paid, earned=earned_by(request) - lost)
    # It was over, unless it was disputed before its rating was enabled: that is still to come.
    return after if dispute.due_before is None else _handed_to_next_execution(after, now, execution_arn)


def _ended(
    request: Request,
    status: RequestStatus,
    reason: StatusReason | None,
    share: Hours,
    now: datetime,
    execution_arn: str,
) -> Request:
    """Return a request that is REJECTED and over, or PAID: then its rating is still to be enabled."""
    after = replace(closed_request(request, now, status=status, reason=reason), set_aside=None)
    if status is RequestStatus.REJECTED:
        return after
    return _handed_to_next_execution(replace(after, earned=share), now, execution_arn)


def _resumed_with_shifted_deadline(
    request: Request, dispute: Dispute, before: RequestStatus, now: datetime, execution_arn: str
) -> Request:
    """Return a request that is back where it was; its wait, if it had one, lasts as long again as was left."""
    after = closed_request(request, now, status=before, reason=dispute.reason_before)
    if request.set_aside is not None and request.dispute is not None:
        deadline = request.set_aside.deadline + (now - request.dispute.at)
        # The execution that held the token has ended with the dispute.
        after = replace(after, wait=replace(request.set_aside, deadline=deadline, token=None), expires_at=deadline)
    return _handed_to_next_execution(replace(after, set_aside=None), now, execution_arn)


def _handed_to_next_execution(request: Request, now: datetime, execution_arn: str) -> Request:
    """Return a request that the next generation's execution goes on with."""
    handed_over = replace(request, generation=request.generation + 1, step_function_execution_arn=execution_arn)
    return handed_over.due(now + STEP_GRACE)


def _events(
    after: Request, dispute: Dispute, ended_escrow: Escrow | None, *, is_payment: bool
) -> tuple[Event, ...]:
    told, raised = f"Dispute {dispute.status.title()}", to_text(dispute.created_at)
    events = [dispute_event(after, dispute.id, told, decision=dispute.decision, raisedAt=raised)]
    if is_payment:
        events.append(request_event(after, "Service Request Paid"))
    if ended_escrow is not None:
        events.append(escrow_event(ended_escrow, f"Escrow {ended_escrow.status.title()}"))
    return tuple(events)


def _notices(request: Request, dispute: Dispute, text: str) -> tuple[Notice, ...]:
    return tuple(
        Notice(
            user_id=user_id,
            type=NotificationType.SYSTEM_UPDATE,
            title="A dispute is decided",
            message=f"{text} “{dispute.resolution}”",
        )
        for user_id in sorted({request.requester_id, request.provider_id})
    )
