"""How a dispute is decided and what comes of it: pure rules.

An admin takes it on, waits are opened for them, their decision is written once and then carried out by the
dispute's workflow: the hours move in the one transaction that also brings request and dispute to their ends.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from models import settlements
from models.answers import passing
from models.change import Change, Payment, Scene, Verdict
from models.disputes import DECIDED, Dispute, DisputeStatus
from models.errors import BrokenLedgerError, Code, Refusal
from models.events import Event, Notice, NotificationType
from models.hours import HUNDREDTH, ZERO, Hours
from models.ledger import Escrow, Movement
from models.lifecycle import (
    STEP_GRACE,
    Answer,
    Request,
    RequestStatus,
    Response,
    StatusReason,
    Step,
    next_step,
)
from models.payment import subject
from models.raising import earned_by, held_for, told
from models.steps import closed, happened, hours_moved, moved_on, opened, taken_over
from models.windows import Windows, window

DECISION_RECEIVED = "Admin Decision Received"
DECISION_REQUESTED = "Admin Decision Requested"
OVERDUE = "Dispute Decision Overdue"


def assign(scene: Scene, now: datetime, *, by: str) -> Verdict:
    """OPEN → UNDER_REVIEW by an admin who is no party; another one may take it over once the decision is late."""
    request, dispute = scene.request, scene.dispute
    if dispute is None:
        return no_dispute()
    if dispute.admin_id == by:
        return request
    if (refused := _not_assignable(request, dispute, by)) is not None:
        return refused
    taken = dispute.changed(now, status=DisputeStatus.UNDER_REVIEW, admin_id=by)
    after = replace(request, version=request.version + 1, updated_at=now)
    return Change(request=after, dispute=taken, events=(told(after, dispute.id, "Dispute Assigned", actor=by),))


def _not_assignable(request: Request, dispute: Dispute, by: str) -> Refusal | None:
    if dispute.decision is not None:
        return _decided(dispute)
    if by in (request.requester_id, request.provider_id):
        return Refusal(Code.UNAUTHORIZED_ADMIN, "You are a party to this dispute; another admin must decide it.")
    if not _is_open(request, dispute):
        return _closed(dispute)
    return _another(dispute) if dispute.admin_id is not None and dispute.overdue_at is None else None


def decide(
    scene: Scene,
    now: datetime,
    *,
    by: str,
    decision: Response,
    provider_hours: Hours | None,
    resolution: str,
) -> Verdict:
    """Write the assigned admin's decision, once; the workflow carries it out. It is never too late for it."""
    request, dispute = scene.request, scene.dispute
    if dispute is None:
        return no_dispute()
    if dispute.admin_id != by:
        return _another(dispute)
    if dispute.decision is not None:
        given = (dispute.decision, dispute.provider_hours, dispute.resolution)
        return request if given == (decision, provider_hours, resolution) else _decided(dispute)
    refused = _undecidable(scene, dispute, decision, provider_hours)
    if refused is not None or request.wait is None:
        return refused or passing(request)  # its wait is about to be opened
    said = Answer(wait=request.wait.name, round=request.negotiation_round, response=decision, by=by, at=now)
    after = request.moved(now, wait=replace(request.wait, answer=said))
    decided = dispute.changed(now, decision=decision, provider_hours=provider_hours, resolution=resolution)
    event = told(after, dispute.id, DECISION_RECEIVED, actor=by, decision=decision)
    return Change(request=after, dispute=decided, events=(event,))


def no_dispute() -> Refusal:
    """Return the refusal for a dispute that is not there."""
    return Refusal(Code.DISPUTE_NOT_FOUND, "There is no such dispute.")


def _is_open(request: Request, dispute: Dispute) -> bool:
    return request.dispute is not None and request.dispute.id == dispute.id


def _another(dispute: Dispute) -> Refusal:
    message = "Only the admin whom the dispute is assigned to may do this; it is assigned to another."
    if dispute.admin_id is None:
        message = "Only the admin whom the dispute is assigned to may do this; use assignDispute first."
    return Refusal(Code.UNAUTHORIZED_ADMIN, message, {"adminId": dispute.admin_id})


