"""An alarm for each way to lose or delay work, and for books that do not balance."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflows.deployment.template.intrinsics import NAMES, Resource, logical_id, ref, resource, sub
from workflows.handlers import Function
from workflows.metrics import declared
from workflows.metrics.declared import Metric

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
# How executions end badly. The sweep resumes what they moved; people must learn why.
BAD_ENDS = ("Failed", "TimedOut", "Aborted")
_ABOVE, _BELOW = "GreaterThanThreshold", "LessThanThreshold"
# Seconds by which what is published may lag behind, and the minutes in a row that it takes for an alarm.
_LARGEST_LAG = 60
_OLD_FOR = 3
# Seconds for which a request may be due before the sweep has looked after it.
_LONGEST_WAIT = 300
# Minutes in which the sweep, which comes each minute, is not missed.
_UNSWEPT_FOR = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An alarm, which tells the admins' topic.

    Args:
        description: what is wrong when it rings.
        namespace: the metric's namespace.
        metric: the metric's name.
        dimensions: the metric's dimensions.
        statistic: what is made of a period's values.
        threshold: the value that is compared with.
        periods: the periods in a row that it takes.
        period: seconds.
        comparison: when a period counts.
        missing: how a period without a value counts.
        name: the alarm's own name, behind that of the stack; None to let CloudFormation make one.
    """

    description: str
    namespace: str
    metric: str
    dimensions: Mapping[str, Any]
    statistic: str = "Sum"
    threshold: int = 0
    periods: int = 1
    period: int = _MINUTE
    comparison: str = _ABOVE
    missing: str = "notBreaching"
    name: str | None = None

    @property
    def resource(self) -> Resource:
        """Return the alarm as the template has it."""
        named = {} if self.name is None else {"AlarmName": sub(f"{NAMES.stack}-{self.name}")}
        return resource(
            "CloudWatch::Alarm",
            {
                **named,
                "AlarmDescription": self.description,
                "Namespace": self.namespace,
                "MetricName": self.metric,
                "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions.items()],
                "Statistic": self.statistic,
                "Period": self.period,
                "EvaluationPeriods": self.periods,
                "Threshold": self.threshold,
                "ComparisonOperator": self.comparison,
                "TreatMissingData": self.missing,
                "AlarmActions": [ref("AdminTopic")],
            },
        )


def alarm_resources(functions: Mapping[str, Function], machines: Collection[str]) -> dict[str, Resource]:
    """Return the alarms for the functions and machines of a stack."""
    alarms = {
        **dict(_of_machines(machines)),
        **dict(_of_functions(functions)),
        **dict(_of_our_metrics(functions)),
        "DeadLettersAlarm": Alarm(
            description="Work lies in the dead-letter queue",
            namespace="AWS/SQS",
            metric="ApproximateNumberOfMessagesVisible",
            dimensions={"QueueName": sub(NAMES.dead_letter_queue)},
            statistic="Maximum",
        ),
    }
    return {name: alarm.resource for name, alarm in alarms.items()}


def _of_machines(machines: Collection[str]) -> Iterator[tuple[str, Alarm]]:
    """Yield an alarm for each bad end of each machine, and those that say that many fail."""
    for machine in machines:
        for end in BAD_ENDS:
            yield (
                logical_id(f"{end}Alarm", machine),
                _of_executions(machine, end, f"Executions of {machine} end as {end}"),
            )
    if "ServiceRequestWorkflow" in machines:
        yield (
            "ServiceRequestWorkflowFailures",
            _of_executions(
                "ServiceRequestWorkflow",
                "Failed",
                "Many service requests fail: more than five a minute",
                threshold=5,
                periods=2,
                name="ServiceRequestWorkflowFailures",
            ),
        )
    for machine, name in (
        ("EscrowManagementWorkflow", "EscrowProcessingErrors"),
        ("EscrowCancellationWorkflow", "EscrowCancellationErrors"),
    ):
        if machine in machines:
            what = f"Hours cannot be moved: {machine} fails more than once a minute"
            yield name, _of_executions(machine, "Failed", what, threshold=1, name=name)


def _of_executions(machine: str, end: str, description: str, **more: Any) -> Alarm:
    return Alarm(
        description=description,
        namespace="AWS/States",
        metric=f"Executions{end}",
        dimensions={"StateMachineArn": ref(logical_id("Machine", machine))},
        **more,
    )


def _of_functions(functions: Mapping[str, Function]) -> Iterator[tuple[str, Alarm]]:
    for name, function in functions.items():
        dimensions = {"FunctionName": sub(NAMES.function(name))}
        if function.alarm:
            yield (
                logical_id("Alarm", name),
                Alarm(
                    description=function.alarm,
                    namespace="AWS/Lambda",
                    metric="Invocations",
                    dimensions=dimensions,
                ),
            )
        if function.stream or function.reads_other_streams:
            yield (
                logical_id("AgeAlarm", name),
                Alarm(
                    description=f"{name} lags behind a stream",
                    namespace="AWS/Lambda",
                    metric="IteratorAge",
                    dimensions=dimensions,
                    statistic="Maximum",
                    threshold=1000 * _LARGEST_LAG,
                    periods=_OLD_FOR,
                ),
            )


# What our own metrics must not say, by the alarms' logical ids.
_OURS: Mapping[str, tuple[Metric, str, Mapping[str, Any]]] = {
    "DiscrepanciesAlarm": (
        declared.DISCREPANCIES,
        "The books do not balance: see the last reconciliation report",
        # It rings until the next day's reconciliation finds nothing.
        {"period": _DAY},
    ),
    "EventLagAlarm": (
        declared.EVENT_LAG,
        "Events reach the bus late",
        {"threshold": _LARGEST_LAG, "periods": _OLD_FOR},
    ),
    "ChangeLagAlarm": (
        declared.CHANGE_LAG,
        "Servers hear of changes late",
        {"threshold": _LARGEST_LAG, "periods": _OLD_FOR},
    ),
    "StuckRequestsAlarm": (
        declared.REQUESTS_STUCK,
        "Executions of requests fail again and again",
        # The sweep comes back to such a request after an hour at most.
        {"period": _HOUR},
    ),
    "OverdueRequestsAlarm": (
        declared.OLDEST_DUE,
        "Requests that are due wait for the sweep",
        {"threshold": _LONGEST_WAIT},
    ),
    "GivenUpRequestsAlarm": (
        declared.REQUESTS_GIVEN_UP,
        "Requests could not be moved for 24 hours and were given up",
        {},
    ),
    "SweepAlarm": (
        declared.REQUESTS_DUE,
        "Nobody looks after requests that are due: the sweep does not run",
        {
            "statistic": "SampleCount",
            "threshold": 1,
            "comparison": _BELOW,
            "periods": _UNSWEPT_FOR,
            "missing": "breaching",
        },
    ),
}


def _of_our_metrics(functions: Mapping[str, Function]) -> Iterator[tuple[str, Alarm]]:
    """Yield the alarms on those of our own metrics that the stack's functions emit."""
    for name, (metric, description, more) in _OURS.items():
        if metric.emitted_by in functions:
            options = {"statistic": metric.statistic.value, **more}
            yield (
                name,
                Alarm(
                    description=description,
                    namespace=declared.NAMESPACE,
                    metric=metric.name,
                    dimensions={declared.STACK: ref("AWS::StackName")},
                    **options,
                ),
            )
