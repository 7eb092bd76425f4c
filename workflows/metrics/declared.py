"""The metrics of the workflows, each declared once: emission, dashboards, alarms and docs derive from here.

Every metric has the dimension `Stack`, because several stacks may share an account; some have a second one, whose
values are few, because CloudWatch asks a price for each combination (see docs/cost.md).
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from models.ledger.movements import TransactionType
from models.requests.statuses import ENDED

NAMESPACE = "HourBank"
STACK = "Stack"
# A request whose executions have failed for longer is stuck, whatever the sweep does.
STUCK_AFTER = timedelta(minutes=5)


class Unit(StrEnum):
    """CloudWatch's units; hours of members' work and stars of a rating have none of their own there."""

    COUNT = "Count"
    SECONDS = "Seconds"
    NONE = "None"


class Statistic(StrEnum):
    """How the values of a period are put together."""

    SUM = "Sum"
    AVERAGE = "Average"
    MAXIMUM = "Maximum"


class Counted(StrEnum):
    """How often the same event is counted, if a handler is interrupted and runs again."""

    ONCE = "at most once"
    AGAIN = "at least once"
    GAUGE = "a state: again does no harm"


class Moved(StrEnum):
    """The kinds of movements of hours beside the direct transfers, whose kinds are their transaction types."""

    HELD = "HELD"
    RELEASED = "RELEASED"
    RETURNED = "RETURNED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric.

    Args:
        name: its name in CloudWatch.
        unit: the unit of its values.
        meaning: what one value says, for docs and titles.
        statistic: how its values are looked at.
        counted: how often the same event is counted.
        emitted_by: the function that emits it.
        dimension: its second dimension; None if it has none.
        labels: the values of that dimension; empty if they are the functions' names.
    """

    name: str
    unit: Unit
    meaning: str
    statistic: Statistic
    counted: Counted
    emitted_by: str
    dimension: str | None = None
    labels: tuple[str, ...] = ()

    def at(self, value: float, label: str | None = None) -> "Point":
        """Return a value of this metric.

        Raises:
            ValueError: the label is not one of the declared ones, or missing, or not wanted.
        """
        if (label is None) is not (self.dimension is None) or (self.labels and label not in self.labels):
            raise ValueError(f"{self.name} has no {self.dimension} {label}")
        return Point(self, value, label)


@dataclass(frozen=True, slots=True)
class Point:
    """A value of a metric, with the value of its second dimension, if it has one."""

    metric: Metric
    value: float
    label: str | None


