"""The limits of subscriptions: what waits for one subscriber, and how much work their filters make."""

from dataclasses import dataclass

from models.limits import LimitSet, limit


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionLimits(LimitSet):
    """How much subscriptions may take; AppSync allows 50 operators, too: ten groups of five."""

    operators: int = limit(50, "operators in a subscription's filter", code="BadRequest")
    open_operators: int = limit(
        2_000, "operators in the filters of all subscriptions of one caller", code="RATE_LIMITED"
    )
    filtering: int = limit(
        1_000, "milliseconds a minute in which one caller's filters are evaluated", code="RATE_LIMITED"
    )
    # 1,000 rows of the usual twenty fields take some 5 MB, ten rows of the largest kind take the rest.
    queue: int = limit(1_000, "changes that wait for one subscriber", code="SubscriptionClosed")
    queue_bytes: int = limit(
        8 * 1024 * 1024, "bytes of memory of the changes that wait for one subscriber", code="SubscriptionClosed"
    )
