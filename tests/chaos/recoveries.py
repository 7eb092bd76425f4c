"""How long a request that is the machine's to move stands still after the last thing that went wrong."""

from dataclasses import dataclass, field
from datetime import datetime

from models.lifecycle import Request

Place = tuple[object, ...]


@dataclass(slots=True)
class Recoveries:
    """The longest standstills, as every write of a request is seen.

    A request is the machine's to move unless it waits for a person, in time; from then on until it is somewhere
    else it stands still. What goes wrong meanwhile begins it anew.

    Args:
        longest: the seconds that the longest took, and what it was.
    """

    longest: tuple[float, str] = (0.0, "")
    _places: dict[str, tuple[Place, float]] = field(default_factory=dict)
    _last_trouble: float = 0.0

    def trouble(self, now: datetime) -> None:
        """Take note that something goes wrong."""
        self._last_trouble = now.timestamp()

    def seen(self, request: Request, now: datetime) -> None:
        """Take note of where a request stands."""
        wait = request.wait
        place = (request.status, request.is_over, wait and (wait.name, wait.deadline, wait.answer))
        before, since = self._places.get(request.id, ((), now.timestamp()))
        if place == before:
            return
        took = now.timestamp() - max(since, self._last_trouble)
        self.longest = max(self.longest, (took, f"{request.id} from {before} to {place}"))
        is_persons = wait is not None and wait.answer is None
        turn = wait.deadline if wait is not None and is_persons else now
        self._places[request.id] = (place, turn.timestamp())