REQUESTS_ENDED = Metric(
    name="RequestsEnded",
    unit=Unit.COUNT,
    meaning="requests that ended, by outcome; a dispute after the payment ends none again",
    statistic=Statistic.SUM,
    counted=Counted.AGAIN,
    emitted_by="publishEvents",
    dimension="Outcome",
    labels=tuple(sorted(status.value for status in ENDED)),
)
REQUESTS_GIVEN_UP = Metric(
    name="RequestsGivenUp",
    unit=Unit.COUNT,
    meaning="requests that no execution could move for 24 hours: ended, or left to an admin",
    statistic=Statistic.SUM,
    counted=Counted.AGAIN,
    emitted_by="publishEvents",
)
HOURS_MOVED = Metric(
    name="HoursMoved",
    unit=Unit.NONE,
    meaning="hours that were held, released to a provider, returned from an escrow, or transferred directly",
    statistic=Statistic.SUM,
    counted=Counted.AGAIN,
    emitted_by="publishEvents",
    dimension="Kind",
    labels=(
        *Moved,
        TransactionType.TRANSFER.value,
        TransactionType.REFUND.value,
        TransactionType.ADMIN_ADJUSTMENT.value,
    ),
)
DISPUTE_TIME = Metric(
    name="DisputeTime",
    unit=Unit.SECONDS,
    meaning="seconds from a dispute's beginning until its decision was carried out",
    statistic=Statistic.AVERAGE,
    counted=Counted.AGAIN,
    emitted_by="publishEvents",
)
RATING = Metric(
    name="Rating",
    unit=Unit.NONE,
    meaning="stars that a requester gave, 1 to 5",
    statistic=Statistic.AVERAGE,
    counted=Counted.AGAIN,
    emitted_by="publishEvents",
)
EVENT_LAG = Metric(
    name="EventLag",
    unit=Unit.SECONDS,
    meaning="seconds from an event's transaction until the bus had it: the oldest of a batch",
    statistic=Statistic.MAXIMUM,
    counted=Counted.GAUGE,
    emitted_by="publishEvents",
)
CHANGE_LAG = Metric(
    name="ChangeLag",
    unit=Unit.SECONDS,
    meaning="seconds from a row's change until the servers' topic had it: the oldest of a batch, to the second",
    statistic=Statistic.MAXIMUM,
    counted=Counted.GAUGE,
    emitted_by="publishChanges",
)
MACHINE_TIME = Metric(
    name="MachineTime",
    unit=Unit.SECONDS,
    meaning="seconds from what a member did, or a deadline, until the machine waited for somebody again or the "
    "request had ended; no wait is in it",
    statistic=Statistic.AVERAGE,
    counted=Counted.ONCE,
    emitted_by="the steps that open a wait or end a request",
    dimension="Machine",
    labels=("ServiceRequestWorkflow", "DisputeResolutionWorkflow"),
)
HANDLER_FAILURES = Metric(
    name="HandlerFailures",
    unit=Unit.COUNT,
    meaning="calls of a function that ended with an error; the machine retries most",
    statistic=Statistic.SUM,
    counted=Counted.AGAIN,
    emitted_by="every function",
    dimension="Function",
)
REQUESTS_DUE = Metric(
    name="RequestsDue",
    unit=Unit.COUNT,
    meaning="requests that a sweep found due",
    statistic=Statistic.MAXIMUM,
    counted=Counted.GAUGE,
    emitted_by="sweepRequests",
)
REQUESTS_STUCK = Metric(
    name="RequestsStuck",
    unit=Unit.COUNT,
    meaning="requests that a sweep looked after and whose executions have failed for over five minutes",
    statistic=Statistic.MAXIMUM,
    counted=Counted.GAUGE,
    emitted_by="sweepRequests",
)
OLDEST_DUE = Metric(
    name="OldestDue",
    unit=Unit.SECONDS,
    meaning="seconds for which the longest due request has been due when a sweep found it",
    statistic=Statistic.MAXIMUM,
    counted=Counted.GAUGE,
    emitted_by="sweepRequests",
)
MEMBERS = Metric(
    name="Members",
    unit=Unit.COUNT,
    meaning="members, and balances of members who have left, that a reconciliation checked",
    statistic=Statistic.MAXIMUM,
    counted=Counted.GAUGE,
    emitted_by="publishEvents",
)
TOTAL_HOURS = Metric(
    name="TotalHours",
    unit=Unit.NONE,
    meaning="the sum of all balances at a reconciliation, in hours, held ones included",
    statistic=Statistic.MAXIMUM,
    counted=Counted.GAUGE,
    emitted_by="publishEvents",
)
HELD_HOURS = Metric(
    name="HeldHours",
    unit=Unit.NONE,
    meaning="the hours held in escrow at a reconciliation",
    statistic=Statistic.MAXIMUM,
    counted=Counted.GAUGE,
    emitted_by="publishEvents",
)
MEAN_BALANCE = Metric(
    name="MeanBalance",
    unit=Unit.NONE,
    meaning="the mean balance at a reconciliation, in hours",
    statistic=Statistic.MAXIMUM,
    counted=Counted.GAUGE,
    emitted_by="publishEvents",
)
DISCREPANCIES = Metric(
    name="Discrepancies",
    unit=Unit.COUNT,
    meaning="discrepancies that a reconciliation found",
    statistic=Statistic.MAXIMUM,
    counted=Counted.GAUGE,
    emitted_by="publishEvents",
)

METRICS = tuple(one for one in list(globals().values()) if isinstance(one, Metric))
