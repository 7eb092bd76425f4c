"""How long the workflows wait for people: pure rules over a deployment's windows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from models.requests.request import Request
from models.requests.statuses import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How long people have.

    Args:
        response: for the provider's response to a request.
        negotiation: for the requester's response to a counter-offer.
        confirmation: for the requester's confirmation that the service has started or is complete.
        mark: for the provider to mark the service as started or complete.
        decision: for an admin's decision on a dispute.
        dispute: to dispute a request after its payment.
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
    """Return how long a wait lasts, from when it is opened."""
    if step is Step.WAIT_FOR_PROVIDER_RESPONSE:
        seconds = request.response_seconds
        return windows.response if seconds is None else timedelta(seconds=seconds)
    if step is Step.WAIT_FOR_NEGOTIATION_RESPONSE:
        return windows.negotiation
    if step in (Step.CONFIRM_SERVICE_START, Step.CONFIRM_SERVICE_COMPLETION):
        return windows.confirmation
    return windows.decision if step is Step.WAIT_FOR_ADMIN_DECISION else windows.mark


def seconds_to_wait(request: Request, step: Step, windows: Windows, now: datetime) -> int:
    """Return the timer for a wait that is about to be opened or taken over, in whole seconds, at least 1.

    A wait that is open already keeps its deadline. One second is added because the timer starts before the handler
    sets the deadline: a timer that is early would only lead back to the same wait.
    """
    if step is Step.START_SERVICE_EXECUTION:
        step = Step.WAIT_FOR_SERVICE_START
    left = window(request, step, windows)
    if request.wait is not None and request.wait.name is step:
        left = request.wait.deadline - now
    return max(1, ceil(left.total_seconds()) + 1)
