"""The template's monitoring: the admins' topic, the events that reach it, the alarms and the dashboard."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from models.events import EventSource
from models.tables import Table
from workflows.deployment.template.intrinsics import NAMES, Resource, attribute, logical_id, ref, resource, sub
from workflows.handlers import Function

_MINUTE = 60
# Events of ours that a person must act on.
_FOR_ADMINS = (
    "Service Request Needs Attention",
    "Admin Decision Requested",
    "Dispute Decision Overdue",
    "Direct Transfer Approval Requested",
)
# Size and number of widgets in a row; the grid has 24 columns.
_WIDTH, _HEIGHT, _PER_ROW = 8, 6, 3

Metric = list[Any]


def monitoring_resources(
    tables: Iterable[type[Table]], functions: Mapping[str, Function], machines: Collection[str]
) -> dict[str, Resource]:
    """Return the admins' topic with its sources, an alarm for each way to lose or delay work, and a dashboard."""
    alarms = {
        logical_id("FailedAlarm", machine): _alarm(
            f"Executions of {machine} fail",
            "AWS/States",
            "ExecutionsFailed",
            {"StateMachineArn": ref(logical_id("Machine", machine))},
        )
        for machine in machines
    }
    alarms["DeadLettersAlarm"] = _alarm(
        "Work lies in the dead-letter queue",
        "AWS/SQS",
        "ApproximateNumberOfMessagesVisible",
        {"QueueName": sub(NAMES.dead_letter_queue)},
    )
    for name, function in functions.items():
        if function.alarm:
            dimensions = {"FunctionName": sub(NAMES.function(name))}
            alarms[logical_id("Alarm", name)] = _alarm(function.alarm, "AWS/Lambda", "Invocations", dimensions)
    return {
        "AdminTopic": resource("SNS::Topic", {"TopicName": sub(NAMES.admin_topic)}),
        "AdminTopicPolicy": _topic_policy(),
        "AdminEvents": _admin_events(),
        **alarms,
        "Dashboard": resource(
            "CloudWatch::Dashboard",
            {
                "DashboardName": ref("AWS::StackName"),
                "DashboardBody": sub(json.dumps({"widgets": _widgets(tables, functions, machines)})),
            },
        ),
    }


def _topic_policy() -> Resource:
    """Allow the event bus and the alarms to publish: a topic's own policy replaces its default one."""
    publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": ref("AdminTopic")}
    statements = [
        # No condition: EventBridge does not tell SNS its source, so that a condition would always fail.
        {**publish, "Principal": {"Service": "events.amazonaws.com"}},
        {
            **publish,
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
        },
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    return resource("SNS::TopicPolicy", {"Topics": [ref("AdminTopic")], "PolicyDocument": policy})


def _admin_events() -> Resource:
    target = {
        "Id": "admins",
        "Arn": ref("AdminTopic"),
        "DeadLetterConfig": {"Arn": attribute("DeadLetters", "Arn")},
    }
    return resource(
        "Events::Rule",
        {
            "Name": sub(f"{NAMES.stack}-AdminEvents"),
            "EventBusName": ref("EventBus"),
            "EventPattern": {"source": [source.value for source in EventSource], "detail-type": [*_FOR_ADMINS]},
            "Targets": [target],
        },
    )


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
            machine, [_machine_metric(machine, f"Executions{what}") for what in ("Started", "Succeeded", "Failed")]
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
        {**widget, "x": place % _PER_ROW * _WIDTH, "y": place // _PER_ROW * _HEIGHT}
        for place, widget in enumerate(widgets)
    ]


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
