"""How long the machine took, without what people took: from their last act until it waits for one again."""

from collections.abc import Iterator
from datetime import datetime

from models.requests.request import Request
from models.requests.statuses import ENDED, RequestStatus, Step
from workflows.metrics.declared import MACHINE_TIME, Point


def machine_time(before: Request, after: Request, *, of_dispute: bool) -> Point | None:
    """Return how long the machine took until this step; None if it has not come to rest with it.

    Args:
        before: the request before the step.
        after: the request after it; the same one if the step was taken already.
        of_dispute: whether the execution decides a dispute.
    """
    if not _rests(before, after):
        return None
    seconds = (after.updated_at - max(_acts(before, after.updated_at))).total_seconds()
    requests, disputes = MACHINE_TIME.labels
    return MACHINE_TIME.at(seconds, disputes if of_dispute else requests)


def _rests(before: Request, after: Request) -> bool:
    """Return whether a request has come to wait for somebody, or to its end, by one step."""
    if after.version == before.version:
        return False
    if after.status in ENDED:
        return before.status not in ENDED
    wait = after.wait
    return wait is not None and wait.answer is None and (before.wait is None or before.wait.name is not wait.name)


def _acts(request: Request, now: datetime) -> Iterator[datetime]:
    """Yield when people acted on a request, or a wait for them was over."""
    yield request.created_at
    for answer in request.answers:
        yield answer.at
    for dispute in request.disputes:
        yield dispute.at
    if all(answer.wait is not Step.CONFIRM_SERVICE_COMPLETION for answer in request.answers):
        # Nobody confirmed in time: with the deadline the request was completed, and waits no more.
        yield from (one.at for one in request.passages if one.status is RequestStatus.COMPLETED)
    if request.answer is not None:
        yield request.answer.at
    elif request.wait is not None and request.wait.deadline <= now:
        yield request.wait.deadline
