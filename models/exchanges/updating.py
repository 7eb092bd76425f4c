"""What a new status of an exchange means for its request: pure rules.

The app knows four statuses and sends one of them; the request's life has more steps than that. `aim` says what a
member's wish calls for where the request stands; `update_status` does it. One wish may call for several acts (to
accept, then to mark the start), with the workflow's own steps between them: whoever repeats the call goes on from
where the request stands.

    who        sends        means
    ---------  -----------  -------------------------------------------------------------------------------
    provider   IN_PROGRESS  accept the request, then mark the start of the work
    provider   COMPLETED    mark the start, if that is not done yet, then the end; the mark is kept until the
                            start is confirmed
    requester  COMPLETED    confirm the start, then the end, as far as the provider has marked them
    provider   CANCELLED    reject the request, or withdraw from it
    requester  CANCELLED    cancel the request, unless it is accepted
    either     PENDING      nothing: it can only be repeated
"""

from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from functools import partial

from models.errors import Code, Refusal, not_found_refusal
from models.exchanges.record import exchange_status
from models.requests import answers
from models.requests.answers import in_transition_refusal
from models.requests.decision import Snapshot, Verdict, reads_everything_when
from models.requests.request import Party, Request
from models.requests.statuses import BEFORE_ACCEPTANCE, RequestStatus, Response, Step, TransactionStatus

_Rule = Callable[[Snapshot, datetime], Verdict]


class Standing(Enum):
    """How a request stands to a wish that calls for no act."""

    DONE = auto()  # everything that was wished for has happened
    WRITTEN = auto()  # the member's own part is written; the workflow is about to follow


# What a wish calls for: an act, nothing, or a refusal; a transient one if the workflow must move first.
Aim = _Rule | Standing | Refusal
_Wish = Callable[[Request, datetime, str], Aim]

_NOT_TOLD_YET = frozenset({RequestStatus.INITIATED, RequestStatus.VALIDATING, RequestStatus.ESCROWED})
_ENDED_UNPAID = frozenset({RequestStatus.REJECTED, RequestStatus.EXPIRED})


def aim(request: Request, now: datetime, *, by: str, wanted: TransactionStatus) -> Aim:
    """Return what a member's wish for a status calls for where a request stands."""
    if by not in request.parties:
        return not_found_refusal()
    party = Party.REQUESTER if by == request.requester_id else Party.PROVIDER
    if (wish := _WISHES.get((party, wanted))) is not None:
        return wish(request, now, by)
    if wanted is exchange_status(request):
        return Standing.DONE
    if wanted is TransactionStatus.IN_PROGRESS:
        return Refusal(
            Code.UNAUTHORIZED_PROVIDER,
            "status: only the provider accepts a request and begins it; you can send COMPLETED or CANCELLED.",
            _facts(request),
        )
    return _misfit(request, "it was PENDING before it was accepted and cannot be so again.")


def _may_end(_request: Request, *, wanted: TransactionStatus, **_keywords: object) -> bool:
    return wanted is TransactionStatus.CANCELLED


@reads_everything_when(_may_end)
def update_status(snapshot: Snapshot, now: datetime, *, by: str, wanted: TransactionStatus) -> Verdict:
    """Take the next act that a member's wish for a status calls for; return the request as it is if none does."""
    act = aim(snapshot.request, now, by=by, wanted=wanted)
    if isinstance(act, Refusal):
        return act
    return snapshot.request if isinstance(act, Standing) else act(snapshot, now)


def is_written(request: Request, now: datetime, *, by: str, wanted: TransactionStatus) -> bool:
    """Return whether only the workflow is still to follow what a member has written."""
    return aim(request, now, by=by, wanted=wanted) is Standing.WRITTEN


def _answer(wait: Step, by: str, response: Response) -> _Rule:
    return partial(answers.answer, wait=wait, by=by, response=response)


def _is_waiting(request: Request, wait: Step) -> bool:
    """Return whether a request is at a wait, whether that is answered or not."""
    return request.wait is not None and request.wait.name is wait


def _is_settled(request: Request, now: datetime) -> bool:
    """Return whether the workflow is about to move a request on: its wait is not open yet, answered, or over."""
    return request.wait is None or request.answer is not None or request.wait.deadline <= now


