"""What dashboards and alarms ask CloudWatch for is kept there, or emitted by the code; and somebody is told."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from workflows.definitions import read_definitions
from workflows.deployment.contents import StackContents
from workflows.deployment.template.build import build_template
from workflows.handlers import FUNCTIONS
from workflows.metrics import declared
from workflows.metrics.declared import METRICS

TEMPLATE = build_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
ALARMS = [one["Properties"] for one in RESOURCES.values() if one["Type"] == "AWS::CloudWatch::Alarm"]
DASHBOARDS = {"WorkflowPerformance": "workflow-performance", "BusinessMetrics": "business-metrics"}
# The dimensions by which AWS keeps each metric, from its documentation; any other set of them finds nothing.
_FUNCTION: list[tuple[str, ...]] = [("FunctionName",)]
_MACHINE: list[tuple[str, ...]] = [("StateMachineArn",)]
_TABLE: list[tuple[str, ...]] = [("TableName",), ("TableName", "GlobalSecondaryIndexName")]
KEPT: dict[str, dict[str, list[tuple[str, ...]]]] = {
    "AWS/Lambda": dict.fromkeys(("Duration", "Errors", "Invocations", "IteratorAge"), _FUNCTION),
    "AWS/States": {
        f"Executions{what}": _MACHINE for what in ("Started", "Succeeded", "Failed", "TimedOut", "Aborted")
    },
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible": [("QueueName",)]},
    "AWS/DynamoDB": {
        **dict.fromkeys(("ReadThrottleEvents", "WriteThrottleEvents"), _TABLE),
        **dict.fromkeys(("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits"), _TABLE),
        "ThrottledRequests": [("TableName", "Operation")],
    },
    # Ours, as they are declared; that the code emits every one of these is tested in the simulation.
    declared.NAMESPACE: {
        one.name: [(declared.STACK, *([one.dimension] if one.dimension else []))] for one in METRICS
    },
}
LABELS = {one.name: one.labels for one in METRICS}


def widgets_of(name: str) -> list[dict[str, Any]]:
    widgets: list[dict[str, Any]] = json.loads(RESOURCES[name]["Properties"]["DashboardBody"]["Fn::Sub"])[
        "widgets"
    ]
    return widgets


def lines_of(widget: dict[str, Any]) -> Iterator[list[Any]]:
    """Yield the metrics of a widget, without what is calculated, and without options."""
    for line in widget["properties"]["metrics"]:
        if "expression" not in line[0]:
            yield [part for part in line if isinstance(part, str)]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_metric_of_a_dashboard_is_kept_by_its_dimensions(name: str) -> None:
    lines = [line for widget in widgets_of(name) for line in lines_of(widget)]
    assert lines
    for namespace, metric, *pairs in lines:
        assert tuple(pairs[::2]) in KEPT[namespace][metric], (namespace, metric, pairs)
        if namespace == declared.NAMESPACE:
            assert pairs[1] == "${AWS::StackName}"
            assert not LABELS[metric] or pairs[3] in LABELS[metric]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_expression_of_a_dashboard_finds_its_metrics(name: str) -> None:
    for widget in widgets_of(name):
        options = [line[-1] for line in widget["properties"]["metrics"] if isinstance(line[-1], dict)]
        ids = [one["id"] for one in options if "id" in one]
        assert len(ids) == len(set(ids))
        assert all(re.fullmatch(r"[a-z]\w*", one) for one in ids)
        assert len(widget["properties"]["metrics"]) <= 500
        for one in options:
            for prefix in re.findall(r'METRICS\("(\w+)"\)', one.get("expression", "")):
                found = [of for of in ids if prefix in of]
                assert found, (widget["properties"]["title"], prefix)
                assert all(of.removeprefix(prefix).isdigit() for of in found)


def test_the_two_dashboards_show_what_was_asked_for() -> None:
    titles = {name: {one["properties"]["title"] for one in widgets_of(name)} for name in DASHBOARDS}
    assert {
        "Success rate",
        "Average execution time, without waits",
        "Error rate by machine",
        "Estimated cost, in US dollars",
    } <= titles["WorkflowPerformance"]
    assert {
        "Completion rate",
        "Hours moved",
        "Members' balances together",
        "Dispute resolution time",
        "Mean rating",
    } <= titles["BusinessMetrics"]
    for name, suffix in DASHBOARDS.items():
        shown = RESOURCES[name]["Properties"]["DashboardName"]
        assert shown == {"Fn::Sub": f"${{AWS::StackName}}-{suffix}"}


def test_what_we_emit_is_shown() -> None:
    shown = {
        line[1]
        for name in DASHBOARDS
        for widget in widgets_of(name)
        for line in lines_of(widget)
        if line[0] == declared.NAMESPACE
    }
    assert shown == {one.name for one in METRICS}


def test_throttling_and_cost_look_at_every_table() -> None:
    lines = [line for widget in widgets_of("WorkflowPerformance") for line in lines_of(widget)]
    tables = {line[3] for line in lines if line[0] == "AWS/DynamoDB"}
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


def test_an_app_without_workflows_has_only_what_is_about_it() -> None:
    resources = StackContents.of_tables("shop", []).template()["Resources"]
    names = {name for name, one in resources.items() if one["Type"].startswith("AWS::CloudWatch")}
    assert names == {"AgeAlarmPublishChanges", "ChangeLagAlarm", "DeadLettersAlarm", "WorkflowPerformance"}
    assert "RequestsEnded" not in str(resources)


@pytest.mark.parametrize(
    ("subscription", "condition", "parameter", "protocol"),
    [
        ("AdminSubscription", "HasAdmin", "AdminEmail", "email"),
        ("AdminEndpointSubscription", "HasAdminEndpoint", "AdminEndpoint", "https"),
    ],
)
def test_an_address_subscribes_to_the_admins_topic(
    subscription: str, condition: str, parameter: str, protocol: str
) -> None:
    found = RESOURCES[subscription]
    assert found["Condition"] == condition
    assert found["Properties"] == {
        "TopicArn": {"Ref": "AdminTopic"},
        "Protocol": protocol,
        "Endpoint": {"Ref": parameter},
    }
    assert TEMPLATE["Parameters"][parameter]["Default"] == ""


def test_the_topic_is_encrypted_by_a_key_that_its_publishers_may_use() -> None:
    assert RESOURCES["AdminTopic"]["Properties"]["KmsMasterKeyId"] == {"Ref": "TopicKey"}
    statements = RESOURCES["TopicKey"]["Properties"]["KeyPolicy"]["Statement"]
    services = {one["Principal"].get("Service") for one in statements}
    assert {"events.amazonaws.com", "cloudwatch.amazonaws.com"} <= services
