"""What people do with a request: pure rules that decide whether they may, and what it changes.

If the same caller repeats the same content, the stored result is returned. While the workflow has not acted on an
answer, only its own step may act: anything else gets a transient refusal, and may be retried at once.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from models import clock, hours
from models.errors import Code, Refusal, not_found_refusal
from models.hours import Hours
from models.requests.decision import Change, Snapshot, Verdict, reads_everything, reads_everything_when
from models.requests.endings import end
from models.requests.negotiation import counter_refusal, with_adjusted_hold
from models.requests.request import Answer, Party, Passage, Request, Terms, Wait
from models.requests.statuses import BEFORE_ACCEPTANCE, RequestStatus, Response, StatusReason, Step
from models.requests.steps import request_event, status_refusal

SUBMITTED = "Service Request Submitted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a wait asks.

    Args:
        party: who is to answer.
        responses: the answers that there are.
        status: the status of a request that waits like this.
        event: the type of the event that logs the answer.
        early: the refusal's message if the request has that status and is not at this wait.
        misplaced: the refusal's code if the request is not at this wait.
    """

    party: Party
    responses: frozenset[Response]
    status: RequestStatus
    event: str
    early: str = "It is not time for this yet."
    misplaced: Code = Code.INVALID_REQUEST_STATUS


QUESTIONS = {
    Step.WAIT_FOR_PROVIDER_RESPONSE: Question(
        party=Party.PROVIDER,
        responses=frozenset({Response.ACCEPTED, Response.REJECTED, Response.COUNTER_OFFER}),
        status=RequestStatus.AWAITING_RESPONSE,
        event="Provider Response Received",
    ),
    Step.WAIT_FOR_NEGOTIATION_RESPONSE: Question(
        party=Party.REQUESTER,
        responses=frozenset({Response.ACCEPT, Response.REJECT, Response.COUNTER}),
        status=RequestStatus.NEGOTIATING,
        event="Negotiation Response Received",
        early="The provider has made no counter-offer that waits for an answer.",
    ),
    Step.WAIT_FOR_SERVICE_START: Question(
        party=Party.PROVIDER,
        responses=frozenset({Response.MARKED}),
        status=RequestStatus.ACCEPTED,
        event="Service Start Marked",
    ),
    Step.CONFIRM_SERVICE_START: Question(
        party=Party.REQUESTER,
        responses=frozenset({Response.CONFIRMED}),
        status=RequestStatus.ACCEPTED,
        event="Service Start Confirmed",
        early="The provider has not said yet that the work has begun.",
    ),
    Step.WAIT_FOR_COMPLETION: Question(
        party=Party.PROVIDER,
        responses=frozenset({Response.MARKED}),
        status=RequestStatus.IN_PROGRESS,
        event="Service Completion Marked",
        misplaced=Code.INVALID_STATUS_FOR_COMPLETION,
    ),
    Step.CONFIRM_SERVICE_COMPLETION: Question(
        party=Party.REQUESTER,
        responses=frozenset({Response.CONFIRMED}),
        status=RequestStatus.IN_PROGRESS,
        event="Service Completion Confirmed",
        early="The provider has not said yet that the work is done.",
        misplaced=Code.INVALID_STATUS_FOR_COMPLETION,
    ),
}


def create(snapshot: Snapshot, now: datetime) -> Change | Refusal:
    """— → INITIATED. Service, members and balance are left to the validation step."""
    request, service = snapshot.request, snapshot.service
    if not hours.is_amount(request.estimated_hours):
        return invalid_amount_refusal(request.estimated_hours)
    if service is not None and not hours.is_amount(hours.priced(request.estimated_hours, service.hourly_rate)):
        return invalid_amount_refusal(request.estimated_hours, rate=service.hourly_rate)
    born = Passage(status=RequestStatus.INITIATED, at=now)
    rate = hours.Hours(1) if service is None else service.hourly_rate
    asked = hours.priced(request.estimated_hours, rate)
    after = replace(request.moved(now), created_at=now, passages=(born,), asked=asked)
    event = request_event(
        after,
        SUBMITTED,
        actor=request.requester_id,
        estimatedHours=float(request.estimated_hours),
    )
    return Change(request=after, events=(event,))


