"""Emits metrics as lines of a function's log, in CloudWatch's Embedded Metric Format.

CloudWatch makes metrics of such lines by itself: a function makes no call for them, and needs no permission.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice

from aws_lambda_powertools.metrics import EphemeralMetrics

from workflows.metrics.declared import NAMESPACE, STACK, Point

Write = Callable[[str], None]
# A metric may have 100 values in one line; powertools would print a full one by itself.
_MOST_VALUES = 50

# Lambda's runtime takes what is printed into the function's log; the local function host takes it elsewhere.
_write: Write = print


def write_lines_to(write: Write) -> Write:
    """Let something else than `print` write the lines of this process; return what wrote them before."""
    global _write
    before, _write = _write, write
    return before


def emit(stack: str, points: Iterable[Point]) -> None:
    """Emit values of metrics; no points, no line.

    Args:
        stack: the deployment that they are about.
        points: the values.
    """
    for line in _lines(stack, points):
        _write(line)


def _lines(stack: str, points: Iterable[Point]) -> Iterator[str]:
    """Yield a line for the values that have the same dimensions, or several if there are many."""
    for (dimension, label), of_these in groupby(sorted(points, key=_dimension), _dimension):
        rest = iter(of_these)
        while some := list(islice(rest, _MOST_VALUES)):
            # A service would be a dimension of its own, and may be set in the environment for other purposes.
            metrics = EphemeralMetrics(namespace=NAMESPACE, service="")
            metrics.add_dimension(STACK, stack)
            if dimension:
                metrics.add_dimension(dimension, label)
            for point in some:
                metrics.add_metric(point.metric.name, point.metric.unit, point.value)
            yield json.dumps(metrics.serialize_metric_set(), separators=(",", ":"))


def _dimension(point: Point) -> tuple[str, str]:
    return point.metric.dimension or "", point.label or ""
