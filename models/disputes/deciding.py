"""How an admin decides a dispute: pure rules.

An admin takes the dispute on, the workflow opens a wait for them, their decision is written once, and the workflow
carries it out (see `resolving`).
"""

from dataclasses import replace
from datetime import datetime

from models.disputes.raising import dispute_event, disputed_escrow
from models.errors import Code, Refusal
from models.hours import HUNDREDTH, ZERO, Hours
from models.requests.answers import in_transition_refusal
from models.requests.decision import Change, Snapshot, Verdict, reads_everything
from models.requests.dispute import Dispute, DisputeStatus
from models.requests.next_step import next_step
from models.requests.request import Answer, Request
from models.requests.statuses import Response, Step
from models.requests.steps import opened_wait, request_taken_over, status_refusal
from models.requests.windows import Windows, window

DECISION_RECEIVED = "Admin Decision Received"
DECISION_REQUESTED = "Admin Decision Requested"
OVERDUE = "Dispute Decision Overdue"


@reads_everything
def assign(snapshot: Snapshot, now: datetime, *, by: str) -> Verdict:
    """OPEN → UNDER_REVIEW by an admin who is not a party; another admin may take over an overdue dispute."""
    request, dispute = snapshot.request, snapshot.dispute
    if dispute is None:
        return dispute_not_found_refusal()
    if dispute.admin_id == by:
        return request
    if (refused := _assignment_refusal(request, dispute, by)) is not None:
        return refused
    assigned = replace(dispute, status=DisputeStatus.UNDER_REVIEW, admin_id=by).changed(now)
    after = replace(request, version=request.version + 1, updated_at=now)
    return Change(
        request=after, dispute=assigned, events=(dispute_event(after, dispute.id, "Dispute Assigned", actor=by),)
    )


def _assignment_refusal(request: Request, dispute: Dispute, by: str) -> Refusal | None:
    if dispute.decision is not None:
        return _decided_refusal(dispute)
    if by in request.parties:
        return _party_refusal()
    if not is_open(request, dispute):
        return _not_open_refusal(dispute)
    return _other_admin_refusal(dispute) if dispute.admin_id is not None and dispute.overdue_at is None else None


@reads_everything
def decide(
    snapshot: Snapshot,
    now: datetime,
    *,
    by: str,
    decision: Response,
    provider_hours: Hours | None,
    resolution: str,
) -> Verdict:
    """Write the assigned admin's decision, once, for the workflow to carry out; a late decision is valid, too."""
    request, dispute = snapshot.request, snapshot.dispute
    if dispute is None:
        return dispute_not_found_refusal()
    if by in request.parties:
        return _party_refusal()
    if dispute.admin_id != by:
        return _other_admin_refusal(dispute)
    if dispute.decision is not None:
        earlier = (dispute.decision, dispute.provider_hours, dispute.resolution)
        return request if earlier == (decision, provider_hours, resolution) else _decided_refusal(dispute)
    refused = _decision_refusal(snapshot, dispute, decision, provider_hours)
    if refused is not None or request.wait is None:
        return refused or in_transition_refusal(request)  # its wait is about to be opened
    answer = Answer(wait=request.wait.name, round=request.negotiation_round, response=decision, by=by, at=now)
    after = replace(request, wait=replace(request.wait, answer=answer)).moved(now)
    decided = replace(dispute, decision=decision, provider_hours=provider_hours, resolution=resolution)
    event = dispute_event(after, dispute.id, DECISION_RECEIVED, actor=by, decision=decision)
    return Change(request=after, dispute=decided.changed(now), events=(event,))


def dispute_not_found_refusal() -> Refusal:
    """Return the refusal for a dispute that does not exist."""
    return Refusal(Code.DISPUTE_NOT_FOUND, "There is no such dispute.")