def _closed(dispute: Dispute) -> Refusal:
    return Refusal(
        Code.INVALID_DISPUTE_STATUS, "The dispute keeps no request open.", {"status": dispute.status.value}
    )


def _decided(dispute: Dispute) -> Refusal:
    facts = {"status": dispute.status.value, "decision": dispute.decision}
    return Refusal(Code.INVALID_DISPUTE_STATUS, f"The dispute was decided already: {dispute.decision}.", facts)


def _undecidable(scene: Scene, dispute: Dispute, decision: Response, share: Hours | None) -> Refusal | None:
    """Say why there can be no such decision, None if there can: a share is a part of what is held."""
    if not _is_open(scene.request, dispute):
        return _closed(dispute)
    if decision is not Response.PARTIAL_REFUND:
        return None
    held = held_for(scene)
    amount = held.amount if held else ZERO
    if share is not None and HUNDREDTH <= share <= amount - HUNDREDTH:
        return None
    return Refusal(
        Code.INVALID_AMOUNT,
        f"providerHours: {share} of the {amount} hours that are held is no share. "
        f"Give a multiple of 0.01 above 0 and below {amount}, or decide otherwise.",
        {"held": float(amount)},
    )


def await_decision(scene: Scene, now: datetime, *, token: str, windows: Windows) -> Verdict:
    """Wait for the admin; or give an open wait its new token."""
    request = scene.request
    if request.dispute is None or next_step(request, now) is not Step.WAIT_FOR_ADMIN_DECISION:
        return moved_on(request)
    wait = opened(request, Step.WAIT_FOR_ADMIN_DECISION, token, now, windows)
    if request.wait is not None:
        return Change(request=taken_over(request, wait, now), events=())
    after = request.moved(now, wait=wait)
    return Change(request=after, events=(told(after, request.dispute.id, DECISION_REQUESTED),))


def raise_alarm(scene: Scene, now: datetime, *, windows: Windows) -> Verdict:
    """Put on record that the decision is late, and wait for it as long again: nothing decides by itself."""
    request, dispute = scene.request, scene.dispute
    if dispute is None or request.wait is None or next_step(request, now) is not Step.RAISE_DISPUTE_ALARM:
        return moved_on(request)
    deadline = now + window(request, request.wait.name, windows)
    after = request.moved(now, wait=replace(request.wait, deadline=deadline))
    late = dispute.changed(now, overdue_at=dispute.overdue_at or now)
    return Change(
        request=after, dispute=late, events=(told(after, dispute.id, OVERDUE, adminId=dispute.admin_id),)
    )


