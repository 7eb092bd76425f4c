"""How long a request that is the machine's to move stands still after the last thing that went wrong."""

from dataclasses import dataclass, field
from datetime import datetime

from models.requests.request import Request

Place = tuple[object, ...]

# The sweep's minute, and what its execution takes with its retries.
LATE_SECONDS = 75.0
# A step is due for the sweep after a minute, so that an execution which nobody began is found by the next but one.
STILL_SECONDS = 60.0 + LATE_SECONDS


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a request stands.

    Args:
        place: what tells it from where it was before.
        since: since when it is the machine's to move it on.
        due_at: when its row says that somebody looks after it; None if it is nobody's to move.
    """

    place: Place
    since: datetime
    due_at: datetime | None


@dataclass(slots=True)
class Recoveries:
    """The longest standstills, as every write of a request is seen.

    A request is the machine's to move unless it waits for a person, in time; from then on until it is somewhere
    else it stands still. What goes wrong meanwhile begins it anew.

    Args:
        longest: the seconds that the longest took, and what it was.
        latest: likewise, but counted from when the request's row said that somebody would look after it.
    """

    longest: tuple[float, str] = (0.0, "")
    latest: tuple[float, str] = (0.0, "")
    _standings: dict[str, Standing] = field(default_factory=dict)
    _last_trouble: datetime | None = None

    def check(self, *, is_mended: bool = True) -> None:
        """Assert that nothing stood still for too long; what keeps failing is resumed later and later."""
        assert self.latest[0] <= LATE_SECONDS, self.latest
        assert not is_mended or self.longest[0] <= STILL_SECONDS, self.longest

    def trouble(self, now: datetime) -> None:
        """Take note that something goes wrong."""
        self._last_trouble = now

    def seen(self, request: Request, now: datetime) -> None:
        """Take note of where a request stands."""
        wait = request.wait
        place = (request.status, request.is_over, wait and (wait.name, wait.deadline, wait.answer))
        before = self._standings.get(request.id)
        turn = wait.deadline if wait is not None and wait.answer is None else now
        if before is not None and before.place == place:
            turn = before.since
        elif before is not None and before.due_at is not None:
            began = max(before.since, self._last_trouble or before.since)
            step = f"{request.id} from {before.place} to {place}"
            self.longest = max(self.longest, ((now - began).total_seconds(), step))
            self.latest = max(self.latest, ((now - max(began, before.due_at)).total_seconds(), step))
        self._standings[request.id] = Standing(place, turn, request.due_at)