def _has_accepted(request: Request) -> bool:
    """Return whether a request is about to be ACCEPTED."""
    return request.answer is not None and request.answer.response in {Response.ACCEPTED, Response.ACCEPT}


def _facts(request: Request) -> dict[str, object]:
    return {"status": exchange_status(request).value, "requestStatus": request.status.value}


def _misfit(request: Request, why: str, code: Code = Code.INVALID_REQUEST_STATUS) -> Refusal:
    """Return the refusal of a status that does not fit where a request stands."""
    found = f"the transaction is {exchange_status(request)} (its request is {request.status})"
    return Refusal(code, f"status: {found}: {why}", _facts(request))


_NOT_ANSWERED = "the requester answers your counter-offer, or the time for it runs out."
_DISPUTED = "an administrator decides the dispute."


def _is_over(request: Request, code: Code = Code.INVALID_REQUEST_STATUS) -> Refusal:
    """Return the refusal for a request that is disputed or has ended."""
    return _misfit(request, _DISPUTED if request.status is RequestStatus.DISPUTED else "it is over.", code)


def _begin(request: Request, _now: datetime, by: str) -> Aim:
    """The provider accepts, then marks the start."""
    if request.status in _NOT_TOLD_YET:
        return in_transition_refusal(request)
    if request.status is RequestStatus.AWAITING_RESPONSE:
        if request.wait is None or _has_accepted(request):
            return in_transition_refusal(request)
        return _answer(Step.WAIT_FOR_PROVIDER_RESPONSE, by, Response.ACCEPTED)
    if request.status is RequestStatus.NEGOTIATING:
        return in_transition_refusal(request) if request.answer else _misfit(request, _NOT_ANSWERED)
    if request.status is RequestStatus.ACCEPTED:
        return Standing.DONE if _is_waiting(request, Step.CONFIRM_SERVICE_START) else _mark_start(request, by)
    in_progress = exchange_status(request) is TransactionStatus.IN_PROGRESS
    return Standing.DONE if in_progress else _is_over(request)


def _mark_start(request: Request, by: str) -> Aim:
    if request.wait is None:
        return in_transition_refusal(request)
    return Standing.WRITTEN if request.answer else _answer(Step.WAIT_FOR_SERVICE_START, by, Response.MARKED)


def _finish(request: Request, now: datetime, by: str) -> Aim:
    """The provider marks the end, and before it the start."""
    if request.status in BEFORE_ACCEPTANCE:
        return _not_accepted(request, "accept it first, by the status IN_PROGRESS.")
    if request.status is RequestStatus.ACCEPTED:
        return _mark_end_early(request, now, by)
    if request.status is RequestStatus.IN_PROGRESS:
        return _mark_end(request, by)
    done = request.status in {RequestStatus.COMPLETED, RequestStatus.PAID}
    return Standing.DONE if done else _is_over(request, Code.INVALID_STATUS_FOR_COMPLETION)


def _mark_end_early(request: Request, now: datetime, by: str) -> Aim:
    """Mark the end before the start is confirmed; before that, the start."""
    if not _is_waiting(request, Step.CONFIRM_SERVICE_START):
        marking = _mark_start(request, by)
        return in_transition_refusal(request) if marking is Standing.WRITTEN else marking
    if request.early_mark is not None:
        return Standing.DONE
    if _is_settled(request, now):
        return in_transition_refusal(request)
    return partial(answers.mark_work_early, by=by)


def _mark_end(request: Request, by: str) -> Aim:
    if _is_waiting(request, Step.CONFIRM_SERVICE_COMPLETION):
        return Standing.DONE
    if request.wait is None:
        return in_transition_refusal(request)
    return Standing.WRITTEN if request.answer else _answer(Step.WAIT_FOR_COMPLETION, by, Response.MARKED)


def _not_accepted(request: Request, why: str) -> Refusal:
    if _has_accepted(request):
        return in_transition_refusal(request)
    return _misfit(request, why, Code.INVALID_STATUS_FOR_COMPLETION)