def frozen(scene: Scene, _now: datetime) -> Verdict:
    """Check what was written when the dispute was raised.

    Raises:
        BrokenLedgerError: the hours that it is about are not held.
    """
    if scene.request.dispute is None:
        return moved_on(scene.request)
    held_for(scene)
    return scene.request


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What comes of a decision before the payment; after one, a request is PAID again, whatever it is.

    Args:
        status: where the request goes; None brings it back to where it was.
        reason: why it is there.
        notice: what both sides are told.
    """

    status: RequestStatus | None
    reason: StatusReason | None
    notice: str


OUTCOMES: Mapping[Response, Outcome] = {
    Response.REFUND_TO_REQUESTER: Outcome(
        status=RequestStatus.REJECTED,
        reason=StatusReason.DISPUTE_REFUNDED,
        notice="What was held goes to the requester.",
    ),
    Response.PAY_TO_PROVIDER: Outcome(
        status=RequestStatus.PAID,
        reason=StatusReason.DISPUTE_PAID,
        notice="What was held goes to the provider.",
    ),
    Response.PARTIAL_REFUND: Outcome(
        status=RequestStatus.PAID,
        reason=StatusReason.DISPUTE_SPLIT,
        notice="The provider has {share} of the {held} hours that were held, the requester the rest.",
    ),
    Response.DISMISS_DISPUTE: Outcome(
        status=None,
        reason=None,
        notice="It was dismissed; the request goes on from where it was.",
    ),
}


def resolve(scene: Scene, now: datetime, *, execution_arn: str) -> Verdict:
    """Carry a decision out: DISPUTED → REJECTED, PAID or back, the hours moved as it says.

    Args:
        scene: everything, the dispute with it.
        now: the moment.
        execution_arn: the execution that goes on with the request, if it is not at its end.
    """
    request, dispute = scene.request, scene.dispute
    if dispute is None:
        return moved_on(request)
    if dispute.status in DECIDED:
        return request
    if dispute.decision is None or not _is_open(request, dispute):
        return moved_on(request)
    outcome, escrow = OUTCOMES[dispute.decision], held_for(scene)
    share = _provider_share(dispute, escrow)
    text = outcome.notice.format(share=share, held=escrow.amount if escrow else ZERO)
    movement, ended = _moved(dispute, escrow, share, now)
    after = _after(request, dispute, escrow, share, now, execution_arn)
    resolved = dispute.changed(
        now,
        status=DisputeStatus.DISMISSED if outcome.status is None else DisputeStatus.RESOLVED,
        resolved_at=now,
    )
    is_payment = after.status is RequestStatus.PAID and not dispute.is_after_payment
    return Change(
        request=after,
        dispute=resolved,
        events=_events(after, resolved, ended, is_payment=is_payment),
        notices=_notices(request, dispute, text),
        movement=movement,
        escrow=ended,
        payment=Payment(hours_spent=share, description=subject(scene)) if is_payment else None,
    )


def _provider_share(dispute: Dispute, escrow: Escrow | None) -> Hours:
    """Return what the provider has in the end of the hours that are held."""
    if escrow is None or dispute.decision is Response.REFUND_TO_REQUESTER:
        return ZERO
    if dispute.decision is Response.PARTIAL_REFUND and dispute.provider_hours is not None:
        return dispute.provider_hours
    return escrow.amount


def _moved(
    dispute: Dispute, escrow: Escrow | None, share: Hours, now: datetime
) -> tuple[Movement | None, Escrow | None]:
    """Return what a decision moves and the escrow after it: of a dismissal before payment, nothing."""
    stays = dispute.decision is Response.DISMISS_DISPUTE and not dispute.is_after_payment
    if escrow is None or stays:
        return None, None
    given = escrow.amount - share if dispute.is_after_payment else share
    return settlements.divide(dispute, escrow, given=given, now=now)


def _after(
    request: Request, dispute: Dispute, escrow: Escrow | None, share: Hours, now: datetime, execution_arn: str
) -> Request:
    """Return the request as a decision leaves it, handed to an execution of its own if it goes on."""
    decision, before = dispute.decision, dispute.status_before
    if decision is None or before is None:
        raise BrokenLedgerError(f"dispute {dispute.id} does not say what to do with its request")
    outcome = OUTCOMES[decision]
    reason = dispute.reason_before if outcome.status is None else outcome.reason
    if dispute.is_after_payment:
        lost = escrow.amount - share if escrow else ZERO
        after = replace(closed(request, now, status=before, reason=reason), earned=earned_by(request) - lost)
        # It was over, unless it was disputed before its rating was enabled: that is still to come.
        return after if dispute.due_before is None else _handed_on(after, now, execution_arn)
    status = outcome.status or before
    after = closed(request, now, status=status, reason=reason)
    if status is RequestStatus.REJECTED:
        return replace(after, set_aside=None)
    if status is RequestStatus.PAID:
        after = replace(after, earned=share)
    elif request.set_aside is not None and request.dispute is not None:
        # As long again as was left; its execution has ended with the dispute.
        deadline = request.set_aside.deadline + (now - request.dispute.at)
        after = replace(after, wait=replace(request.set_aside, deadline=deadline, token=None), expires_at=deadline)
    return _handed_on(replace(after, set_aside=None), now, execution_arn)


def _handed_on(request: Request, now: datetime, execution_arn: str) -> Request:
    """Return a request that goes on with the next generation's execution."""
    following = replace(request, generation=request.generation + 1, step_function_execution_arn=execution_arn)
    return following.due(now + STEP_GRACE)


def _events(after: Request, dispute: Dispute, ended: Escrow | None, *, is_payment: bool) -> tuple[Event, ...]:
    events = [told(after, dispute.id, f"Dispute {dispute.status.title()}", decision=dispute.decision)]
    if is_payment:
        events.append(happened(after, "Service Request Paid"))
    if ended is not None:
        events.append(hours_moved(ended, f"Escrow {ended.status.title()}"))
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
