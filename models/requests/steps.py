"""What the workflow does with a request: one pure rule for each of its steps.

Each takes a snapshot and returns the change to write; the request as it is, if the step has been taken already; or
a refusal. A step that finds the request at another status returns `status_refusal`.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from models import hours
from models.errors import Code, Refusal
from models.events import Event, EventEntityType, EventSource, Notice, NotificationType
from models.ledger import movements
from models.ledger.balances import Escrow, EscrowStatus, EscrowType
from models.requests.announcements import announcement_of
from models.requests.decision import (
    Change,
    GuardAction,
    ServiceTerms,
    Snapshot,
    Verdict,
    reads_everything,
    reads_everything_when,
)
from models.requests.next_step import next_step, step_to_enter
from models.requests.request import Request, Wait
from models.requests.statuses import RequestStatus, StatusReason, Step
from models.requests.windows import Windows, window


def request_event(request: Request, type: str, *, actor: str | None = None, **data: object) -> Event:
    """Return an event about a request, with the facts that every such event has."""
    facts = {
        "requestId": request.id,
        "serviceId": request.service_id,
        "requesterId": request.requester_id,
        "providerId": request.provider_id,
        "status": request.status.value,
        "statusReason": request.status_reason.value if request.status_reason else None,
    }
    return Event(
        type=type,
        source=EventSource.SERVICE_REQUESTS,
        entity_type=EventEntityType.SERVICE_REQUEST,
        entity_id=request.id,
        actor=actor,
        data={**facts, **data},
    )


def escrow_event(escrow: Escrow, type: str) -> Event:
    """Return an event about the hours held for a request."""
    return Event(
        type=type,
        source=EventSource.ESCROW,
        entity_type=EventEntityType.TRANSACTION,
        entity_id=escrow.id,
        data={"requestId": escrow.request_id, "amount": float(escrow.amount), "status": escrow.status.value},
    )


def status_refusal(request: Request) -> Refusal:
    """Return the refusal of a step that finds the request at another status."""
    return Refusal(
        Code.INVALID_REQUEST_STATUS,
        f"The request is {request.status} now.",
        {"status": request.status.value, "statusReason": request.status_reason},
    )


def begin_validation(snapshot: Snapshot, now: datetime) -> Verdict:
    """INITIATED → VALIDATING."""
    request = snapshot.request
    if request.status is RequestStatus.VALIDATING:
        return request
    if request.status is not RequestStatus.INITIATED:
        return status_refusal(request)
    after = request.moved(now, status=RequestStatus.VALIDATING)
    return Change(request=after, events=(request_event(after, "Service Request Validation Started"),))


def rejection_reason(snapshot: Snapshot) -> StatusReason | None:
    """Return why the hours for a request may not be held; None if they may."""
    request, service = snapshot.request, snapshot.service
    if request.requester_id == request.provider_id:
        return StatusReason.SELF_REQUEST
    if not _are_members_active(snapshot):
        return StatusReason.USER_NOT_ACTIVE
    if service is None or not _is_available(service, request):
        return StatusReason.SERVICE_NOT_AVAILABLE
    if snapshot.guarded_by not in (None, request.id):
        return StatusReason.DUPLICATE_REQUEST
    balance = snapshot.requester_balance
    if balance is None or balance.available_balance < hours.priced(request.estimated_hours, service.hourly_rate):
        return StatusReason.INSUFFICIENT_BALANCE
    return StatusReason.USER_NOT_ACTIVE if balance.locked_at is not None else None


def _are_members_active(snapshot: Snapshot) -> bool:
    members = (snapshot.requester, snapshot.provider)
    return all(member is not None and member.is_active is not False for member in members)


def _is_available(service: ServiceTerms, request: Request) -> bool:
    booked = request.estimated_hours
    price = hours.priced(booked, service.hourly_rate)
    return (
        service.is_active
        and service.user_id == request.provider_id
        and hours.is_amount(price)
        # A provider who raises the price meanwhile gets no more than the requester has asked to spend.
        and (request.asked is None or price <= request.asked)
        and (service.min_booking_hours is None or booked >= service.min_booking_hours)
        and (service.max_booking_hours is None or booked <= service.max_booking_hours)
    )


_REJECTION_TEXTS = {
    StatusReason.SELF_REQUEST: "You cannot ask yourself for a service.",
    StatusReason.USER_NOT_ACTIVE: "One of the two members is not active.",
    StatusReason.SERVICE_NOT_AVAILABLE: "The service is not offered for these hours any more.",
    StatusReason.DUPLICATE_REQUEST: "You have an open request for this service already.",
    StatusReason.INSUFFICIENT_BALANCE: "You have too few hours for this request.",
}


@reads_everything
def validate(snapshot: Snapshot, now: datetime) -> Verdict:
    """VALIDATING → REJECTED if there is a reason to reject it; otherwise return the request unchanged."""
    request = snapshot.request
    if request.status is not RequestStatus.VALIDATING:
        return status_refusal(request)
    reason = rejection_reason(snapshot)
    if reason is None:
        return request
    after = request.moved(now, status=RequestStatus.REJECTED, status_reason=reason)
    notice = Notice(
        user_id=request.requester_id,
        type=NotificationType.SYSTEM_UPDATE,
        title="Your request could not be sent",
        message=_REJECTION_TEXTS[reason],
    )
    return Change(request=after, events=(request_event(after, "Service Request Rejected"),), notices=(notice,))


@reads_everything
def hold_hours(snapshot: Snapshot, now: datetime) -> Verdict:
    """VALIDATING → ESCROWED, the hours held; → REJECTED if there is a reason to reject it by now."""
    request, service = snapshot.request, snapshot.service
    if request.status is RequestStatus.ESCROWED:
        return request
    verdict = validate(snapshot, now)
    if verdict is not request or service is None:
        return verdict
    amount = hours.priced(request.estimated_hours, service.hourly_rate)
    escrow = Escrow(
        id=request.escrow_key,
        request_id=request.id,
        from_user_id=request.requester_id,
        to_user_id=request.provider_id,
        amount=amount,
        status=EscrowStatus.ESCROWED,
        escrow_type=EscrowType.SERVICE_REQUEST,
        step_function_execution_arn=request.step_function_execution_arn,
        created_at=now,
        updated_at=now,
    )
    own_window = service.response_window_hours
    after = replace(
        request,
        escrow_id=escrow.id,
        amount=amount,
        agreed_rate=service.hourly_rate,
        response_seconds=None if own_window is None else int(timedelta(hours=own_window).total_seconds()),
    ).moved(now, status=RequestStatus.ESCROWED)
    return Change(
        request=after,
        events=(request_event(after, "Service Request Escrowed"), escrow_event(escrow, "Hours Held In Escrow")),
        movement=movements.hold(request_id=request.id, from_user_id=request.requester_id, amount=amount),
        escrow=escrow,
        guard=GuardAction.PUT,
    )


def opened_wait(request: Request, step: Step, token: str, now: datetime, windows: Windows) -> Wait:
    """Return the wait for a step: a new one, or the open one with its token replaced.

    A new one may have its answer already. That counts as given now: only from now on is it late if nobody acts on
    it.
    """
    mark = request.early_mark
    if request.wait is not None and request.wait.name is step:
        deadline, mark = request.wait.deadline, None
    else:
        deadline = now + window(request, step, windows)
    answer = replace(mark, at=now) if mark is not None and mark.wait is step else None
    return Wait(name=step, deadline=deadline, generation=request.generation, token=token, answer=answer)


def _waiting_request(request: Request, wait: Wait, now: datetime, status: RequestStatus) -> Request:
    answer = request.answer
    offered = answer.terms if answer and status is RequestStatus.NEGOTIATING else None
    return replace(
        request,
        wait=wait,
        # The only wait that can follow an early mark is the one that it answers.
        early_mark=None,
        expires_at=wait.deadline,
        answers=request.answers if answer is None else (*request.answers, answer),
        negotiation_round=request.negotiation_round + (offered is not None),
        offered_hours=None if offered is None else offered.hours,
        offered_rate=None if offered is None else offered.rate,
    ).moved(now, status=status)


def request_taken_over(request: Request, wait: Wait, now: datetime) -> Request:
    """Return a request whose open wait another execution has taken over.

    Its due time and its failures stay, because being resumed does not show yet that the new execution works.
    """
    return replace(request, wait=wait, version=request.version + 1, updated_at=now)


def _removes_guard(_request: Request, *, step: Step, **_keywords: object) -> bool:
    return step is Step.WAIT_FOR_SERVICE_START


@reads_everything_when(_removes_guard)
def begin_wait(snapshot: Snapshot, now: datetime, *, step: Step, token: str, windows: Windows) -> Verdict:
    """Open a wait, with the status and the notice that announce it; or only give an open wait its new token.

    A wait that has its answer already asks nobody: there is no notice, and the workflow goes on at once.
    """
    request = snapshot.request
    if step_to_enter(request, now) is not step:
        return status_refusal(request)
    announcement = announcement_of(step, request.answer)
    wait = opened_wait(request, step, token, now, windows)
    if request.wait is not None and request.wait.name is step:
        return Change(request=request_taken_over(request, wait, now), events=())
    after = _waiting_request(request, wait, now, announcement.status)
    automatic = bool(
        request.wait and request.wait.name is not Step.WAIT_FOR_PROVIDER_RESPONSE and not request.answer
    )
    return Change(
        request=after,
        events=(request_event(after, announcement.event, automatic=automatic),),
        notices=() if wait.answer else (announcement.notice(after, wait),),
        guard=GuardAction.REMOVE if _removes_guard(request, step=step) else GuardAction.KEEP,
    )


def complete(snapshot: Snapshot, now: datetime) -> Verdict:
    """IN_PROGRESS → COMPLETED, because the requester has confirmed it or the time to do so is over."""
    request = snapshot.request
    if request.status is RequestStatus.COMPLETED:
        return request
    if next_step(request, now) is not Step.PROCESS_SERVICE_COMPLETION:
        return status_refusal(request)
    automatic = request.answer is None
    after = closed_request(request, now, status=RequestStatus.COMPLETED)
    notice = Notice(
        user_id=request.provider_id,
        type=NotificationType.SYSTEM_UPDATE,
        title="The work is confirmed",
        message="The service is complete and your hours are on their way.",
    )
    event = request_event(after, "Service Completed", automatic=automatic)
    return Change(request=after, events=(event,), notices=(notice,))


def closed_request(
    request: Request, now: datetime, *, status: RequestStatus, reason: StatusReason | None = None
) -> Request:
    """Return a request that waits for nobody any more; an answer to its last wait is kept."""
    answer = request.answer
    return replace(
        request,
        wait=None,
        expires_at=None,
        offered_hours=None,
        offered_rate=None,
        answers=request.answers if answer is None else (*request.answers, answer),
    ).moved(now, status=status, status_reason=reason)
