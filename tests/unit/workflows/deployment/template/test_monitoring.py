"""What the dashboard and the alarms ask CloudWatch for is kept there, and somebody is told."""

import json
from typing import Any

from workflows.definitions import read_definitions
from workflows.deployment.template.build import build_template
from workflows.handlers import FUNCTIONS

TEMPLATE = build_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
ALARMS = [one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
# The dimensions by which AWS keeps each metric, from its documentation; any other set of them finds nothing.
_FUNCTION: list[tuple[str, ...]] = [("FunctionName",)]
_MACHINE: list[tuple[str, ...]] = [("StateMachineArn",)]
_TABLE: list[tuple[str, ...]] = [("TableName",), ("TableName", "GlobalSecondaryIndexName")]
KEPT: dict[str, dict[str, list[tuple[str, ...]]]] = {
    "AWS/Lambda": {"Errors": _FUNCTION, "Invocations": _FUNCTION, "IteratorAge": _FUNCTION},
    "AWS/States": {
        f"Executions{what}": _MACHINE for what in ("Started", "Succeeded", "Failed", "TimedOut", "Aborted")
    },
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible": [("QueueName",)]},
    "AWS/DynamoDB": {
        "ReadThrottleEvents": _TABLE,
        "WriteThrottleEvents": _TABLE,
        "ThrottledRequests": [("TableName", "Operation")],
    },
}


def test_every_metric_of_the_dashboard_is_kept_by_its_dimensions() -> None:
    body = json.loads(RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"])
    metrics = [metric for widget in body["widgets"] for metric in widget["properties"]["metrics"]]
    assert metrics
    for namespace, name, *pairs in metrics:
        assert tuple(pairs[::2]) in KEPT[namespace][name], (namespace, name, pairs)
    tables = {pairs[1] for namespace, _, *pairs in metrics if namespace == "AWS/DynamoDB"}
    assert len(tables) == sum(one["Type"] == "AWS::DynamoDB::Table" for one in RESOURCES.values())


def test_every_metric_of_an_alarm_is_kept_by_its_dimensions_and_tells_the_admins() -> None:
    for alarm in ALARMS:
        dimensions = tuple(one["Name"] for one in alarm["Dimensions"])
        assert dimensions in KEPT[alarm["Namespace"]][alarm["MetricName"]]
        assert alarm["AlarmActions"] == [{"Ref": "AdminTopic"}]


def test_each_bad_end_of_each_machine_has_an_alarm() -> None:
    ends = {(one["MetricName"], str(one["Dimensions"])) for one in ALARMS if one["Namespace"] == "AWS/States"}
    assert len(ends) == 3 * len(read_definitions())
    assert {name for name, _ in ends} == {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}


def test_a_function_that_lags_behind_its_stream_has_an_alarm() -> None:
    ages = [one for one in ALARMS if one["MetricName"] == "IteratorAge"]
    assert len(ages) == sum(
        function.stream is not None or function.reads_other_streams for function in FUNCTIONS.values()
    )
    assert all(one["Statistic"] == "Maximum" and one["Threshold"] == 60_000 for one in ages)


def test_an_address_subscribes_to_the_admins_topic() -> None:
    subscription = RESOURCES["AdminSubscription"]
    assert subscription["Condition"] == "HasAdmin"
    assert subscription["Properties"]["Endpoint"] == {"Ref": "AdminEmail"}
    assert subscription["Properties"]["TopicArn"] == {"Ref": "AdminTopic"}
    assert TEMPLATE["Parameters"]["AdminEmail"]["Default"] == ""


def test_the_topic_is_encrypted_by_a_key_that_its_publishers_may_use() -> None:
    assert RESOURCES["AdminTopic"]["Properties"]["KmsMasterKeyId"] == {"Ref": "TopicKey"}
    statements = RESOURCES["TopicKey"]["Properties"]["KeyPolicy"]["Statement"]
    services = {one["Principal"].get("Service") for one in statements}
    assert {"events.amazonaws.com", "cloudwatch.amazonaws.com"} <= services