def invalid_amount_refusal(estimated_hours: Hours | float, *, rate: Hours | None = None) -> Refusal:
    """Return the refusal for hours that cannot be requested."""
    at = "" if rate is None else f" at {rate} an hour"
    return Refusal(
        Code.INVALID_AMOUNT,
        f"estimatedHours: {estimated_hours} hours{at} cannot be asked for. "
        f"Give a multiple of 0.01 that comes to between {hours.SMALLEST_AMOUNT} and {hours.LARGEST_AMOUNT} hours.",
        {"smallest": float(hours.SMALLEST_AMOUNT), "largest": float(hours.LARGEST_AMOUNT)},
    )


def may_move_hours(wait: Step) -> bool:
    """Return whether an answer to this wait may move hours: one to a counter-offer may take up other terms."""
    return wait is Step.WAIT_FOR_NEGOTIATION_RESPONSE


def _may_move_hours(_request: Request, *, wait: Step, **_keywords: object) -> bool:
    return may_move_hours(wait)


@reads_everything_when(_may_move_hours)
def answer(
    snapshot: Snapshot,
    now: datetime,
    *,
    wait: Step,
    by: str,
    response: Response,
    message: str | None = None,
    terms: Terms | None = None,
    round: int | None = None,
) -> Verdict:
    """Write a member's answer to a wait, once; if it takes up other terms, the held hours are adjusted with it.

    Args:
        snapshot: the request; the whole snapshot if the answer may move hours.
        now: the time of the answer.
        wait: which wait is answered.
        by: who answers.
        response: the answer.
        message: a word to the other side.
        terms: the other terms of a counter-offer.
        round: the round of the negotiation that the answer is for; None if it is for whichever it is.

    Raises:
        ValueError: the wait takes no such response; that is a bug in a mutation, not a member's mistake.
    """
    request, question = snapshot.request, QUESTIONS[wait]
    if response not in question.responses:
        raise ValueError(f"{response} is no answer to {wait}")
    if (refused := not_a_party_refusal(request, by, question.party)) is not None:
        return refused
    if (earlier := _earlier_answer(request, wait, round)) is not None:
        same = (earlier.response, earlier.message, earlier.terms) == (response, message, terms)
        return request if same else _answered_refusal(request, earlier)
    if round is not None and round != request.negotiation_round:
        return _other_round_refusal(request, round)
    open_wait = _open_wait(request, wait, now)
    if isinstance(open_wait, Refusal):
        return open_wait
    if terms is not None and (refused := counter_refusal(request, terms)) is not None:
        return refused
    given = Answer(
        wait=wait, round=request.negotiation_round, response=response, by=by, at=now, message=message, terms=terms
    )
    after = replace(request, wait=replace(open_wait, answer=given)).moved(now)
    event = request_event(after, question.event, actor=by, response=response, message=message)
    return with_adjusted_hold(snapshot, now, Change(request=after, events=(event,)))


def _open_wait(request: Request, wait: Step, now: datetime) -> Wait | Refusal:
    """Return the wait if it may be answered now; otherwise the refusal."""
    question = QUESTIONS[wait]
    if request.answer is not None:
        return in_transition_refusal(request)
    if request.status is not question.status or request.wait is None or request.wait.name is not wait:
        refused = replace(status_refusal(request), code=question.misplaced)
        return replace(refused, message=question.early) if request.status is question.status else refused
    if request.wait.deadline <= now:
        return Refusal(
            Code.DEADLINE_PASSED,
            "The time for this answer is over.",
            {"deadline": clock.to_text(request.wait.deadline), "status": request.status.value},
        )
    return request.wait


def _earlier_answer(request: Request, wait: Step, round: int | None) -> Answer | None:
    """Return the answer that this wait has, or, unless it is open again, the last answer that it had.

    If the round is given, return the answer that this wait had in that round.
    """
    if round is not None:
        given = (*request.answers, request.answer) if request.answer else request.answers
        return next((answer for answer in given if (answer.wait, answer.round) == (wait, round)), None)
    if request.wait is not None and request.wait.name is wait:
        return request.answer
    return next((answer for answer in reversed(request.answers) if answer.wait is wait), None)


