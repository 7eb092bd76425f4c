"""The trail of what people do by hand, an event to the admins when they touch hours, and the budget."""

from typing import Any

from models import tables
from models.tables import Table
from workflows.deployment.template.intrinsics import Resource, attribute, ref, resource, sub
from workflows.deployment.template.service.parts import NAMES, Served, arn, policy

# The tables that say what hours there are, whose they are, and what was decided of them.
MONEY: tuple[type[Table], ...] = (
    tables.UserBalance,
    tables.TransactionLog,
    tables.Escrow,
    tables.ServiceRequest,
    tables.Dispute,
    tables.TransferApproval,
)
_KEPT_DAYS = 400
_CLOSED = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_CONDITION = "IsAudited"
_TRAIL = "trail/${AWS::StackName}"
_WRITES = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems", "ExecuteStatement")


def auditing_resources(served: Served) -> dict[str, Resource]:
    """Return the trail with its bucket, the rule for what is changed by hand, and the budget.

    What is watched of HourBank are its hours; of an app without them, all rows.
    """
    what, watched = ("Hours", MONEY) if served.machines else ("Rows", served.tables)
    return {
        "TrailBucket": _bucket(),
        "TrailBucketPolicy": _bucket_policy(),
        "Trail": _trail(what, watched),
        "ByHand": _rule(what),
        "Budget": _budget(),
    }


def _bucket() -> Resource:
    return resource(
        "S3::Bucket",
        {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": True}
                ]
            },
            "VersioningConfiguration": {"Status": "Enabled"},
            "PublicAccessBlockConfiguration": dict.fromkeys(_CLOSED, True),
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Status": "Enabled",
                        "ExpirationInDays": _KEPT_DAYS,
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                    }
                ]
            },
        },
        Condition=_CONDITION,
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
    )


def _bucket_policy() -> Resource:
    trail = {"StringEquals": {"aws:SourceArn": arn("cloudtrail", _TRAIL)}}
    service: Resource = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    bucket = attribute("TrailBucket", "Arn")
    objects = sub("${TrailBucket.Arn}/*")
    statements: list[Resource] = [
        {**service, "Action": "s3:GetBucketAcl", "Resource": bucket, "Condition": trail},
        {
            **service,
            "Action": "s3:PutObject",
            "Resource": sub("${TrailBucket.Arn}/AWSLogs/${AWS::AccountId}/*"),
            "Condition": trail,
        },
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [bucket, objects],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
    ]
    return resource(
        "S3::BucketPolicy",
        {"Bucket": ref("TrailBucket"), "PolicyDocument": policy(statements)},
        Condition=_CONDITION,
    )


def _trail(what: str, watched: tuple[type[Table], ...]) -> Resource:
    return resource(
        "CloudTrail::Trail",
        {
            "TrailName": ref("AWS::StackName"),
            "S3BucketName": ref("TrailBucket"),
            "IsLogging": True,
            "IsMultiRegionTrail": True,
            "IncludeGlobalServiceEvents": True,
            "EnableLogFileValidation": True,
            "AdvancedEventSelectors": [_changes_of_the_account(), _changes_by_hand(what, watched)],
        },
        Condition=_CONDITION,
        DependsOn="TrailBucketPolicy",
    )


def _field(name: str, operator: str, *values: Any) -> Resource:
    return {"Field": name, operator: [*values]}


def _changes_of_the_account() -> Resource:
    """Select what changes the account itself: roles, functions, stacks, user pools, and who assumed which role."""
    return {
        "Name": "Changes of the account",
        "FieldSelectors": [_field("eventCategory", "Equals", "Management"), _field("readOnly", "Equals", "false")],
    }


def _changes_by_hand(what: str, watched: tuple[type[Table], ...]) -> Resource:
    """Select writes to some tables by anybody but servers and functions, which make millions of them."""
    ours = [
        sub(f"arn:${{AWS::Partition}}:sts::${{AWS::AccountId}}:assumed-role/{role}")
        for role in (f"{NAMES.stack}-Function", "${ServerRole}/")
    ]
    return {
        "Name": f"{what} that are changed by hand",
        "FieldSelectors": [
            _field("eventCategory", "Equals", "Data"),
            _field("resources.type", "Equals", "AWS::DynamoDB::Table"),
            _field(
                "resources.ARN", "Equals", *(arn("dynamodb", f"table/{NAMES.table(table)}") for table in watched)
            ),
            _field("readOnly", "Equals", "false"),
            _field("userIdentity.arn", "NotStartsWith", *ours),
        ],
    }


def _rule(what: str) -> Resource:
    """Return the rule that tells the admins of every such write, within minutes."""
    pattern = {
        "source": ["aws.dynamodb"],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {"eventSource": ["dynamodb.amazonaws.com"], "eventName": [*_WRITES]},
    }
    return resource(
        "Events::Rule",
        {
            "Description": f"Somebody has changed {what.lower()} by hand",
            "EventPattern": pattern,
            "Targets": [
                {
                    "Id": "admins",
                    "Arn": arn("sns", NAMES.admin_topic),
                    "DeadLetterConfig": {"Arn": arn("sqs", NAMES.dead_letter_queue)},
                }
            ],
        },
        Condition=_CONDITION,
    )


def _budget() -> Resource:
    """Return the budget of the account: admins hear of 80 % that was spent, and of all of it that will be."""
    return resource(
        "Budgets::Budget",
        {
            "Budget": {
                "BudgetType": "COST",
                "TimeUnit": "MONTHLY",
                "BudgetLimit": {"Amount": ref("MonthlyBudget"), "Unit": "USD"},
            },
            "NotificationsWithSubscribers": [_notification("ACTUAL", 80), _notification("FORECASTED", 100)],
        },
        Condition="HasBudget",
    )


def _notification(kind: str, percent: int) -> dict[str, Any]:
    return {
        "Notification": {
            "NotificationType": kind,
            "ComparisonOperator": "GREATER_THAN",
            "Threshold": percent,
            "ThresholdType": "PERCENTAGE",
        },
        "Subscribers": [{"SubscriptionType": "EMAIL", "Address": ref("AdminEmail")}],
    }
