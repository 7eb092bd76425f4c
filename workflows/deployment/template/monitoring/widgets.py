"""Widgets of dashboards: lines of metrics, and of what is calculated from them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflows.deployment.template.intrinsics import NAMES, Resource, resource, sub
from workflows.metrics import declared
from workflows.metrics.declared import Metric

# Size and number of widgets in a row; the grid has 24 columns.
_WIDTH, _HEIGHT, _PER_ROW = 8, 6, 3
_FIVE_MINUTES = 300

# A line as CloudWatch's dashboards write it: namespace, name, dimensions in pairs, options.
Line = list[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Widget:
    """A graph.

    Args:
        title: what it shows.
        lines: its metrics and expressions.
        statistic: what is made of a period's values, unless a line says otherwise.
        period: seconds.
        unit: the axis's label.
    """

    title: str
    lines: Sequence[Line]
    statistic: str = "Sum"
    period: int = _FIVE_MINUTES
    unit: str = ""

    def at(self, place: int) -> Mapping[str, Any]:
        """Return the widget at its place of a dashboard, counted from 0."""
        axis = {"yAxis": {"left": {"label": self.unit, "showUnits": False, "min": 0}}} if self.unit else {}
        return {
            "type": "metric",
            "width": _WIDTH,
            "height": _HEIGHT,
            "x": place % _PER_ROW * _WIDTH,
            "y": place // _PER_ROW * _HEIGHT,
            "properties": {
                "title": self.title,
                "metrics": [*self.lines],
                "region": NAMES.region,
                "stat": self.statistic,
                "period": self.period,
                "view": "timeSeries",
                **axis,
            },
        }


@dataclass(slots=True)
class Sums:
    """Lines that are not shown but added up: `METRICS` finds them by what their ids have in common.

    Args:
        prefix: the beginning of their ids; no other id of the widget may contain it.
        lines: the lines so far.
    """

    prefix: str
    lines: list[Line] = field(default_factory=list)

    def add(self, metrics: Iterable[Sequence[Any]]) -> "Sums":
        """Add metrics to the sum; returns itself."""
        for metric in metrics:
            self.lines.append([*metric, {"id": f"{self.prefix}{len(self.lines)}", "visible": False}])
        return self

    @property
    def total(self) -> str:
        """Return the expression of the sum; a period without a value counts as 0."""
        return f'SUM(FILL(METRICS("{self.prefix}"), 0))'


def expression(text: str, label: str, id_: str) -> Line:
    """Return a line that is calculated from others."""
    return [{"expression": text, "label": label, "id": id_}]


def own_lines(metric: Metric, stat: str | None = None) -> Iterator[Line]:
    """Yield a line for each label of one of our own metrics, or the one line that it has.

    Args:
        metric: the metric.
        stat: the statistic, which the line's label names; by default the metric's own.
    """
    options = {"stat": stat or metric.statistic.value}
    for label in metric.labels or (None,):
        labelled = [] if label is None else [metric.dimension, label]
        named = label or metric.name
        shown = named if stat is None else f"{named}, {stat}"
        line = [declared.NAMESPACE, metric.name, declared.STACK, NAMES.stack, *labelled]
        yield [*line, {**options, "label": shown}]


def dashboard(name: str, widgets: Iterable[Widget]) -> Resource:
    """Return a dashboard, whose name begins with the stack's."""
    body = {"widgets": [widget.at(place) for place, widget in enumerate(widgets)]}
    return resource(
        "CloudWatch::Dashboard",
        {"DashboardName": sub(f"{NAMES.stack}-{name}"), "DashboardBody": sub(json.dumps(body))},
    )
