"""The template's topic for admins: its key, who may publish, who is told, and the events that reach it."""

from models.events import EventSource
from workflows.deployment.template.intrinsics import (
    NAMES,
    Resource,
    attribute,
    document,
    in_this_account,
    ref,
    resource,
    statement,
    sub,
)

# Events of ours that a person must act on.
_FOR_ADMINS = (
    "Service Request Needs Attention",
    "Admin Decision Requested",
    "Dispute Decision Overdue",
    "Direct Transfer Approval Requested",
)


def admin_resources() -> dict[str, Resource]:
    """Return the admins' topic, to which alarms and events go, and what belongs to it."""
    topic = {"TopicName": sub(NAMES.admin_topic), "KmsMasterKeyId": ref("TopicKey")}
    by_email = {"TopicArn": ref("AdminTopic"), "Protocol": "email", "Endpoint": ref("AdminEmail")}
    by_https = {"TopicArn": ref("AdminTopic"), "Protocol": "https", "Endpoint": ref("AdminEndpoint")}
    return {
        "TopicKey": _key(),
        "AdminTopic": resource("SNS::Topic", topic),
        "AdminTopicPolicy": _topic_policy(),
        "AdminSubscription": resource("SNS::Subscription", by_email, Condition="HasAdmin"),
        "AdminEndpointSubscription": resource("SNS::Subscription", by_https, Condition="HasAdminEndpoint"),
    }


def _key() -> Resource:
    """Return the key by which the topic is encrypted: AWS's own one is of no use to EventBridge and CloudWatch."""
    everything = ["*"]  # within a key's policy, that is the key
    owner = statement(
        ["kms:*"], everything, Principal={"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")}
    )
    publishing = ["kms:Decrypt", "kms:GenerateDataKey*"]
    services = [
        statement(publishing, everything, Principal={"Service": "events.amazonaws.com"}),
        statement(
            publishing,
            everything,
            Principal={"Service": "cloudwatch.amazonaws.com"},
            Condition=in_this_account(),
        ),
    ]
    return resource(
        "KMS::Key",
        {
            "Description": sub("What ${AWS::StackName} tells its admins"),
            "EnableKeyRotation": True,
            "KeyPolicy": document([owner, *services]),
        },
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Delete",
    )


def _topic_policy() -> Resource:
    """Allow the event bus and the alarms to publish: a topic's own policy replaces its default one."""
    publish = {"Effect": "Allow", "Action": "sns:Publish", "Resource": ref("AdminTopic")}
    statements = [
        # No condition: EventBridge does not tell SNS its source, so that a condition would always fail.
        {**publish, "Principal": {"Service": "events.amazonaws.com"}},
        {**publish, "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Condition": in_this_account()},
    ]
    return resource("SNS::TopicPolicy", {"Topics": [ref("AdminTopic")], "PolicyDocument": document(statements)})


def admin_events() -> Resource:
    """Return the rule by which admins are told of events that a person must act on."""
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
