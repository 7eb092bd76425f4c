"""Measures how long a request that the workflow has to move stands still after the last fault."""

from dataclasses import dataclass, field
from datetime import datetime

from models.requests.request import Request

Place = tuple[object, ...]

# The sweep's interval of a minute, and the time that its execution takes with retries.
LATE_SECONDS = 75.0
# A step is due for the sweep after a minute, so that the next sweep but one finds a lost execution.
STILL_SECONDS = 60.0 + LATE_SECONDS


@dataclass(frozen=True, slots=True)
class LastSeen:
    """Where a request was seen last.

    Args:
        place: its status and wait, to be compared with later ones.
        since: the moment from which the workflow has to move it.
        due_at: when the sweep is due to look after it; None if nobody has to move it.
    """

    place: Place
    since: datetime
    due_at: datetime | None


@dataclass(slots=True)
class Recoveries:
    """The longest standstills, measured at every write of a request.

    The workflow has to move a request unless it waits for a person before the deadline. It stands still from then
    on until it has moved. A fault meanwhile restarts the measurement.

    Args:
        longest: the longest standstill in seconds, and where it was.
        latest: the longest one counted from the moment at which the sweep was due to look after the request.
    """

    longest: tuple[float, str] = (0.0, "")
    latest: tuple[float, str] = (0.0, "")
    _last_seen: dict[str, LastSeen] = field(default_factory=dict)
    _last_fault: datetime | None = None

    def check(self, *, is_mended: bool = True) -> None:
        """Assert that nothing stood still for too long; what keeps failing is resumed at growing intervals."""
        assert self.latest[0] <= LATE_SECONDS, self.latest
        assert not is_mended or self.longest[0] <= STILL_SECONDS, self.longest

    def note_fault(self, now: datetime) -> None:
        """Take note of a fault."""
        self._last_fault = now

    def note_write(self, request: Request, now: datetime) -> None:
        """Take note of a written request."""
        wait = request.wait
        place = (request.status, request.is_over, wait and (wait.name, wait.deadline, wait.answer))
        before = self._last_seen.get(request.id)
        since = wait.deadline if wait is not None and wait.answer is None else now
        if before is not None and before.place == place:
            since = before.since
        elif before is not None and before.due_at is not None:
            began = max(before.since, self._last_fault or before.since)
            step = f"{request.id} from {before.place} to {place}"
            self.longest = max(self.longest, ((now - began).total_seconds(), step))
            self.latest = max(self.latest, ((now - max(began, before.due_at)).total_seconds(), step))
        self._last_seen[request.id] = LastSeen(place, since, request.due_at)
