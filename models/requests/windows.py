"""How long the workflows wait for people: pure rules over a deployment's windows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from models.requests.request import Request
from models.requests.statuses import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How long the workflows wait: for an answer, a counter-answer, a confirmation, a mark, an admin's decision.

    Args:
        dispute: how long after its payment a request may still be disputed.
    """

    response: timedelta
    negotiation: timedelta
    confirmation: timedelta
    mark: timedelta
    decision: timedelta
    dispute: timedelta


DEFAULT_WINDOWS = Windows(
    response=timedelta(hours=24),
    negotiation=timedelta(hours=24),
    confirmation=timedelta(hours=48),
    mark=timedelta(days=30),
    decision=timedelta(hours=48),
    dispute=timedelta(days=30),
)


def window(request: Request, step: Step, windows: Windows) -> timedelta:
    """Return how long a wait lasts from its beginning."""
    if step is Step.WAIT_FOR_PROVIDER_RESPONSE:
        seconds = request.response_seconds
        return windows.response if seconds is None else timedelta(seconds=seconds)
    if step is Step.WAIT_FOR_NEGOTIATION_RESPONSE:
        return windows.negotiation
    if step in (Step.CONFIRM_SERVICE_START, Step.CONFIRM_SERVICE_COMPLETION):
        return windows.confirmation
    return windows.decision if step is Step.WAIT_FOR_ADMIN_DECISION else windows.mark


def seconds_to_wait(request: Request, step: Step, windows: Windows, now: datetime) -> int:
    """Return the timer for a wait that is about to begin or to begin again: whole seconds, at least 1.

    A wait that is open already keeps its first deadline. One second is added, since the timer starts
    before the handler sets the deadline, and an early timer would only lead back to the same wait.
    """
    if step is Step.START_SERVICE_EXECUTION:
        step = Step.WAIT_FOR_SERVICE_START
    left = window(request, step, windows)
    if request.wait is not None and request.wait.name is step:
        left = request.wait.deadline - now
    return max(1, ceil(left.total_seconds()) + 1)
