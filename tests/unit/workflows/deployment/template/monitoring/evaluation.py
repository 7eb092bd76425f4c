"""Evaluates the template's alarms as CloudWatch does, against values with their times."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models.storage.names import Names
from workflows.definitions import read_definitions
from workflows.deployment.template.intrinsics import Resource, logical_id

_MINUTE = timedelta(minutes=1)
_MADE: Mapping[str, Callable[[Sequence[float]], float]] = {"Sum": sum, "Maximum": max, "SampleCount": len}


@dataclass(frozen=True, slots=True)
class Reading:
    """A value of a metric, and when it was emitted."""

    at: datetime
    namespace: str
    metric: str
    dimensions: frozenset[tuple[str, str]]
    value: float


def alarms_of(template: Resource, names: Names) -> dict[str, dict[str, Any]]:
    """Return the properties of a template's alarms by their ids, with dimensions as they are when deployed."""
    found = {}
    for name, one in template["Resources"].items():
        if one["Type"] == "AWS::CloudWatch::Alarm":
            dimensions = {
                each["Name"]: _deployed(each["Value"], names) for each in one["Properties"]["Dimensions"]
            }
            found[name] = {**one["Properties"], "Dimensions": frozenset(dimensions.items())}
    return found


def _deployed(value: Mapping[str, str], names: Names) -> str:
    machines = {logical_id("Machine", name): names.state_machine_arn(name) for name in read_definitions()}
    known = {**machines, "AWS::StackName": names.stack, "AWS::Region": names.region}
    ((kind, text),) = value.items()
    return known[text] if kind == "Ref" else re.sub(r"\$\{([^}]+)\}", lambda found: known[found[1]], text)


def ringing(alarm: Mapping[str, Any], readings: Iterable[Reading], until: datetime) -> list[datetime]:
    """Return the minutes at whose end an alarm is in the state ALARM, from the first reading on."""
    wanted = [
        one
        for one in readings
        if (one.namespace, one.metric, one.dimensions)
        == (alarm["Namespace"], alarm["MetricName"], alarm["Dimensions"])
    ]
    return [moment for moment in _minutes(wanted, until) if _is_breached(alarm, wanted, moment)]


def _minutes(readings: Iterable[Reading], until: datetime) -> Iterator[datetime]:
    moment = min((one.at for one in readings), default=until - 10 * _MINUTE).replace(second=0, microsecond=0)
    while (moment := moment + _MINUTE) <= until:
        yield moment


def _is_breached(alarm: Mapping[str, Any], readings: Iterable[Reading], moment: datetime) -> bool:
    """Return whether all the periods that count, the last of which ends at a moment, are beyond the threshold."""
    period = timedelta(seconds=alarm["Period"])
    for number in range(alarm["EvaluationPeriods"]):
        end = moment - number * period
        if not _is_beyond(alarm, [one.value for one in readings if end - period <= one.at < end]):
            return False
    return True


def _is_beyond(alarm: Mapping[str, Any], values: Sequence[float]) -> bool:
    if not values:
        return bool(alarm["TreatMissingData"] == "breaching")
    value, threshold = _MADE[alarm["Statistic"]](values), alarm["Threshold"]
    above = alarm["ComparisonOperator"] == "GreaterThanThreshold"
    return bool(value > threshold if above else value < threshold)


def at_minute(minute: float) -> datetime:
    """Return a moment of a day that is nobody's."""
    return datetime(2026, 1, 5, 12, tzinfo=UTC) + timedelta(minutes=minute)
