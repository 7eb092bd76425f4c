"""Which permissions a call to AWS needs: IAM's actions, each with the ARN of what it is done to."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.storage.names import Names

Params = Mapping[str, Any]

# Who needs what no function needs.
SERVER = "server"
OPERATOR = "operator"
# The variable that names the file in which a server notes what is needed.
FILE = "RECORDED"

_IN_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_IN_TABLES = {
    "get_item": "GetItem",
    "put_item": "PutItem",
    "update_item": "UpdateItem",
    "delete_item": "DeleteItem",
    "query": "Query",
    "scan": "Scan",
    "describe_table": "DescribeTable",
}
# What anybody may ask; and what CloudWatch does on AWS, and the function host for the local cloud.
_FREE = {("sts", "get_caller_identity"), ("cloudwatch", "put_metric_data")}


@dataclass(frozen=True, slots=True)
class Need:
    """A permission that a call needs.

    Args:
        action: such as `dynamodb:GetItem`.
        resource: the ARN; None if the call does not name it, or if IAM knows none for the action.
    """

    action: str
    resource: str | None


class UnknownCallError(AssertionError):
    """This module does not know which permission a call needs; add it here, and to the policies."""


def needs(names: Names, service: str, operation: str, params: Params) -> frozenset[Need]:
    """Return the permissions that a call needs, for an operation by botocore's snake-case name.

    Raises:
        UnknownCallError: the operation is not known here.
    """
    if (service, operation) in _FREE:
        return frozenset()
    if service not in _SERVICES:
        raise UnknownCallError(f"{service}.{operation}")
    return frozenset(_SERVICES[service](names, operation, params))


def _rows(names: Names, operation: str, params: Params) -> Iterator[Need]:
    def need(action: str, table: str, index: str | None = None) -> Need:
        of_index = f"/index/{index}" if index else ""
        return Need(f"dynamodb:{action}", f"{_arn(names, 'dynamodb')}table/{table}{of_index}")

    match operation:
        case "batch_get_item":
            yield from (need("BatchGetItem", table) for table in params["RequestItems"])
        case "transact_write_items" | "transact_get_items":
            for item in params["TransactItems"]:
                ((kind, of),) = item.items()
                yield need(_IN_TRANSACTIONS[kind], of["TableName"])
        case _ if operation in _IN_TABLES:
            yield need(_IN_TABLES[operation], params["TableName"], params.get("IndexName"))
        case _:
            raise UnknownCallError(f"dynamodb.{operation}")


def _streams(_names: Names, operation: str, params: Params) -> Iterator[Need]:
    action = {
        "list_streams": "ListStreams",
        "describe_stream": "DescribeStream",
        "get_shard_iterator": "GetShardIterator",
        "get_records": "GetRecords",
    }[operation]
    yield Need(f"dynamodb:{action}", params.get("StreamArn"))


def _states(_names: Names, operation: str, params: Params) -> Iterator[Need]:
    action, named_by = {
        "start_execution": ("StartExecution", "stateMachineArn"),
        "describe_state_machine": ("DescribeStateMachine", "stateMachineArn"),
        "describe_execution": ("DescribeExecution", "executionArn"),
        "get_execution_history": ("GetExecutionHistory", "executionArn"),
        "send_task_success": ("SendTaskSuccess", None),
        "list_executions": ("ListExecutions", "stateMachineArn"),
    }[operation]
    yield Need(f"states:{action}", params[named_by] if named_by else None)


def _events(names: Names, operation: str, params: Params) -> Iterator[Need]:
    assert operation == "put_events"
    for entry in params["Entries"]:
        yield Need("events:PutEvents", f"{_arn(names, 'events')}event-bus/{entry['EventBusName']}")


def _queues(names: Names, operation: str, params: Params) -> Iterator[Need]:
    action = {
        "send_message": "SendMessage",
        "receive_message": "ReceiveMessage",
        "delete_message_batch": "DeleteMessage",
        "change_message_visibility_batch": "ChangeMessageVisibility",
        "create_queue": "CreateQueue",
        "delete_queue": "DeleteQueue",
        "get_queue_attributes": "GetQueueAttributes",
        "list_queues": "ListQueues",
        "list_queue_tags": "ListQueueTags",
        "tag_queue": "TagQueue",
    }[operation]
    queue = params.get("QueueName") or params.get("QueueUrl", "").rpartition("/")[2]
    yield Need(f"sqs:{action}", f"{_arn(names, 'sqs')}{queue}" if queue else None)
    if "tags" in params:  # of a queue that is being created
        yield Need("sqs:TagQueue", f"{_arn(names, 'sqs')}{queue}")


def _topics(_names: Names, operation: str, params: Params) -> Iterator[Need]:
    action = {
        "publish": "Publish",
        "publish_batch": "Publish",
        "subscribe": "Subscribe",
        "unsubscribe": "Unsubscribe",
        "list_subscriptions_by_topic": "ListSubscriptionsByTopic",
    }[operation]
    # A subscription's own ARN is no resource that IAM knows.
    yield Need(f"sns:{action}", params.get("TopicArn"))


def _metrics(_names: Names, operation: str, _params: Params) -> Iterator[Need]:
    assert operation == "get_metric_data"
    yield Need("cloudwatch:GetMetricData", None)


def _logs(names: Names, operation: str, params: Params) -> Iterator[Need]:
    assert operation == "filter_log_events"
    yield Need("logs:FilterLogEvents", f"{_arn(names, 'logs')}log-group:{params['logGroupName']}:*")


def _arn(names: Names, service: str) -> str:
    return f"arn:aws:{service}:{names.region}:{names.account}:"


_SERVICES: Mapping[str, Callable[[Names, str, Params], Iterator[Need]]] = {
    "dynamodb": _rows,
    "dynamodbstreams": _streams,
    "stepfunctions": _states,
    "events": _events,
    "sqs": _queues,
    "sns": _topics,
    "cloudwatch": _metrics,
    "logs": _logs,
}


def line_of(who: str, need: Need) -> str:
    """Return a need as a line of a file."""
    return json.dumps([who, need.action, need.resource]) + "\n"


def recorded(file: Path) -> dict[str, set[Need]]:
    """Return what a file says: what is needed, by who needs it."""
    found: dict[str, set[Need]] = {}
    for who, action, resource in map(json.loads, file.read_text().splitlines()):
        found.setdefault(who, set()).add(Need(action, resource))
    return found
