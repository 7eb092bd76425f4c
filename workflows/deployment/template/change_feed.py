"""The template's change feed: a topic, the streams whose function fills it, and what its users may do.

DynamoDB serves two readers of a stream at most, so only one function reads each. It publishes every change to one
FIFO topic, and each server reads a queue of its own, which it subscribes when it starts and removes when it stops.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models.changes import Feed
from models.storage.names import Names
from models.tables import Table
from workflows.deployment.template.intrinsics import (
    NAMES,
    Resource,
    logical_id,
    ref,
    resource,
    statement,
    sub,
)
from workflows.deployment.template.streams import stream_mapping
from workflows.handlers import Function

TOPIC = "ChangeTopic"
PARAMETER = "Feed"
CONDITION = "PublishesChanges"
CONDITIONS: Mapping[str, Any] = {CONDITION: {"Fn::Equals": [ref(PARAMETER), Feed.QUEUE.value]}}
# The changes of one row are never handled at the same time, those of others are.
_FROM_NOW_ON: Mapping[str, Any] = {"StartingPosition": "LATEST", "ParallelizationFactor": 4}


def change_feed_resources(tables: Iterable[type[Table]], functions: Mapping[str, Function]) -> dict[str, Resource]:
    """Return the topic, and what calls the function that fills it: each stream that calls no other function."""
    topic = {
        "TopicName": sub(NAMES.change_topic),
        "FifoTopic": True,
        "FifoThroughputScope": "MessageGroup",
        # SNS encrypts by KMS only; this key is its own, and costs nothing.
        "KmsMasterKeyId": "alias/aws/sns",
    }
    # Without it, a server that would wait for changes in vain cannot subscribe, and says so.
    resources = {TOPIC: resource("SNS::Topic", topic, Condition=CONDITION)}
    for name, function in functions.items():
        if function.reads_other_streams:
            for table in other_streams(tables, functions):
                mapping = stream_mapping(name, table, dict(_FROM_NOW_ON), Condition=CONDITION)
                resources[logical_id("Stream", name + table.Meta.table_name)] = mapping
    return resources


def other_streams(tables: Iterable[type[Table]], functions: Mapping[str, Function]) -> list[type[Table]]:
    """Return the tables whose streams call no function of their own."""
    taken = {function.stream for function in functions.values()}
    return [table for table in tables if table.Meta.stream_view_type and table not in taken]


def server_statements(names: Names = NAMES) -> Iterator[Resource]:
    """Yield what a server must be allowed, in order to read changes from a queue of its own.

    A server also removes the queues of servers that were killed.

    Args:
        names: of the stack that has the topic, which is not the servers' own.
    """
    queues = sub(names.arn("sqs", f"{names.server_queues}*"))
    yield statement(
        [
            f"sqs:{action}"
            for action in (
                "CreateQueue",
                "DeleteMessage",
                "DeleteQueue",
                "ListQueueTags",
                "ReceiveMessage",
                "TagQueue",
            )
        ],
        [queues],
    )
    yield statement(["sns:ListSubscriptionsByTopic", "sns:Subscribe"], [sub(names.change_topic_arn)])
    # These two know no resources.
    yield statement(["sns:Unsubscribe", "sqs:ListQueues"], ["*"])