def _confirm(request: Request, now: datetime, by: str) -> Aim:
    """The requester confirms the start, then the end."""
    if request.status in BEFORE_ACCEPTANCE:
        return _not_accepted(request, "the provider must accept it and do the work first.")
    if request.status is RequestStatus.ACCEPTED:
        return _confirm_start(request, now, by)
    if request.status is RequestStatus.IN_PROGRESS:
        return _confirm_end(request, now, by)
    if request.status is RequestStatus.COMPLETED:
        return Standing.WRITTEN
    is_paid = request.status is RequestStatus.PAID
    return Standing.DONE if is_paid else _is_over(request, Code.INVALID_STATUS_FOR_COMPLETION)


def _confirm_start(request: Request, now: datetime, by: str) -> Aim:
    if _is_settled(request, now):
        confirmed = request.answer is not None and request.answer.by == by and request.early_mark is None
        return Standing.WRITTEN if confirmed else in_transition_refusal(request)
    if _is_waiting(request, Step.CONFIRM_SERVICE_START):
        return _answer(Step.CONFIRM_SERVICE_START, by, Response.CONFIRMED)
    return _misfit(
        request,
        "the provider has not said yet that the work has begun; there is nothing to confirm.",
        Code.INVALID_STATUS_FOR_COMPLETION,
    )


def _confirm_end(request: Request, now: datetime, by: str) -> Aim:
    if _is_waiting(request, Step.CONFIRM_SERVICE_COMPLETION):
        if request.answer is not None:
            return Standing.WRITTEN
        if _is_settled(request, now):
            return in_transition_refusal(request)
        return _answer(Step.CONFIRM_SERVICE_COMPLETION, by, Response.CONFIRMED)
    if _is_settled(request, now):
        return in_transition_refusal(request)
    # Whoever has just confirmed the start, which only the requester can, may be repeating that.
    if any(answer.wait is Step.CONFIRM_SERVICE_START for answer in request.answers):
        return Standing.DONE
    return _misfit(
        request,
        "the provider has not said yet that the work is done; there is nothing to confirm.",
        Code.INVALID_STATUS_FOR_COMPLETION,
    )


def _leave(request: Request, now: datetime, by: str) -> Aim:
    """The provider rejects the request, or withdraws from it."""
    if request.status in _ENDED_UNPAID:
        return Standing.DONE
    if request.status in _NOT_TOLD_YET:
        return in_transition_refusal(request)
    if request.status is RequestStatus.AWAITING_RESPONSE:
        return _reject(request, by)
    if request.status is RequestStatus.NEGOTIATING:
        return in_transition_refusal(request) if _is_settled(request, now) else _misfit(request, _NOT_ANSWERED)
    if request.status in answers.WITHDRAW.statuses:
        return partial(answers.end_early, how=answers.WITHDRAW, by=by)
    return _cannot_be_left(request)


def _reject(request: Request, by: str) -> Aim:
    if request.answer is not None and request.answer.response is Response.REJECTED:
        return Standing.WRITTEN
    if request.wait is None or request.answer is not None:
        return in_transition_refusal(request)
    return _answer(Step.WAIT_FOR_PROVIDER_RESPONSE, by, Response.REJECTED)


def _cancel(request: Request, _now: datetime, by: str) -> Aim:
    """The requester takes a request back that is not accepted yet."""
    if request.status in _ENDED_UNPAID:
        return Standing.DONE
    if request.status in BEFORE_ACCEPTANCE:
        return partial(answers.end_early, how=answers.CANCEL, by=by)
    if request.status in answers.WITHDRAW.statuses:
        return _misfit(request, "it is accepted; ask the provider to withdraw, or use createDispute.")
    return _cannot_be_left(request)


def _cannot_be_left(request: Request) -> Refusal:
    if request.status is RequestStatus.COMPLETED:
        return _misfit(request, "the work is confirmed and about to be paid; createDispute is the way to object.")
    if request.status is RequestStatus.PAID:
        return _misfit(request, "it is paid; createDispute is the way to object.")
    return _is_over(request)


_WISHES: dict[tuple[Party, TransactionStatus], _Wish] = {
    (Party.PROVIDER, TransactionStatus.IN_PROGRESS): _begin,
    (Party.PROVIDER, TransactionStatus.COMPLETED): _finish,
    (Party.REQUESTER, TransactionStatus.COMPLETED): _confirm,
    (Party.PROVIDER, TransactionStatus.CANCELLED): _leave,
    (Party.REQUESTER, TransactionStatus.CANCELLED): _cancel,
}