def is_open(request: Request, dispute: Dispute) -> bool:
    """Return whether this is the open dispute of its request, the one that keeps it DISPUTED."""
    return request.dispute is not None and request.dispute.id == dispute.id


def _party_refusal() -> Refusal:
    return Refusal(Code.UNAUTHORIZED_ADMIN, "You are a party to this dispute; another admin must decide it.")


def _other_admin_refusal(dispute: Dispute) -> Refusal:
    message = "Only the admin whom the dispute is assigned to may do this; it is assigned to another."
    if dispute.admin_id is None:
        message = "Only the admin whom the dispute is assigned to may do this; use assignDispute first."
    return Refusal(Code.UNAUTHORIZED_ADMIN, message, {"adminId": dispute.admin_id})


def _not_open_refusal(dispute: Dispute) -> Refusal:
    return Refusal(Code.INVALID_DISPUTE_STATUS, "This dispute is not open.", {"status": dispute.status.value})


def _decided_refusal(dispute: Dispute) -> Refusal:
    facts = {"status": dispute.status.value, "decision": dispute.decision}
    return Refusal(Code.INVALID_DISPUTE_STATUS, f"The dispute was decided already: {dispute.decision}.", facts)


def _decision_refusal(
    snapshot: Snapshot, dispute: Dispute, decision: Response, share: Hours | None
) -> Refusal | None:
    """Return the refusal of a decision that cannot be carried out; None if it can.

    A share must be at least 0.01 hours, and leave at least as much.
    """
    if not is_open(snapshot.request, dispute):
        return _not_open_refusal(dispute)
    if decision is not Response.PARTIAL_REFUND:
        return None
    held = disputed_escrow(snapshot)
    amount = held.amount if held else ZERO
    if share is not None and HUNDREDTH <= share <= amount - HUNDREDTH:
        return None
    return Refusal(
        Code.INVALID_AMOUNT,
        f"providerHours: {share} is not a valid share of the {amount} hours that are held. "
        f"Give a multiple of 0.01 above 0 and below {amount}, or decide otherwise.",
        {"held": float(amount)},
    )


def await_decision(snapshot: Snapshot, now: datetime, *, token: str, windows: Windows) -> Verdict:
    """Open the wait for the admin's decision; or give an open wait its new token."""
    request = snapshot.request
    if request.dispute is None or next_step(request, now) is not Step.WAIT_FOR_ADMIN_DECISION:
        return status_refusal(request)
    wait = opened_wait(request, Step.WAIT_FOR_ADMIN_DECISION, token, now, windows)
    if request.wait is not None:
        return Change(request=request_taken_over(request, wait, now), events=())
    after = replace(request, wait=wait).moved(now)
    return Change(request=after, events=(dispute_event(after, request.dispute.id, DECISION_REQUESTED),))


@reads_everything
def raise_alarm(snapshot: Snapshot, now: datetime, *, windows: Windows) -> Verdict:
    """Record that the decision is overdue, and reopen the wait for the same period: no timer decides a dispute."""
    request, dispute = snapshot.request, snapshot.dispute
    if dispute is None or request.wait is None or next_step(request, now) is not Step.RAISE_DISPUTE_ALARM:
        return status_refusal(request)
    deadline = now + window(request, request.wait.name, windows)
    after = replace(request, wait=replace(request.wait, deadline=deadline)).moved(now)
    overdue = replace(dispute, overdue_at=dispute.overdue_at or now).changed(now)
    return Change(
        request=after,
        dispute=overdue,
        events=(dispute_event(after, dispute.id, OVERDUE, adminId=dispute.admin_id),),
    )


@reads_everything
def check_frozen(snapshot: Snapshot, _now: datetime) -> Verdict:
    """Check that the hours which the dispute is about are held; nothing is changed.

    Raises:
        BrokenLedgerError: they are not.
    """
    if snapshot.request.dispute is None:
        return status_refusal(snapshot.request)
    disputed_escrow(snapshot)
    return snapshot.request
