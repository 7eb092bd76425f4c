"""CloudFormation's intrinsic functions, common parts of resources, and `NAMES` made of its placeholders."""

from collections.abc import Sequence
from typing import Any

from models.storage.names import Names

Resource = dict[str, Any]

NAMES = Names(
    stack="${AWS::StackName}",
    region="${AWS::Region}",
    account="${AWS::AccountId}",
    partition="${AWS::Partition}",
)
_VERSION = "2012-10-17"


def sub(text: str) -> Resource:
    """Return a text whose placeholders are filled when the stack is deployed."""
    return {"Fn::Sub": text}


def ref(name: str) -> Resource:
    """Return a reference to a parameter's value or a resource's name."""
    return {"Ref": name}


def attribute(resource: str, name: str) -> Resource:
    """Return a reference to an attribute of a resource."""
    return {"Fn::GetAtt": [resource, name]}


def if_(condition: str, then: Any, otherwise: Any) -> Resource:
    """Return one of two values, chosen by a condition of the template."""
    return {"Fn::If": [condition, then, otherwise]}


NO_VALUE = ref("AWS::NoValue")


def resource(kind: str, properties: Resource, **attributes: Any) -> Resource:
    """Return a resource; `attributes` are further keys, such as DeletionPolicy."""
    return {"Type": f"AWS::{kind}", "Properties": properties, **attributes}


def logical_id(prefix: str, name: str) -> str:
    """Return a logical id, which may have letters and digits only."""
    return "".join(letter for letter in prefix + name[:1].upper() + name[1:] if letter.isalnum())


def statement(actions: Sequence[str], resources: Sequence[Any], **more: Any) -> Resource:
    """Return a policy statement that allows `actions` on `resources`; `more` is its principal or condition."""
    return {"Effect": "Allow", "Action": [*actions], "Resource": [*resources], **more}


def document(statements: Sequence[Resource]) -> Resource:
    """Return a policy document."""
    return {"Version": _VERSION, "Statement": [*statements]}


def in_this_account(*sources: str) -> Resource:
    """Return the condition that a service acts for this account and, if any are named, for one of these resources.

    Without it, whoever may use the service could have it act for them (AWS calls that a confused deputy).

    Args:
        sources: the resources' ARNs, which may have placeholders and wildcards.
    """
    condition: Resource = {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}}
    if sources:
        condition["ArnLike"] = {"aws:SourceArn": [sub(source) for source in sources]}
    return condition


def role(service: str, statements: Sequence[Resource], *, sources: Sequence[str]) -> Resource:
    """Return a role that a service of AWS assumes.

    Args:
        service: the service, such as "lambda".
        statements: what the role is allowed.
        sources: the ARNs of the resources for which alone the service may assume it.
    """
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": in_this_account(*sources),
    }
    return resource(
        "IAM::Role",
        {
            "AssumeRolePolicyDocument": document([trust]),
            "Policies": [{"PolicyName": "work", "PolicyDocument": document(statements)}],
        },
    )
