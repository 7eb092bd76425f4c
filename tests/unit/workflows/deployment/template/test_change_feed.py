"""Each stream has one reader, which publishes what changed to the topic that servers may subscribe to."""

from collections import Counter
from typing import Any

import pytest

from models.changes import Feed
from models.settings import Settings
from models.tables import TABLES
from workflows.deployment.template.build import build_template, parameters
from workflows.deployment.template.change_feed import server_statements
from workflows.deployment.template.functions import function_id
from workflows.deployment.template.tables import table_id
from workflows.deployment.template.versions import alias_id


@pytest.fixture(scope="module")
def resources() -> dict[str, Any]:
    built: dict[str, Any] = build_template()["Resources"]
    return built


def mappings(resources: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in resources.values() if one["Type"] == "AWS::Lambda::EventSourceMapping"]


def test_a_stream_has_one_reader(resources: dict[str, Any]) -> None:
    read = Counter(one["Properties"]["EventSourceArn"]["Fn::GetAtt"][0] for one in mappings(resources))
    assert read == {table_id(table): 1 for table in TABLES if table.Meta.stream_view_type}


def test_the_readers_whose_only_task_it_is_are_there_for_queues_only(resources: dict[str, Any]) -> None:
    publisher = {"Ref": alias_id("publishChanges")}
    for mapping in mappings(resources):
        is_publisher = mapping["Properties"]["FunctionName"] == publisher
        assert mapping.get("Condition") == ("PublishesChanges" if is_publisher else None)
        assert mapping["Properties"]["DestinationConfig"]["OnFailure"]
        # Else a change could be dropped while somebody still waits for it.
        assert 22 * 3_600 <= mapping["Properties"]["MaximumRecordAgeInSeconds"] < 24 * 3_600
        assert "MaximumRetryAttempts" not in mapping["Properties"]
    variables = resources[function_id("publishEvents")]["Properties"]["Environment"]["Variables"]["Fn::If"][2]
    assert variables["HOURBANK_FEED"] == {"Ref": "Feed"}


def test_only_what_no_member_waits_for_is_gathered(resources: dict[str, Any]) -> None:
    for mapping in mappings(resources):
        is_for_bus = mapping["Properties"]["FunctionName"] == {"Ref": alias_id("publishEvents")}
        window = mapping["Properties"].get("MaximumBatchingWindowInSeconds")
        assert window == ({"Fn::If": ["PublishesChanges", 0, 1]} if is_for_bus else None)


def test_the_topic_keeps_order_and_is_encrypted(resources: dict[str, Any]) -> None:
    topic = resources["ChangeTopic"]["Properties"]
    assert resources["ChangeTopic"]["Condition"] == "PublishesChanges"
    assert topic["TopicName"] == {"Fn::Sub": "${AWS::StackName}-changes.fifo"}
    assert topic["FifoTopic"]
    assert topic["KmsMasterKeyId"] == "alias/aws/sns"


@pytest.mark.parametrize(
    ("setting", "host", "expected"),
    [
        (None, "", "queue"),
        (None, "http://127.0.0.1:1/x", "streams"),
        (Feed.QUEUE, "http://127.0.0.1:1/x", "queue"),
        (Feed.STREAMS, "", "streams"),
    ],
)
def test_one_server_on_one_machine_reads_streams_unless_told_otherwise(
    setting: Feed | None, host: str, expected: str
) -> None:
    assert parameters(Settings(feed=setting), function_host_url=host)["Feed"] == expected


def test_a_server_may_do_what_its_queue_needs_and_no_more() -> None:
    statements = list(server_statements())
    (everywhere,) = [one["Action"] for one in statements if one["Resource"] == ["*"]]
    # AWS knows no resources of these two.
    assert everywhere == ["sns:Unsubscribe", "sqs:ListQueues"]
    queues = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:${AWS::StackName}-server-*"
    assert statements[0]["Resource"] == [{"Fn::Sub": queues}]
    assert not [action for one in statements for action in one["Action"] if "*" in action]
