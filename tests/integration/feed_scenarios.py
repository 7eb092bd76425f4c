"""What the change feed needs of a cloud: streams that functions read side by side, and FIFO topics of a stack."""

import json
import time
from typing import Any
from uuid import uuid4

from tests.integration.bare_clouds import BUSY, SETTINGS, SOON, Cloud, seen
from tests.integration.polling import comes_true

PACE = {"Delay": 0.1, "MaxAttempts": 50}


def table_with_a_stream(
    cloud: Cloud, function: str, *, window: int = 0, position: str = "LATEST"
) -> tuple[str, str]:
    """Create a table whose stream calls a function; return the table's name and the mapping's id.

    Args:
        cloud: the cloud.
        function: the function.
        window: seconds for which changes are gathered.
        position: where the stream is read from.
    """
    name = f"t-{uuid4().hex}"
    made = cloud.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]
    mapping = cloud.client("lambda").create_event_source_mapping(
        EventSourceArn=made["LatestStreamArn"],
        FunctionName=SETTINGS.names.function(function),
        StartingPosition=position,
        MaximumBatchingWindowInSeconds=window,
    )
    return name, str(mapping["UUID"])


def a_stream_beside_a_slow_function(cloud: Cloud) -> list[str]:
    """Return what happens first: that one stream's function ends, or that another stream's is called."""
    slow, quick = (table_with_a_stream(cloud, function) for function in ("fail_late", "accept"))
    dynamodb = cloud.client("dynamodb")
    dynamodb.put_item(TableName=slow[0], Item={"id": {"S": "slow"}})
    assert comes_true(lambda: any(slow[0] in str(event) for event in seen), within=BUSY * SOON)
    dynamodb.put_item(TableName=quick[0], Item={"id": {"S": "quick"}})

    def happened() -> list[str]:
        told = [str(event) for event in seen]
        ends = [("end", place) for place, event in enumerate(told) if slow[0] in event and "failed" in event]
        calls = [("call", place) for place, event in enumerate(told) if quick[0] in event]
        return [what for what, _ in sorted((*ends[:1], *calls[:1]), key=lambda one: one[1])]

    assert comes_true(lambda: len(happened()) == 2, within=BUSY * SOON)
    for _, mapping in (slow, quick):
        cloud.client("lambda").delete_event_source_mapping(UUID=mapping)
    return happened()


def messages_of_a_stacks_fifo_topic(cloud: Cloud) -> list[str]:
    """Return what a queue gets of a FIFO topic, to which one message is sent twice."""
    name, formation = f"t-{uuid4().hex}", cloud.client("cloudformation")
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": f"{name}.fifo", "FifoTopic": True}}
    outputs = {"Topic": {"Value": {"Ref": "Topic"}}}
    formation.create_stack(
        StackName=name, TemplateBody=json.dumps({"Resources": {"Topic": topic}, "Outputs": outputs})
    )
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=PACE)
    arn = formation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"][0]["OutputValue"]
    sqs, sns = cloud.client("sqs"), cloud.client("sns")
    queue = sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(
        TopicArn=arn,
        Protocol="sqs",
        Endpoint=attributes["QueueArn"],
        Attributes={"RawMessageDelivery": "true"},
    )
    for text in ("a", "a", "b"):
        sns.publish(TopicArn=arn, Message=text, MessageGroupId="g", MessageDeduplicationId=text)
    received: list[Any] = []
    end = time.monotonic() + SOON
    while "b" not in received and time.monotonic() < end:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=0)
        received += [message["Body"] for message in found.get("Messages", ())]
    return received
