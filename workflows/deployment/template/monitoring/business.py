"""The dashboard "Business Metrics": what members get done, and whether they are content."""

from collections.abc import Iterator

from workflows.deployment.template.monitoring.widgets import Line, Sums, Widget, expression, own_lines
from workflows.metrics import declared

_DAY = 24 * 3600
_HOUR = 3600
_PAID = "PAID"


def business_widgets() -> Iterator[Widget]:
    """Yield the widgets, by the day; what happens by itself more often, by the hour."""
    yield Widget(title="Completion rate", lines=[*_completion()], period=_DAY, unit="%")
    yield Widget(title="Requests ended", lines=[*own_lines(declared.REQUESTS_ENDED)], period=_HOUR)
    yield Widget(title="Hours moved", lines=[*own_lines(declared.HOURS_MOVED)], period=_HOUR, unit="hours")
    balances = (*own_lines(declared.TOTAL_HOURS), *own_lines(declared.HELD_HOURS))
    yield Widget(title="Members' balances together", lines=balances, period=_DAY, unit="hours")
    yield Widget(title="Mean balance", lines=[*own_lines(declared.MEAN_BALANCE)], period=_DAY, unit="hours")
    yield Widget(title="Members", lines=[*own_lines(declared.MEMBERS)], period=_DAY)
    times = (*own_lines(declared.DISPUTE_TIME), *own_lines(declared.DISPUTE_TIME, stat="Maximum"))
    yield Widget(title="Dispute resolution time", lines=times, period=_DAY, unit="seconds")
    yield Widget(title="Mean rating", lines=[*own_lines(declared.RATING)], period=_DAY, unit="stars")
    wrong = (*own_lines(declared.DISCREPANCIES), *own_lines(declared.REQUESTS_GIVEN_UP))
    yield Widget(title="Discrepancies, and requests that were given up", lines=wrong, period=_DAY)


def _completion() -> Iterator[Line]:
    """Yield what share of the requests that ended was paid, and the lines that it takes."""
    paid, others = Sums("paid"), Sums("other")
    for line in own_lines(declared.REQUESTS_ENDED):
        (paid if _PAID in line else others).add([line[:-1]])
    yield from (*paid.lines, *others.lines)
    yield expression(f"100 * {paid.total} / ({paid.total} + {others.total})", "paid", "rate")
