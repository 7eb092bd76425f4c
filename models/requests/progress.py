"""How far a request has come: the data of a progress bar."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.requests.request import Request
from models.requests.statuses import ENDED, RequestStatus, StatusReason

# The statuses of a request that nobody refuses, disputes or lets expire.
STRAIGHT_WAY = (
    RequestStatus.INITIATED,
    RequestStatus.VALIDATING,
    RequestStatus.ESCROWED,
    RequestStatus.AWAITING_RESPONSE,
    RequestStatus.ACCEPTED,
    RequestStatus.IN_PROGRESS,
    RequestStatus.COMPLETED,
    RequestStatus.PAID,
)

_TITLES = {
    RequestStatus.INITIATED: "Sent",
    RequestStatus.VALIDATING: "Being checked",
    RequestStatus.ESCROWED: "Hours held",
    RequestStatus.AWAITING_RESPONSE: "Waiting for the provider",
    RequestStatus.NEGOTIATING: "Negotiating",
    RequestStatus.ACCEPTED: "Accepted",
    RequestStatus.IN_PROGRESS: "In progress",
    RequestStatus.COMPLETED: "Work confirmed",
    RequestStatus.PAID: "Paid",
    RequestStatus.REJECTED: "Rejected",
    RequestStatus.EXPIRED: "Expired",
    RequestStatus.DISPUTED: "In dispute",
}


class StepState(StrEnum):
    """Whether the request has passed a step, is at it, or has yet to come to it."""

    DONE = "DONE"
    CURRENT = "CURRENT"
    TO_COME = "TO_COME"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProgress:
    """A step of the way; `at` is when the request came to it, None if it has not yet."""

    name: RequestStatus
    title: str
    state: StepState
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A request's way: the steps done, the current one, and those to come if everybody agrees.

    Args:
        deadline: when the time to act is over, if the workflow waits for somebody.
        percent: how much of the way is done; 100 if the request has ended.
    """

    request_id: str
    execution_arn: str | None
    status: RequestStatus
    status_reason: StatusReason | None
    current_step: str
    steps: tuple[StepProgress, ...]
    deadline: datetime | None
    percent: int


def progress(request: Request) -> Progress:
    """Return how far a request has come."""
    has_ended = request.status in ENDED
    done = [
        StepProgress(name=passage.status, title=_TITLES[passage.status], state=StepState.DONE, at=passage.at)
        for passage in request.passages[:-1]
    ]
    current = StepProgress(
        name=request.status,
        title=_TITLES[request.status],
        state=StepState.DONE if has_ended else StepState.CURRENT,
        at=request.passages[-1].at if request.passages else request.updated_at,
    )
    ahead = [
        StepProgress(name=status, title=_TITLES[status], state=StepState.TO_COME, at=None)
        for status in ([] if has_ended else _statuses_ahead(request))
    ]
    steps = (*done, current, *ahead)
    return Progress(
        request_id=request.id,
        execution_arn=request.step_function_execution_arn,
        status=request.status,
        status_reason=request.status_reason,
        current_step=request.wait.name.value if request.wait else request.status.value,
        steps=steps,
        deadline=request.wait.deadline if request.wait and not request.answer else None,
        percent=100 if has_ended else round(100 * len(done) / len(steps)),
    )


def _statuses_ahead(request: Request) -> tuple[RequestStatus, ...]:
    """Return the statuses of the straight way after the furthest one that the request has come to."""
    reached = [
        STRAIGHT_WAY.index(passage.status) for passage in request.passages if passage.status in STRAIGHT_WAY
    ]
    return STRAIGHT_WAY[max(reached, default=0) + 1 :]
