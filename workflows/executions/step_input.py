"""What travels through the workflows: which request or dispute, for which generation, and which step is next."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from models.requests.next_step import next_step
from models.requests.request import Request
from models.requests.statuses import RequestStatus, Step
from models.requests.windows import Windows, seconds_to_wait

# An execution comes to ResumePoint once for each wait and each surprise; one that keeps coming runs in circles.
MOST_VISITS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInput:
    """One state's input or output.

    Args:
        dispute_id: the dispute that the execution decides; None if it moves the request itself.
        visits: how often this execution has been at its resume point since a person last moved it.
        step: the state that is to come.
        timeout_seconds: the timer of that state, if it is a wait.
    """

    request_id: str
    generation: int
    dispute_id: str | None = None
    visits: int = 0
    step: Step | None = None
    timeout_seconds: int = 1

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> "StepInput":
        """Return the cue that a state hands to its function."""
        return cls(
            request_id=str(event["requestId"]),
            generation=int(event["generation"]),
            dispute_id=event.get("disputeId"),
            visits=int(event.get("visits", 0)),
        )

    @classmethod
    def of(cls, request: Request) -> "StepInput":
        """Return the cue that an execution of this request begins with."""
        dispute_id = request.dispute.id if request.dispute else None
        return cls(request_id=request.id, generation=request.generation, dispute_id=dispute_id)

    def visited(self) -> "StepInput":
        """Return this cue, counted at the resume point.

        Raises:
            RuntimeError: it came too often.
        """
        if self.visits >= MOST_VISITS:
            raise RuntimeError(f"the execution of {self.request_id} runs in circles")
        return replace(self, visits=self.visits + 1)

    def superseded(self) -> "StepInput":
        """Return the cue that ends this execution: another one moves the request, or there is none."""
        return replace(self, step=Step.SUPERSEDED)

    def onward(
        self, request: Request, windows: Windows, now: datetime, *, step: Step | None = None
    ) -> "StepInput":
        """Return the cue to a request's next step, which follows from the request unless it is given."""
        following = step or self._following(request, now)
        return replace(self, step=following, timeout_seconds=seconds_to_wait(request, following, windows, now))

    def is_outdated(self, request: Request) -> bool:
        """Tell whether another execution moves the request by now, and this one has nothing left to do."""
        return request.generation != self.generation and (self.dispute_id is None or self.decides(request))

    def decides(self, request: Request) -> bool:
        """Tell whether this execution's dispute is the one that keeps a request open."""
        return request.dispute is not None and request.dispute.id == self.dispute_id

    def _following(self, request: Request, now: datetime) -> Step:
        """Return the request's next step if it is this execution's to take, else the one that it ends with."""
        if self.dispute_id is not None:
            return next_step(request, now) if self.decides(request) else Step.NOTIFY_DISPUTE_PARTIES
        return Step.HANDLE_DISPUTE if request.status is RequestStatus.DISPUTED else next_step(request, now)

    def as_json(self) -> dict[str, Any]:
        """Return the state machine's form of this cue."""
        return {
            "requestId": self.request_id,
            "generation": self.generation,
            "disputeId": self.dispute_id,
            "visits": self.visits,
            "step": None if self.step is None else self.step.value,
            "timeoutSeconds": self.timeout_seconds,
        }
