"""What the service template's modules share: the names of the data stack, ARNs, roles, and accepted findings."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from models.tables import Table
from workflows.deployment.template import intrinsics
from workflows.deployment.template.intrinsics import Resource, ref, resource, sub

# The stack of tables and workflows is another one; everything in it is found by its name.
NAMES = replace(intrinsics.NAMES, stack="${DataStack}")
PORT = 8000


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """What the servers serve.

    Args:
        title: what people call the app.
        tables: its tables.
        machines: the names of its state machines.
        groups: the groups that its rules name.
        variables: what its servers are told beside what all are.
    """

    title: str
    tables: tuple[type[Table], ...]
    machines: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


def arn(service: str, rest: str, *, region: str = "${AWS::Region}") -> Resource:
    """Return an ARN of this account, in whatever partition the stack is deployed to.

    Args:
        service: the service's prefix, such as `dynamodb`.
        rest: what follows the account.
        region: the region; "" for what belongs to none.
    """
    return sub(f"arn:${{AWS::Partition}}:{service}:{region}:${{AWS::AccountId}}:{rest}")


def role(trust: Resource, statements: list[Resource], **attributes: Any) -> Resource:
    """Return a role, with whom it trusts and what it is allowed."""
    return resource(
        "IAM::Role",
        {
            "AssumeRolePolicyDocument": policy([{"Effect": "Allow", "Action": "sts:AssumeRole", **trust}]),
            "Policies": [{"PolicyName": "work", "PolicyDocument": policy(statements)}],
            **attributes,
        },
    )


def policy(statements: list[Resource]) -> Resource:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": statements}


def service_trust(service: str, source: Resource) -> Resource:
    """Return the trust in a service of AWS, while it works for one source in this account.

    Without the conditions another account's resource could make the service use the role (a "confused deputy").
    """
    return {
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")},
            "ArnLike": {"aws:SourceArn": source},
        },
    }


def accepting(described: Resource, findings: dict[str, str]) -> Resource:
    """Return a resource that says why findings of checkov are accepted, by the ids of its checks."""
    skipped = [{"id": check, "comment": why} for check, why in findings.items()]
    return {**described, "Metadata": {"checkov": {"skip": skipped}}}


def log_group(name: str) -> Resource:
    """Return a log, which is kept for as long as the stack is told."""
    return accepting(
        resource("Logs::LogGroup", {"LogGroupName": sub(name), "RetentionInDays": ref("LogDays")}),
        {"CKV_AWS_158": "CloudWatch encrypts it by a key of its own; with another the same people could read it"},
    )