def _other_round_refusal(request: Request, round: int) -> Refusal:
    return Refusal(
        Code.INVALID_REQUEST_STATUS,
        f"negotiationRound: the negotiation is in round {request.negotiation_round}, not {round}. "
        "Read the request again, and answer what is offered now.",
        {"status": request.status.value, "negotiationRound": request.negotiation_round},
    )


def _answered_refusal(request: Request, earlier: Answer) -> Refusal:
    return Refusal(
        Code.INVALID_REQUEST_STATUS,
        f"This was answered {earlier.response} already.",
        {"status": request.status.value, "answered": earlier.response.value},
    )


def in_transition_refusal(request: Request) -> Refusal:
    """Return a transient refusal: the workflow is about to move the request on, so that the caller may retry."""
    return Refusal(
        Code.INVALID_REQUEST_STATUS,
        f"The request is {request.status} and about to move on. Please look again in a moment.",
        {"status": request.status.value},
        is_transient=True,
    )


def not_a_party_refusal(request: Request, by: str, party: Party) -> Refusal | None:
    """Return the refusal for a caller who is not the given party of a request; None if they are."""
    if by == request.member(party):
        return None
    # A caller who is not a party at all learns nothing, not even that the request exists.
    if by not in request.parties:
        return not_found_refusal()
    if party is Party.PROVIDER:
        return Refusal(Code.UNAUTHORIZED_PROVIDER, "Only the provider of this request may do this.")
    return Refusal(Code.UNAUTHORIZED_REQUESTER, "Only the requester of this request may do this.")


def mark_work_early(snapshot: Snapshot, now: datetime, *, by: str) -> Verdict:
    """Write the provider's mark that the work is done while its start still waits to be confirmed, once.

    The request stays where it is. As soon as its start is confirmed, by the requester or because their time is
    over, this mark answers the wait for it.
    """
    request, question = snapshot.request, QUESTIONS[Step.WAIT_FOR_COMPLETION]
    if (refused := not_a_party_refusal(request, by, question.party)) is not None:
        return refused
    if request.early_mark is not None:
        return request
    start = _open_wait(request, Step.CONFIRM_SERVICE_START, now)
    if isinstance(start, Refusal):
        return start
    mark = Answer(
        wait=Step.WAIT_FOR_COMPLETION,
        round=request.negotiation_round,
        response=Response.MARKED,
        by=by,
        at=now,
    )
    # It does not show that an execution works, so that due time and failures stay.
    after = replace(request, early_mark=mark, version=request.version + 1, updated_at=now)
    return Change(
        request=after,
        events=(request_event(after, question.event, actor=by, response=Response.MARKED, message=None),),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyExit:
    """How a party ends a request: which party, from which statuses, for what reason, logged as which event."""

    party: Party
    statuses: frozenset[RequestStatus]
    reason: StatusReason
    event: str


# INITIATED … NEGOTIATING → REJECTED by the requester.
CANCEL = EarlyExit(
    party=Party.REQUESTER,
    statuses=BEFORE_ACCEPTANCE,
    reason=StatusReason.REQUESTER_CANCELLED,
    event="Service Request Cancelled",
)
# ACCEPTED, IN_PROGRESS → REJECTED by the provider.
WITHDRAW = EarlyExit(
    party=Party.PROVIDER,
    statuses=frozenset({RequestStatus.ACCEPTED, RequestStatus.IN_PROGRESS}),
    reason=StatusReason.PROVIDER_WITHDREW,
    event="Service Request Withdrawn",
)


@reads_everything
def end_early(
    snapshot: Snapshot, now: datetime, *, how: EarlyExit, by: str, message: str | None = None
) -> Verdict:
    """→ REJECTED by one of the parties; hours that are held are returned."""
    request = snapshot.request
    if (refused := not_a_party_refusal(request, by, how.party)) is not None:
        return refused
    if request.status_reason is how.reason:
        return request
    if request.answer is not None:
        return in_transition_refusal(request)
    if request.status not in how.statuses:
        return status_refusal(request)
    return end(
        snapshot, now, status=RequestStatus.REJECTED, reason=how.reason, event=how.event, actor=by, message=message
    )
