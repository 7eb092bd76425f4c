"""The inputs of our own operations on requests, and the progress that a progress bar shows."""

from enum import StrEnum

import strawberry

from models import clock
from models.requests.progress import Progress, StepProgress, StepState
from models.requests.statuses import RequestStatus
from schema import enums  # registers RequestStatus under the name that clients know
from schema.scalars import AWSDateTime

__all__ = ["enums"]

strawberry.enum(StepState, name="WorkflowStepState")


@strawberry.enum
class ProviderResponse(StrEnum):
    """What a provider can answer a request."""

    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    COUNTER_OFFER = "COUNTER_OFFER"


@strawberry.enum
class CounterOfferResponse(StrEnum):
    """What a requester can answer a counter-offer."""

    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    COUNTER = "COUNTER"


@strawberry.input
class CounterOfferInput:
    """Other terms: for how many hours, at how many hours an hour."""

    estimated_hours: float
    agreed_rate: float


@strawberry.input
class StartServiceRequestWorkflowInput:
    """Which request to start; one that runs already is left alone."""

    request_id: strawberry.ID


@strawberry.input
class UpdateProviderResponseInput:
    """The provider's answer to a request; `counterOffer` goes with COUNTER_OFFER, and with nothing else.

    With the request's `negotiationRound`, the answer is refused if other terms are on the table by now.
    """

    request_id: strawberry.ID
    response: ProviderResponse
    message: str | None = None
    counter_offer: CounterOfferInput | None = None
    negotiation_round: int | None = None


@strawberry.input
class RespondToCounterOfferInput:
    """The requester's answer to a counter-offer; `counterOffer` goes with COUNTER, and with nothing else.

    With the request's `negotiationRound`, the answer is refused if other terms are on the table by now.
    """

    request_id: strawberry.ID
    response: CounterOfferResponse
    message: str | None = None
    counter_offer: CounterOfferInput | None = None
    negotiation_round: int | None = None


@strawberry.input
class ServiceRequestMarkInput:
    """Which request's service has begun, is confirmed to have begun, is done, or is confirmed to be done."""

    request_id: strawberry.ID


@strawberry.input
class EndServiceRequestInput:
    """Which request to cancel or to withdraw from, and a word to the other side."""

    request_id: strawberry.ID
    message: str | None = None


@strawberry.type
class WorkflowStep:
    """A step of a request, done or to come."""

    name: RequestStatus
    title: str
    state: StepState
    at: AWSDateTime | None

    @classmethod
    def of(cls, step: StepProgress) -> "WorkflowStep":
        """Return a step as clients see it."""
        at = None if step.at is None else AWSDateTime(clock.to_text(step.at))
        return cls(name=step.name, title=step.title, state=step.state, at=at)


@strawberry.type
class WorkflowStatus:
    """How far a request has come: the steps done and to come, for a progress bar."""

    request_id: strawberry.ID
    execution_arn: str | None
    status: RequestStatus
    status_reason: str | None
    current_step: str
    steps: list[WorkflowStep]
    deadline: AWSDateTime | None
    percent_complete: int

    @classmethod
    def of(cls, found: Progress) -> "WorkflowStatus":
        """Return a request's progress as clients see it."""
        return cls(
            request_id=strawberry.ID(found.request_id),
            execution_arn=found.execution_arn,
            status=found.status,
            status_reason=found.status_reason,
            current_step=found.current_step,
            steps=[WorkflowStep.of(step) for step in found.steps],
            deadline=None if found.deadline is None else AWSDateTime(clock.to_text(found.deadline)),
            percent_complete=found.percent,
        )
