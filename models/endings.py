"""How a request ends without payment, or is handed to another execution: pure rules."""

from dataclasses import replace
from datetime import datetime, timedelta

from models import ledger
from models.change import Change, Guard, Scene, Verdict
from models.errors import BrokenLedgerError
from models.events import Notice, NotificationType
from models.ledger import EscrowStatus, Movement
from models.lifecycle import (
    BEFORE_ACCEPTANCE,
    STEP_GRACE,
    RequestStatus,
    Response,
    StatusReason,
    Step,
    next_step,
)
from models.steps import closed, happened, hours_moved, moved_on


def end(
    scene: Scene,
    now: datetime,
    *,
    status: RequestStatus,
    reason: StatusReason,
    event: str,
    actor: str | None = None,
    message: str | None = None,
) -> Verdict:
    """End a request without payment: what is held goes back to the requester, and the other side is told why."""
    request, escrow = scene.request, scene.escrow
    movement: Movement | None = None
    if request.escrow_id is not None:
        if escrow is None or escrow.status is not EscrowStatus.ESCROWED:
            raise BrokenLedgerError(f"request {request.id} is {request.status} without hours in escrow")
        movement = ledger.refund(request_id=request.id, from_user_id=escrow.from_user_id, amount=escrow.amount)
        escrow = escrow.cancelled(now)
    after = closed(request, now, status=status, reason=reason)
    told = {request.requester_id, request.provider_id} - {actor}
    if all(passage.status is not RequestStatus.AWAITING_RESPONSE for passage in request.passages):
        told.discard(request.provider_id)  # has never heard of it
    events = [happened(after, event, actor=actor, message=message)]
    if movement is not None and escrow is not None:
        events.append(hours_moved(escrow, "Escrow Cancelled"))
    return Change(
        request=after,
        events=tuple(events),
        notices=tuple(_ending(user_id, reason, message) for user_id in sorted(told)),
        movement=movement,
        escrow=escrow if movement else None,
        guard=Guard.REMOVE if request.escrow_id and request.status in BEFORE_ACCEPTANCE else Guard.KEEP,
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


def _ending(user_id: str, reason: StatusReason, message: str | None) -> Notice:
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


def refund(scene: Scene, now: datetime) -> Verdict:
    """AWAITING_RESPONSE, NEGOTIATING, answered with a no → REJECTED with the hours back."""
    request = scene.request
    if request.status_reason in _REJECTIONS.values():
        return request
    answer = request.answer
    if answer is None or answer.response not in _REJECTIONS:
        return moved_on(request)
    return end(
        scene,
        now,
        status=RequestStatus.REJECTED,
        reason=_REJECTIONS[answer.response],
        event="Service Request Rejected",
        actor=answer.by,
        message=answer.message,
    )


_TIMEOUTS = {
    Step.WAIT_FOR_PROVIDER_RESPONSE: StatusReason.RESPONSE_TIMEOUT,
    Step.WAIT_FOR_NEGOTIATION_RESPONSE: StatusReason.NEGOTIATION_TIMEOUT,
    Step.WAIT_FOR_SERVICE_START: StatusReason.START_TIMEOUT,
    Step.WAIT_FOR_COMPLETION: StatusReason.COMPLETION_TIMEOUT,
}


def expire(scene: Scene, now: datetime) -> Verdict:
    """End a request that nobody acted on in time: → EXPIRED with the hours back."""
    request = scene.request
    if request.status is RequestStatus.EXPIRED:
        return request
    if request.wait is None or next_step(request, now) is not Step.EXPIRE_REQUEST:
        return moved_on(request)
    return end(
        scene,
        now,
        status=RequestStatus.EXPIRED,
        reason=_TIMEOUTS[request.wait.name],
        event="Service Request Expired",
    )


# How long a request whose execution keeps failing is resumed before somebody else must decide.
RESUMED_FOR = timedelta(hours=24)
LARGEST_PAUSE = timedelta(hours=1)
# Of an error's cause, enough to find it; the execution's history has the rest.
LONGEST_CAUSE = 1_000


def resume(scene: Scene, now: datetime, *, execution_arn: str) -> Verdict:
    """Hand the request or its dispute to a new execution: the next generation, later and later while it fails."""
    request = scene.request
    if request.is_over:
        return request
    after = request.moved(
        now,
        generation=request.generation + 1,
        resumptions=request.resumptions + 1,
        failing_since=request.failing_since or now,
    )
    pause = min(STEP_GRACE * 2 ** min(request.resumptions, 10), LARGEST_PAUSE)
    after = after.due(now + pause)
    resumed = (happened(after, "Service Request Resumed", generation=after.generation),)
    if request.dispute is not None and scene.dispute is not None:
        dispute = scene.dispute.changed(now, step_function_execution_arn=execution_arn)
        return Change(request=after, dispute=dispute, events=resumed)
    return Change(request=replace(after, step_function_execution_arn=execution_arn), events=resumed)


def redrive(scene: Scene, now: datetime, *, execution_arn: str) -> Verdict:
    """Hand the request to a new execution as a person has asked: if that fails, it is resumed for a day again."""
    request = scene.request
    if request.is_over:
        return request
    begun_anew = replace(request, resumptions=0, failing_since=None)
    return resume(replace(scene, request=begun_anew), now, execution_arn=execution_arn)


def note_failure(scene: Scene, now: datetime, *, error: str, cause: str) -> Verdict:
    """Put a failed execution on record; status and hours stay, and the sweep is asked to resume the request.

    The first failure is looked after at once, a repeated one when the pause that `resume` has set is over. The
    machine and the bus tell of the same failure.
    """
    request = scene.request
    on_record = request.failing_since is not None and not request.resumptions
    if request.is_over or on_record:
        return request
    soon = request.due_at if request.resumptions and request.due_at else now
    since = request.failing_since or now
    after = replace(request, version=request.version + 1, updated_at=now, failing_since=since).due(soon)
    failed = happened(after, "Service Request Workflow Failed", error=error, cause=cause[:LONGEST_CAUSE])
    return Change(request=after, events=(failed,))


def look_later(scene: Scene, now: datetime) -> Verdict:
    """Put off the sweep's next look at a request whose execution runs, and forget that one has failed before.

    It is put off to an open wait's deadline, else until the execution should have moved it.
    """
    request = scene.request
    if request.due_at is None or request.due_at > now:
        return request
    soonest = now + STEP_GRACE
    running = replace(request, version=request.version + 1, resumptions=0, failing_since=None)
    after = running.due(max(request.next_due(now) or soonest, soonest))
    return Change(request=after, events=())


def begin_anew(scene: Scene, now: datetime) -> Verdict:
    """Forget that a request's executions have failed: without their functions that was no fault of its own.

    The next failure is then the first one again, and looked after at once.
    """
    request = scene.request
    if request.due_at is None or request.failing_since is None:
        return request
    after = replace(request, version=request.version + 1, resumptions=0, failing_since=None)
    return Change(request=after.due(min(request.due_at, now + STEP_GRACE)), events=())


def give_up(scene: Scene, now: datetime) -> Verdict:
    """End a request before acceptance that no execution can move; a later one waits for an admin."""
    request = scene.request
    if request.due_at is None or request.failing_since is None or now - request.failing_since <= RESUMED_FOR:
        return request
    if request.status not in BEFORE_ACCEPTANCE:
        after = request.moved(now, failing_since=request.failing_since, resumptions=request.resumptions).due(None)
        return Change(request=after, events=(happened(after, "Service Request Needs Attention"),))
    return end(
        scene,
        now,
        status=RequestStatus.REJECTED,
        reason=StatusReason.WORKFLOW_ERROR,
        event="Service Request Failed",
    )
