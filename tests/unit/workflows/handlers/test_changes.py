"""Whoever reads a stream publishes each of its changes in order, and fails if the topic does not take one."""

import json
from typing import Any

import pytest

from models.changes import Change, Feed
from models.settings import Settings
from models.storage.calls import BlockingCalls
from workflows.executions.services import Services
from workflows.handlers import bootstrap, changes, events

ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/hourbank-EventLog/stream/1"


def record(sequence: int, key: str, kind: str = "INSERT") -> dict[str, Any]:
    row = {name: {"S": f"{name} {key}"} for name in ("source", "eventType", "entityType", "entityId")}
    row |= {"id": {"S": key}, "eventData": {"S": "{}"}, "timestamp": {"S": "2026-01-05T12:00:00.000Z"}}
    image = {"Keys": {"id": {"S": key}}, "SequenceNumber": str(sequence), "NewImage": row}
    return {"eventSourceARN": ARN, "eventName": kind, "dynamodb": image}


class Aws(BlockingCalls):
    """Takes what is published, apart from what it is to refuse: so many messages at each of its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: list[int] = []
        self.bus_refuses = False
        self.published: list[str] = []
        self.put: list[str] = []
        self.details: list[Any] = []
        self.calls = 0
        self.pauses: list[float] = []

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Answer as EventBridge or SNS would."""
        self.calls += 1
        if (service, operation) == ("events", "put_events"):
            self.put += [entry["DetailType"] for entry in params["Entries"]]
            self.details += [json.loads(entry["Detail"]) for entry in params["Entries"]]
            return {"FailedEntryCount": len(params["Entries"]) * self.bus_refuses}
        assert (service, operation) == ("sns", "publish_batch")
        assert params["TopicArn"] == Settings().names.change_topic_arn
        entries = params["PublishBatchRequestEntries"]
        taken = len(entries) - (self.refused.pop(0) if self.refused else 0)
        for entry in entries[:taken]:
            change = Change.decoded(entry["Message"])
            message = change.message()
            assert (entry["MessageGroupId"], entry["MessageDeduplicationId"]) == (message.group, message.id)
            self.published.append(f"{change.key['id']['S']} {change.sequence}")
        return {"Failed": [{"Id": entry["Id"], "Code": "Throttled"} for entry in entries[taken:]]}

    async def pause(self, seconds: float) -> None:
        """Take note of the pause."""
        self.pauses.append(seconds)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    fake = Aws()
    monkeypatch.setattr(bootstrap, "services", lambda: Services.over(fake, Settings(feed=Feed.QUEUE)))
    return fake


def test_changes_are_published_in_order_as_many_as_a_call_takes(aws: Aws) -> None:
    records = [record(number, f"r{number}") for number in range(25)]
    changes.publish_changes({"Records": records}, None)
    assert aws.published == [f"r{number} {number}" for number in range(25)]
    assert aws.calls == 3


def test_what_the_topic_refuses_is_sent_again_before_any_later_change(aws: Aws) -> None:
    aws.refused = [2, 1]
    changes.publish_changes({"Records": [record(1, "a"), record(2, "b"), record(3, "c"), record(4, "a")]}, None)
    assert aws.published == ["a 1", "b 2", "c 3", "a 4"]
    assert aws.pauses == [0.2, 0.4]


def test_a_topic_that_takes_nothing_fails_the_function(aws: Aws) -> None:
    aws.refused = [1, 1, 1]
    with pytest.raises(RuntimeError, match=r"refused 1 of 1 changes.*Throttled"):
        changes.publish_changes({"Records": [record(1, "a"), record(2, "a")]}, None)
    assert aws.published == []


def test_the_event_logs_reader_publishes_its_changes_too(aws: Aws) -> None:
    events.publish_events({"Records": [record(1, "a"), record(2, "a", "MODIFY")]}, None)
    assert aws.put == ["eventType a"]
    assert aws.published == ["a 1", "a 2"]


def test_an_event_has_the_correlation_id_of_its_row(aws: Aws) -> None:
    first, second = record(1, "a"), record(2, "b")
    first["dynamodb"]["NewImage"]["correlationId"] = {"S": "abc"}
    events.publish_events({"Records": [first, second]}, None)
    assert [detail["correlationId"] for detail in aws.details] == ["abc", None]


def test_servers_are_told_although_the_bus_takes_nothing(aws: Aws) -> None:
    aws.bus_refuses = True
    with pytest.raises(RuntimeError, match="the bus refused 1 of 1 events"):
        events.publish_events({"Records": [record(1, "a")]}, None)
    assert aws.published == ["a 1"]


def test_where_servers_read_streams_nothing_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = Aws()
    monkeypatch.setattr(bootstrap, "services", lambda: Services.over(fake, Settings()))
    events.publish_events({"Records": [record(1, "a")]}, None)
    assert (fake.put, fake.published) == (["eventType a"], [])
