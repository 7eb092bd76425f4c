"""What tells people: the admins' topic, the alarms and the dashboard."""

import json
from collections.abc import Collection, Iterable
from typing import Any

from models.tables import Table
from workflows.deployment.intrinsics import NAMES, Resource, logical, ref, resource, sub

_MINUTE = 60
# Widgets stand in a grid of 24 columns.
_WIDTH, _HEIGHT, _ABREAST = 8, 6, 3

Metric = list[Any]


def watch_resources(
    tables: Iterable[type[Table]], functions: Collection[str], machines: Collection[str]
) -> dict[str, Resource]:
    """Return the admins' topic, an alarm for each way in which work is lost, and the dashboard."""
    alarms = {
        logical("FailedAlarm", machine): _alarm(
            f"Executions of {machine} fail",
            "AWS/States",
            "ExecutionsFailed",
            {"StateMachineArn": ref(logical("Machine", machine))},
        )
        for machine in machines
    }
    alarms["DeadLettersAlarm"] = _alarm(
        "Work lies in the dead-letter queue",
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        {"QueueName": sub(NAMES.dead_letter_queue)},
    )
    return {
        "AdminTopic": resource("SNS::Topic", {"TopicName": sub(NAMES.admin_topic)}),
        **alarms,
        "Dashboard": resource(
            "CloudWatch::Dashboard",
            {
                "DashboardName": ref("AWS::StackName"),
                "DashboardBody": sub(json.dumps({"widgets": _widgets(tables, functions, machines)})),
            },
        ),
    }


def _alarm(description: str, namespace: str, metric: str, dimensions: dict[str, Any]) -> Resource:
    return resource(
        "CloudWatch::Alarm",
        {
            "AlarmDescription": description,
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            "Statistic": "Maximum" if namespace == "AWS/SQS" else "Sum",
            "Period": _MINUTE,
            "EvaluationPeriods": 1,
            "Threshold": 0,
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
            machine, [_of_machine(machine, f"Executions{what}") for what in ("Started", "Succeeded", "Failed")]
        )
        for machine in machines
    ]
    errors: list[Metric] = [["AWS/Lambda", "Errors", "FunctionName", NAMES.function(name)] for name in functions]
    throttles: list[Metric] = [
        ["AWS/DynamoDB", "ThrottledRequests", "TableName", NAMES.table(table)] for table in tables
    ]
    letters: list[Metric] = [
        ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", NAMES.dead_letter_queue]
    ]
    widgets = [
        *executions,
        _widget("Function errors", errors),
        _widget("Throttled calls of tables", throttles),
        _widget("Dead letters", letters),
    ]
    return [
        {**widget, "x": place % _ABREAST * _WIDTH, "y": place // _ABREAST * _HEIGHT}
        for place, widget in enumerate(widgets)
    ]


def _of_machine(machine: str, metric: str) -> Metric:
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
