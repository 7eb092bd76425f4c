"""The metrics of a server, each declared once: the page and docs/metrics.md derive from here."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Prometheus's kinds of metrics."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerMetric:
    """A metric of a server.

    Args:
        name: its name; Prometheus adds `_total` to a counter's.
        kind: its kind.
        meaning: what it says, with its unit.
        labels: the names of its labels.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()

    @property
    def row(self) -> tuple[str, str, str, str]:
        """Return the row of a table: name, kind, labels, and what it says."""
        return f"`{self.name}`", self.kind.value, ", ".join(self.labels), self.meaning


OPERATIONS = ServerMetric(
    name="hourbank_operations",
    kind=Kind.COUNTER,
    meaning="operations that have ended, by kind (none: refused before it was read) and outcome",
    labels=("kind", "outcome"),
)
MUTATION_SECONDS = ServerMetric(
    name="hourbank_mutation_seconds",
    kind=Kind.HISTOGRAM,
    meaning="seconds that mutations took over HTTP, without the wait for their turn",
)
AWS_CALLS = ServerMetric(
    name="hourbank_aws_calls",
    kind=Kind.COUNTER,
    meaning="calls to AWS that clients waited for: answered, unanswered, or refused at once because AWS is silent",
    labels=("service", "outcome"),
)
AWS_AVAILABLE = ServerMetric(
    name="hourbank_aws_available",
    kind=Kind.GAUGE,
    meaning="1 while a service of AWS answers, 0 while calls to it are refused at once",
    labels=("service",),
)
FEED_LAG = ServerMetric(
    name="hourbank_change_feed_lag_seconds",
    kind=Kind.GAUGE,
    meaning="seconds for which the last changes of rows had waited to be read; absent if the server reads streams",
)
SOCKETS = ServerMetric(name="hourbank_sockets", kind=Kind.GAUGE, meaning="sockets of known callers that are open")
SOCKET_OPERATIONS = ServerMetric(
    name="hourbank_socket_operations",
    kind=Kind.GAUGE,
    meaning="operations that run on sockets: most are subscriptions",
)
LIMITS_MET = ServerMetric(
    name="hourbank_limits_met",
    kind=Kind.COUNTER,
    meaning="refusals because a caller was over a limit of docs/limits.md, by limit",
    labels=("limit",),
)
SECURITY_EVENTS = ServerMetric(
    name="hourbank_security_events",
    kind=Kind.COUNTER,
    meaning="lines of the security log, those included that were left out because there were too many",
    labels=("event",),
)

SERVER_METRICS = tuple(one for one in list(globals().values()) if isinstance(one, ServerMetric))
