"""The template's monitoring: an alarm for each way to lose or delay work, and the dashboard."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from models.tables import Table
from workflows.deployment.template.intrinsics import NAMES, Resource, logical_id, ref, resource, sub
from workflows.deployment.template.tables import index_names
from workflows.handlers import Function

_MINUTE = 60
# How executions end badly. The sweep resumes what they moved; people must learn why.
_BAD_ENDS = ("Failed", "TimedOut", "Aborted")
# Milliseconds by which a function may lag behind its stream, and the minutes in a row that it takes for an alarm.
_LARGEST_AGE = 60_000
_OLD_FOR = 3
# Size and number of widgets in a row; the grid has 24 columns.
_WIDTH, _HEIGHT, _PER_ROW = 8, 6, 3

Metric = list[Any]


def monitoring_resources(
    tables: Iterable[type[Table]], functions: Mapping[str, Function], machines: Collection[str]
) -> dict[str, Resource]:
    """Return the alarms, which tell the admins' topic, and the dashboard."""
    return {
        **_machine_alarms(machines),
        **_function_alarms(functions),
        "DeadLettersAlarm": _alarm(
            "Work lies in the dead-letter queue",
            ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
            {"QueueName": sub(NAMES.dead_letter_queue)},
            statistic="Maximum",
        ),
        "Dashboard": resource(
            "CloudWatch::Dashboard",
            {
                "DashboardName": ref("AWS::StackName"),
                "DashboardBody": sub(json.dumps({"widgets": _widgets(tables, functions, machines)})),
            },
        ),
    }


def _machine_alarms(machines: Collection[str]) -> dict[str, Resource]:
    return {
        logical_id(f"{end}Alarm", machine): _alarm(
            f"Executions of {machine} end as {end}",
            ("AWS/States", f"Executions{end}"),
            {"StateMachineArn": ref(logical_id("Machine", machine))},
        )
        for machine in machines
        for end in _BAD_ENDS
    }


def _function_alarms(functions: Mapping[str, Function]) -> dict[str, Resource]:
    alarms = {}
    for name, function in functions.items():
        dimensions = {"FunctionName": sub(NAMES.function(name))}
        if function.alarm:
            alarms[logical_id("Alarm", name)] = _alarm(function.alarm, ("AWS/Lambda", "Invocations"), dimensions)
        if function.stream or function.reads_other_streams:
            alarms[logical_id("AgeAlarm", name)] = _alarm(
                f"{name} lags behind a stream",
                ("AWS/Lambda", "IteratorAge"),
                dimensions,
                statistic="Maximum",
                threshold=_LARGEST_AGE,
                periods=_OLD_FOR,
            )
    return alarms


def _alarm(
    description: str,
    metric: tuple[str, str],
    dimensions: dict[str, Any],
    *,
    statistic: str = "Sum",
    threshold: int = 0,
    periods: int = 1,
) -> Resource:
    """Return the alarm for a metric (namespace and name) that exceeds a threshold for some minutes in a row."""
    namespace, name = metric
    return resource(
        "CloudWatch::Alarm",
        {
            "AlarmDescription": description,
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            "Statistic": statistic,
            "Period": _MINUTE,
            "EvaluationPeriods": periods,
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [ref("AdminTopic")],
        },
    )


def _widgets(
    tables: Iterable[type[Table]], functions: Collection[str], machines: Collection[str]
) -> list[Resource]:
    executions = [
        _widget(
            machine,
            [_machine_metric(machine, f"Executions{what}") for what in ("Started", "Succeeded", *_BAD_ENDS)],
        )
        for machine in machines
    ]
    errors: list[Metric] = [["AWS/Lambda", "Errors", "FunctionName", NAMES.function(name)] for name in functions]
    letters: list[Metric] = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", NAMES.dead_letter_queue]
    ]
    widgets = [
        *executions,
        _widget("Function errors", errors),
        _widget("Throttled calls of tables", list(_throttles(tables))),
        _widget("Dead letters", letters),
    ]
    return [
        {**widget, "x": place % _PER_ROW * _WIDTH, "y": place // _PER_ROW * _HEIGHT}
        for place, widget in enumerate(widgets)
    ]


def _throttles(tables: Iterable[type[Table]]) -> Iterator[Metric]:
    """Yield the throttling of each table and index.

    `ThrottledRequests`, whose name says the same, is kept by table and operation, and never by table alone.
    """
    for table in tables:
        of_table = ["TableName", NAMES.table(table)]
        for metric in ("ReadThrottleEvents", "WriteThrottleEvents"):
            yield ["AWS/DynamoDB", metric, *of_table]
            for index in index_names(table):
                yield ["AWS/DynamoDB", metric, *of_table, "GlobalSecondaryIndexName", index]


def _machine_metric(machine: str, metric: str) -> Metric:
    return ["AWS/States", metric, "StateMachineArn", NAMES.state_machine_arn(machine)]


def _widget(title: str, metrics: list[Metric]) -> Resource:
    properties = {
        "title": title,
        "metrics": metrics,
        "region": NAMES.region,
        "stat": "Sum",
        "period": 5 * _MINUTE,
        "view": "timeSeries",
    }
    return {"type": "metric", "width": _WIDTH, "height": _HEIGHT, "properties": properties}
