"""What a line of metrics says, as CloudWatch reads it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from workflows.metrics import declared


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a metric, under one set of dimensions."""

    namespace: str
    name: str
    unit: str
    dimensions: frozenset[tuple[str, str]]
    value: float

    @property
    def label(self) -> str | None:
        """Return the value of the second dimension."""
        return next((label for name, label in self.dimensions if name != declared.STACK), None)


def values_in(line: str) -> Iterator[Value]:
    """Yield the values of a line, by the specification of CloudWatch's Embedded Metric Format."""
    said: dict[str, Any] = json.loads(line)
    for directive in said["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = frozenset((name, said[name]) for name in names)
            for metric in directive["Metrics"]:
                values = said[metric["Name"]]
                for value in values if isinstance(values, list) else [values]:
                    yield Value(directive["Namespace"], metric["Name"], metric["Unit"], dimensions, value)


def all_values(lines: Iterable[str]) -> list[Value]:
    """Return the values of some lines."""
    return [value for line in lines for value in values_in(line)]
