"""Where we patched the local cloud it does as AWS does; once MiniStack does so itself, the patch can go."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError
from ministack.services import dynamodb

from tests.integration import acknowledgements
from tests.integration.bare_clouds import BUSY, FUNCTIONS, LATE, SETTINGS, SOON, Cloud, seen
from tests.integration.feed_scenarios import (
    a_stream_beside_a_slow_function,
    messages_of_a_stacks_fifo_topic,
    table_with_a_stream,
)
from tests.integration.polling import comes_true
from workflows.deployment.local import ministack_app
from workflows.deployment.local.door import HEALTH_PATH
from workflows.deployment.local.function_host import FunctionHost

WAIT = "arn:aws:states:::lambda:invoke.waitForTaskToken"
CAUGHT_UP = "MiniStack does as AWS does by itself now: this mend can go"


def wait(function: str, **fields: Any) -> dict[str, Any]:
    name = SETTINGS.names.function(function)
    payload = {"token.$": "$$.Task.Token", "execution.$": "$$.Execution.Id"}
    parameters = {"FunctionName": name, "Payload": payload}
    return {"Wait": {"Type": "Task", "Resource": WAIT, "Parameters": parameters, "Next": "Done", **fields}}


def call(function: str, **fields: Any) -> dict[str, Any]:
    return {
        "Call": {
            "Type": "Task",
            "Resource": SETTINGS.names.function_arn(function),
            "Next": "Done",
            **fields,
        }
    }


def catch(**ends: str) -> list[dict[str, Any]]:
    return [{"ErrorEquals": [f"States.{error}"], "Next": end} for error, end in ends.items()]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FunctionHost]:
    file = tmp_path_factory.mktemp("host") / "functions.json"
    with FunctionHost(SETTINGS.names, file, functions=FUNCTIONS) as running:
        yield running


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory, host: FunctionHost) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path_factory.mktemp("mended"), host, mended=True)
    yield cloud
    cloud.stop()


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory, host: FunctionHost) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path_factory.mktemp("upstream"), host, mended=False)
    yield cloud
    cloud.stop()


def timer_by_path(cloud: Cloud) -> str:
    states = wait("accept", TimeoutSecondsPath="$.seconds", Catch=catch(Timeout="TimedOut"))
    return cloud.end_of(states, within=SOON / 2, seconds=1)


def wait_that_cannot_begin(cloud: Cloud) -> str:
    return cloud.end_of(wait("fail", TimeoutSeconds=2, Catch=catch(Timeout="TimedOut", ALL="Failed")))


def timeout_and_a_catcher_of_failures(cloud: Cloud) -> str:
    return cloud.end_of(wait("accept", TimeoutSeconds=1, Catch=catch(TaskFailed="Failed", Timeout="TimedOut")))


def timeout_and_a_retrier_of_failures(cloud: Cloud) -> int:
    retry = [{"ErrorEquals": ["States.TaskFailed"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    return cloud.tries(wait("accept", TimeoutSeconds=1, Retry=retry))


def retrier_without_attempts(cloud: Cloud) -> int:
    retry = [
        {"ErrorEquals": ["Runtime.HandlerError"], "MaxAttempts": 0},
        {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1},
    ]
    return cloud.tries(call("fail", Retry=retry))


def nested_name_used_again(cloud: Cloud) -> list[str]:
    inner = cloud.machine({"Call": {"Type": "Pass", "Next": "Done"}})
    nested = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": inner, "Name": "same", "Input": {}},
        "Catch": [{"ErrorEquals": ["StepFunctions.ExecutionAlreadyExistsException"], "Next": "Caught"}],
        "Next": "Done",
    }
    return [cloud.end_of({"Nested": nested}) for _ in range(2)]


def token_of_a_stopped_execution(cloud: Cloud) -> str:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 3}]
    execution = cloud.begin(cloud.machine(wait("accept", TimeoutSeconds=60, Retry=retry)))
    tokens: list[str] = []

    def is_waiting() -> bool:
        tokens[:] = [event["token"] for event in seen if event.get("execution") == execution]
        return bool(tokens)

    assert comes_true(is_waiting, within=BUSY * SOON)
    client = cloud.client("stepfunctions")
    client.stop_execution(executionArn=execution)

    def what_comes_of(answer: Callable[..., Any], **given: str) -> str:
        try:
            answer(taskToken=tokens[0], **given)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "accepted"

    comes_true(
        lambda: what_comes_of(client.send_task_heartbeat) != "accepted",
        within=BUSY * SOON if cloud.mended else 0.3,
    )
    return what_comes_of(client.send_task_success, output="{}")


def stopped_while_its_function_fails(cloud: Cloud) -> str:
    client, event = cloud.client("stepfunctions"), {"of": uuid4().hex}
    execution = cloud.begin(cloud.machine(call("fail_late")), **event)

    def status() -> str:
        return str(client.describe_execution(executionArn=execution)["status"])

    assert comes_true(lambda: event in seen, within=BUSY * SOON)
    client.stop_execution(executionArn=execution)
    assert comes_true(lambda: {"failed": event} in seen, within=BUSY * SOON)
    # No event reports that the failure was recorded; in our cloud it changes nothing, however late that is.
    comes_true(lambda: status() != "ABORTED", within=LATE if cloud.mended else SOON)
    return status()


def failure_sent_to_the_default_bus(cloud: Cloud) -> list[str]:
    queue = cloud.client("sqs").create_queue(QueueName=f"q-{uuid4().hex}")["QueueUrl"]
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    pattern = {"source": ["aws.states"], "detail": {"status": ["FAILED", "ABORTED"]}}
    events = cloud.client("events")
    rule = f"r-{uuid4().hex}"
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": attributes["Attributes"]["QueueArn"]}])
    cloud.ended(cloud.begin(cloud.machine(call("fail"))))
    messages: list[Any] = []

    def is_notified() -> bool:
        given = cloud.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        messages.extend(given.get("Messages", ()))
        return bool(messages)

    comes_true(is_notified, within=BUSY * SOON if cloud.mended else 0.5)
    time.sleep(0.3)
    is_notified()  # a second time, to see duplicates
    events.remove_targets(Rule=rule, Ids=["q"])
    events.delete_rule(Name=rule)
    return [json.loads(message["Body"])["detail"]["status"] for message in messages]


def rows_after_a_table_changed_and_its_stack_went(cloud: Cloud) -> list[int]:
    name = f"t-{uuid4().hex}"
    table: dict[str, Any] = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    }
    client, formation = cloud.client("dynamodb"), cloud.client("cloudformation")

    def body() -> str:
        table_resource = {"Type": "AWS::DynamoDB::Table", "Properties": table, "DeletionPolicy": "Retain"}
        return json.dumps({"Resources": {"Table": table_resource}})

    def rows() -> int:
        try:
            return int(client.scan(TableName=name)["Count"])
        except ClientError:
            return -1

    pace = {"Delay": 0.1, "MaxAttempts": 50}
    formation.create_stack(StackName=name, TemplateBody=body())
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=pace)
    client.put_item(TableName=name, Item={"id": {"S": "one"}})
    table["StreamSpecification"] = {"StreamViewType": "NEW_IMAGE"}
    formation.update_stack(StackName=name, TemplateBody=body())
    formation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=pace)
    after_update = rows()
    formation.delete_stack(StackName=name)
    formation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig=pace)
    return [after_update, rows()]


def expiry_of_a_stacks_table(cloud: Cloud) -> str:
    name = f"t-{uuid4().hex}"
    table = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "TimeToLiveSpecification": {"AttributeName": "at", "Enabled": True},
    }
    body = json.dumps({"Resources": {"Table": {"Type": "AWS::DynamoDB::Table", "Properties": table}}})
    formation = cloud.client("cloudformation")
    formation.create_stack(StackName=name, TemplateBody=body)
    pace = {"Delay": 0.1, "MaxAttempts": 50}
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=pace)
    found = cloud.client("dynamodb").describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    return str(found["TimeToLiveStatus"])


def rows_found_by_functions_of_other_types(cloud: Cloud) -> list[list[str]]:
    name, client = f"t-{uuid4().hex}", cloud.client("dynamodb")
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    values: dict[str, Any] = {
        "text": {"S": "ab"},
        "list": {"L": [{"S": "ab"}]},
        "number": {"N": "5"},
        "boolean": {"BOOL": True},
        "null": {"NULL": True},
    }
    for key, value in values.items():
        client.put_item(TableName=name, Item={"id": {"S": key}, "a": value})

    def found(expression: str, value: dict[str, str]) -> list[str]:
        try:
            answer = client.scan(
                TableName=name, FilterExpression=expression, ExpressionAttributeValues={":v": value}
            )
        except ClientError as error:
            return [error.response["Error"]["Code"]]
        return sorted(item["id"]["S"] for item in answer["Items"])

    return [found("begins_with(a, :v)", {"S": "a"}), found("size(a) >= :v", {"N": "0"})]


def in_both(scenario: Callable[[Cloud], Any], mended: Cloud, upstream: Cloud) -> list[Any]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(scenario, (mended, upstream)))


@pytest.mark.parametrize(
    ("scenario", "as_on_aws"),
    [
        (timer_by_path, "TimedOut"),
        (wait_that_cannot_begin, "Failed"),
        (timeout_and_a_catcher_of_failures, "TimedOut"),
        (timeout_and_a_retrier_of_failures, 1),
        (retrier_without_attempts, 1),
        (nested_name_used_again, ["Done", "Caught"]),
        (token_of_a_stopped_execution, "TaskDoesNotExist"),
        (stopped_while_its_function_fails, "ABORTED"),
        (failure_sent_to_the_default_bus, ["FAILED"]),
        (rows_after_a_table_changed_and_its_stack_went, [1, 1]),
        (expiry_of_a_stacks_table, "ENABLED"),
        # Tried on Amazon's DynamoDB Local.
        (rows_found_by_functions_of_other_types, [["text"], ["list", "text"]]),
        (a_stream_beside_a_slow_function, ["call", "end"]),
        (messages_of_a_stacks_fifo_topic, ["a", "b"]),
    ],
)
def test_a_mend_is_as_on_aws_and_still_needed(
    mended: Cloud, upstream: Cloud, scenario: Callable[[Cloud], Any], as_on_aws: object
) -> None:
    ours, theirs = in_both(scenario, mended, upstream)
    assert ours == as_on_aws
    assert theirs != as_on_aws, CAUGHT_UP


def received_after_a_restart(cloud: Cloud) -> bool:
    client = cloud.client("dynamodb")
    name, mapping = table_with_a_stream(cloud, "accept")
    for row in ("one", "two", "three"):
        client.put_item(TableName=name, Item={"id": {"S": row}})
    assert comes_true(lambda: name in str(seen), within=BUSY * SOON)
    cloud.stop()
    cloud.start()
    cloud.client("dynamodb").put_item(TableName=name, Item={"id": {"S": f"four of {name}"}})
    received = comes_true(lambda: f"four of {name}" in str(seen), within=BUSY * SOON if cloud.mended else 3)
    cloud.client("lambda").delete_event_source_mapping(UUID=mapping)
    return received


def test_streams_are_heard_after_a_restart(mended: Cloud, upstream: Cloud) -> None:
    assert in_both(received_after_a_restart, mended, upstream) == [True, False], CAUGHT_UP


def test_a_function_that_takes_too_long_has_failed(mended: Cloud) -> None:
    name = SETTINGS.names.function("take_too_long")
    answer = mended.client("lambda").invoke(FunctionName=name, Payload=b"{}")
    assert json.load(answer["Payload"])["errorType"] == "Sandbox.Timedout"
    assert mended.end_of(call("take_too_long", Catch=catch(ALL="Caught"))) == "Caught"


def test_a_window_gathers_what_is_new(mended: Cloud) -> None:
    client = mended.client("dynamodb")
    name, mapping = table_with_a_stream(mended, "accept", window=3)
    for row in ("first", "second"):
        client.put_item(TableName=name, Item={"id": {"S": row}})
        time.sleep(0.5)  # after which it would have been read without a window
    assert comes_true(lambda: "first" in told_of(name), within=BUSY * SOON)
    assert "second" in told_of(name)
    mended.client("lambda").delete_event_source_mapping(UUID=mapping)


def test_a_mapping_that_is_deleted_in_its_window_tells_nothing_more(mended: Cloud) -> None:
    client = mended.client("dynamodb")
    name, mapping = table_with_a_stream(mended, "accept", window=2, position="TRIM_HORIZON")
    client.put_item(TableName=name, Item={"id": {"S": "first"}})
    assert comes_true(lambda: "first" in told_of(name), within=BUSY * SOON)
    client.put_item(TableName=name, Item={"id": {"S": "second"}})
    time.sleep(0.5)
    mended.client("lambda").delete_event_source_mapping(UUID=mapping)
    time.sleep(2.5)
    assert sum(name in str(event) for event in seen) == 1


def told_of(table: str) -> str:
    """Return the first event about a table that a function was called with."""
    return next((str(event) for event in seen if table in str(event)), "")


def test_what_is_saved_while_it_runs_is_what_ministack_saves(mended: Cloud) -> None:
    assert set(ministack_app.ROW_STORES) == set(dynamodb.get_state())
    name = f"t-{uuid4().hex}"
    mended.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    file = mended.directory / "state" / "dynamodb.json"
    assert comes_true(lambda: file.exists() and name in file.read_text(), within=BUSY * SOON)
    saved = json.loads(file.read_text())
    mended.stop()
    kept = json.loads(file.read_text())
    mended.start()
    assert saved == kept


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks into Linux's list of sockets")
def test_it_listens_on_the_loopback_interface_only(mended: Cloud) -> None:
    there = mended._cloud._read_process()
    assert there
    open_files = (str(file.readlink()) for file in Path(f"/proc/{there.pid}/fd").iterdir() if file.is_symlink())
    inodes = {name.removeprefix("socket:[").removesuffix("]") for name in open_files}
    lines = [
        line.split() for kind in ("tcp", "tcp6") for line in Path(f"/proc/net/{kind}").read_text().splitlines()
    ]
    listening = [line[1] for line in lines if line[3] == "0A" and line[9] in inodes]
    assert listening == [f"0100007F:{there.port:04X}"]


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="callers acknowledge at once on Linux only")
def test_its_answers_wait_for_no_acknowledgement(mended: Cloud) -> None:
    there = mended._cloud._read_process()
    assert there
    assert not acknowledgements.are_waited_for(ministack_app.LOOPBACK, there.port, HEALTH_PATH)
