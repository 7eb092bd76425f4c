"""The rate limits, and what they count."""

from dataclasses import dataclass
from enum import StrEnum

from models.limits import LimitSet, limit

MINUTE = 60
DAY = 24 * 60 * MINUTE
_CODE = "RATE_LIMITED"
_OVER_HTTP = "RATE_LIMITED, HTTP 429"


class Kind(StrEnum):
    """What is counted for each caller; the values are the names of the fields in `RateLimits`."""

    REQUESTS = "requests"
    UNITS = "units"
    INTROSPECTIONS = "introspections"
    MUTATIONS = "mutations"
    STARTS = "starts"
    CREATIONS = "creations"
    STORED_BYTES = "stored_bytes"
    ANSWER_BYTES = "answer_bytes"
    SOCKETS = "sockets"
    SUBSCRIPTIONS = "subscriptions"
    REFUSALS = "refusals"


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits(LimitSet):
    """How much one caller may ask for; a member counts by their `sub`, everybody else by address.

    Args:
        servers: how many servers share the callers; each allows its share of what is counted in a minute or a day.
        shared_parts: if set, the servers share a counter instead (see `resolvers.rates.shared_counter`), so that
            each allows the whole of a limit, and all together a part more for each server.
        callers: for each limit, the callers who are remembered; the one who came first is forgotten first.
    """

    servers: int = limit(1, "servers that share the callers, so that each allows its part of a rate", code="none")
    shared_parts: int = limit(
        0,
        "parts of a rate, after each of which a server adds to a counter of all servers in DynamoDB, so that each "
        "allows the whole rate; 0: no such counter",
        code="none",
        may_be_zero=True,
    )
    callers: int = limit(10_000, "callers who are remembered, for each rate", code="none: the first is forgotten")
    requests: int = limit(1_200, "operations a minute, valid or not, for each caller", code=_OVER_HTTP)
    units: int = limit(
        50_000,
        "units of work a minute, for each caller: rows read, 64 bytes of variables, "
        "or 8 characters of a document that the server has not read lately",
        code=_OVER_HTTP,
    )
    introspections: int = limit(10, "introspections a minute, for each caller", code=_OVER_HTTP)
    mutations: int = limit(300, "mutations a minute, for each caller", code=_OVER_HTTP)
    starts: int = limit(30, "workflows started a minute, for each caller", code=_OVER_HTTP)
    starts_at_once: int = limit(
        4, "places of one caller for starting workflows; further starts wait for one", code="none: they wait"
    )
    start_interval: float = limit(
        0.5,
        "seconds for which a start takes its place, at least",
        code="none: further starts wait",
        may_be_zero=True,
    )
    creations: int = limit(5_000, "rows created a day, for each caller", code=_OVER_HTTP)
    stored_bytes: int = limit(50_000_000, "bytes of mutations a day, for each caller", code=_OVER_HTTP)
    answer_bytes: int = limit(
        20_000_000,
        "bytes of answers to mutations with an Idempotency-Key that are stored a day, for each caller",
        code="none: a repetition runs again, with the same effect",
    )
    answer: int = limit(
        100_000,
        "characters of one answer that is stored for its Idempotency-Key",
        code="none: a repetition runs again, with the same effect",
    )
    sockets: int = limit(60, "sockets opened a minute, for each caller", code="1013, connection_error 429")
    open_sockets: int = limit(20, "sockets open at a time, for each caller", code="1013, connection_error 429")
    subscriptions: int = limit(600, "subscriptions started a minute, for each caller", code=_CODE)
    open_subscriptions: int = limit(500, "operations on all sockets at a time, for each caller", code=_CODE)
    refusals: int = limit(
        60,
        "requests a minute without a valid token or key, for each address",
        code="429, 1013, connection_error 429",
    )

    def share(self, kind: Kind) -> int:
        """Return what this server allows one caller of a kind; the whole, if the servers share a counter."""
        whole: int = getattr(self, kind)
        return whole if self.shared_parts else max(1, whole // self.servers)


SECONDS = dict.fromkeys(Kind, MINUTE) | {
    Kind.CREATIONS: DAY,
    Kind.STORED_BYTES: DAY,
    Kind.ANSWER_BYTES: DAY,
}
NAMES = {
    Kind.REQUESTS: "requests",
    Kind.UNITS: "units of work (rows, new documents, variables)",
    Kind.INTROSPECTIONS: "introspections",
    Kind.MUTATIONS: "mutations",
    Kind.STARTS: "workflow starts",
    Kind.CREATIONS: "created rows",
    Kind.STORED_BYTES: "bytes of mutations",
    Kind.ANSWER_BYTES: "bytes of stored answers",
    Kind.SOCKETS: "new sockets",
    Kind.SUBSCRIPTIONS: "new subscriptions",
    Kind.REFUSALS: "requests without a valid token or key",
}
