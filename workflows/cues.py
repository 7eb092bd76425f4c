"""What travels through ServiceRequestWorkflow: which request, for which generation, and which step is next."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from models.lifecycle import Request, Step, Windows, next_step, seconds_to_wait

# An execution comes to ResumePoint once for each wait and each surprise; one that keeps coming runs in circles.
MOST_VISITS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """One state's input or output.

    Args:
        visits: how often this execution has been at ResumePoint since a person last moved it.
        step: the state that is to come.
        timeout_seconds: the timer of that state, if it is a wait.
    """

    request_id: str
    generation: int
    visits: int = 0
    step: Step | None = None
    timeout_seconds: int = 1

    @classmethod
    def read(cls, event: Mapping[str, Any]) -> "Cue":
        """Return the cue that a state hands to its function."""
        return cls(
            request_id=str(event["requestId"]),
            generation=int(event["generation"]),
            visits=int(event.get("visits", 0)),
        )

    @classmethod
    def of(cls, request: Request) -> "Cue":
        """Return the cue that an execution of this request begins with."""
        return cls(request_id=request.id, generation=request.generation)

    def visited(self) -> "Cue":
        """Return this cue, counted at ResumePoint.

        Raises:
            RuntimeError: it came too often.
        """
        if self.visits >= MOST_VISITS:
            raise RuntimeError(f"the execution of {self.request_id} runs in circles")
        return replace(self, visits=self.visits + 1)

    def superseded(self) -> "Cue":
        """Return the cue that ends this execution: another one moves the request, or there is none."""
        return replace(self, step=Step.SUPERSEDED)

    def onward(self, request: Request, windows: Windows, now: datetime, *, step: Step | None = None) -> "Cue":
        """Return the cue to a request's next step, which follows from the request unless it is given."""
        following = step or next_step(request, now)
        return replace(self, step=following, timeout_seconds=seconds_to_wait(request, following, windows, now))

    def as_json(self) -> dict[str, Any]:
        """Return the state machine's form of this cue."""
        return {
            "requestId": self.request_id,
            "generation": self.generation,
            "visits": self.visits,
            "step": None if self.step is None else self.step.value,
            "timeoutSeconds": self.timeout_seconds,
        }
