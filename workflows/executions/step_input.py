"""The input and output of a workflow's states: the request or dispute, its generation, and the next step."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from models.correlation import correlation_id
from models.requests.next_step import next_step
from models.requests.request import Request
from models.requests.statuses import RequestStatus, Step
from models.requests.windows import Windows, seconds_to_wait

# An execution returns to ResumePoint once for each wait and each surprise; more visits mean an endless loop.
MOST_VISITS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInput:
    """The input or output of one state.

    Args:
        dispute_id: the dispute that the execution decides; None if it moves the request itself.
        visits: how often this execution has been at its resume point since a person last moved it.
        correlation_id: names what was the last to set the execution going; see `models.correlation`.
        step: the next state.
        timeout_seconds: the timeout of that state, if it is a wait.
    """

    request_id: str
    generation: int
    dispute_id: str | None = None
    visits: int = 0
    correlation_id: str | None = None
    step: Step | None = None
    timeout_seconds: int = 1

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> "StepInput":
        """Return the step input in a function's event."""
        return cls(
            request_id=str(event["requestId"]),
            generation=int(event["generation"]),
            dispute_id=event.get("disputeId"),
            visits=int(event.get("visits", 0)),
            correlation_id=correlation_of(event),
        )

    @classmethod
    def of(cls, request: Request) -> "StepInput":
        """Return the step input with which an execution of this request begins."""
        dispute_id = request.dispute.id if request.dispute else None
        return cls(
            request_id=request.id,
            generation=request.generation,
            dispute_id=dispute_id,
            correlation_id=correlation_id(),
        )

    def visited(self) -> "StepInput":
        """Return this step input with one more visit to the resume point.

        Raises:
            RuntimeError: there are too many visits.
        """
        if self.visits >= MOST_VISITS:
            raise RuntimeError(f"the execution of {self.request_id} runs in circles")
        return replace(self, visits=self.visits + 1)

    def superseded(self) -> "StepInput":
        """Return the step input that ends this execution: the request is gone or moved by another one."""
        return replace(self, step=Step.SUPERSEDED)

    def onward(
        self, request: Request, windows: Windows, now: datetime, *, step: Step | None = None
    ) -> "StepInput":
        """Return the input of a request's next step; `step` overrides the step that follows from the request."""
        next_ = step or self._next_step(request, now)
        return replace(self, step=next_, timeout_seconds=seconds_to_wait(request, next_, windows, now))

    def is_outdated(self, request: Request) -> bool:
        """Return whether another execution moves the request by now, so that this one has nothing left to do."""
        return request.generation != self.generation and (self.dispute_id is None or self.decides(request))

    def decides(self, request: Request) -> bool:
        """Return whether this execution decides the dispute that is open for a request."""
        return request.dispute is not None and request.dispute.id == self.dispute_id

    def _next_step(self, request: Request, now: datetime) -> Step:
        """Return the request's next step if this execution takes it, else the step that ends this execution."""
        if self.dispute_id is not None:
            return next_step(request, now) if self.decides(request) else Step.NOTIFY_DISPUTE_PARTIES
        return Step.HANDLE_DISPUTE if request.status is RequestStatus.DISPUTED else next_step(request, now)

    def as_json(self) -> dict[str, Any]:
        """Return this step input as JSON for the state machine."""
        return {
            "requestId": self.request_id,
            "generation": self.generation,
            "disputeId": self.dispute_id,
            "visits": self.visits,
            "correlationId": self.correlation_id,
            "step": None if self.step is None else self.step.value,
            "timeoutSeconds": self.timeout_seconds,
        }


def correlation_of(event: Mapping[str, Any]) -> str | None:
    """Return the correlation id in a function's event; None if it has none.

    States that name what they hand on (waits, nested executions) have all of their input in `carried`, because a
    path to a field that older executions and functions do not know would fail.
    """
    carried = event.get("carried")
    found = event.get("correlationId") or (carried.get("correlationId") if isinstance(carried, dict) else None)
    return found if isinstance(found, str) else None
