"""How many operations a server has answered, by their kind and how they ended, and how long mutations took.

They are plain numbers, because every query adds to one of them; who watches the server reads them now and then.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from graphql import GraphQLError, OperationType

from schema.errors import INTERNAL_FAILURE, SERVICE_UNAVAILABLE

_SERVER_FAULT = 500
_UNAVAILABLE = 503


class Outcome(StrEnum):
    """How an operation ended."""

    OK = "ok"
    REFUSED = "refused"  # by a rule, a limit, or because it was not valid
    UNAVAILABLE = "unavailable"  # AWS, or an issuer of tokens, did not answer
    FAILED = "failed"  # for a reason that the client is not told: the log has it


class Durations:
    """How long something took: how often up to each of some bounds.

    Args:
        bounds: in seconds, the smallest first.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count a duration."""
        self.counts[bisect_left(self.bounds, seconds)] += 1
        self.seconds += seconds


class OperationCounts:
    """Counts operations, over HTTP and sockets.

    Attributes:
        plain_queries: the queries that a plan answered without an error.
        ended: all others, by kind and outcome; what was refused before it was read has no kind.
        mutations: how long mutations took over HTTP, without the wait for their turn.
    """

    def __init__(self) -> None:
        self.plain_queries = 0
        self.ended: Counter[tuple[str, Outcome]] = Counter()
        self.mutations = Durations((0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0))

    def note(self, kind: OperationType | None, errors: Iterable[GraphQLError] | None) -> None:
        """Count an operation that has ended, by its errors as they were reported."""
        types = {getattr(error, "error_type", INTERNAL_FAILURE) for error in errors or ()}
        self.note_types(kind, types)

    def note_types(self, kind: OperationType | None, error_types: Iterable[str]) -> None:
        """Count an operation that has ended, by the types of its errors."""
        types = set(error_types)
        if not types:
            outcome = Outcome.OK
        elif INTERNAL_FAILURE in types:
            outcome = Outcome.FAILED
        else:
            outcome = Outcome.UNAVAILABLE if SERVICE_UNAVAILABLE in types else Outcome.REFUSED
        self.ended[_name(kind), outcome] += 1

    def note_status(self, status: int) -> None:
        """Count a request over HTTP that was answered as a whole by an error with this status."""
        outcome = Outcome.UNAVAILABLE if status == _UNAVAILABLE else Outcome.FAILED
        self.ended[_name(None), outcome if status >= _SERVER_FAULT else Outcome.REFUSED] += 1

    def totals(self) -> Counter[tuple[str, Outcome]]:
        """Return the number of all operations by kind and outcome."""
        return self.ended + Counter({(_name(OperationType.QUERY), Outcome.OK): self.plain_queries})


def _name(kind: OperationType | None) -> str:
    return "none" if kind is None else kind.value
