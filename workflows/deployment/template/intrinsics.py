"""CloudFormation's own words, and the names of the parts: `Names` with placeholders for what a stack decides."""

from typing import Any

from models.storage.names import Names

Resource = dict[str, Any]

NAMES = Names(stack="${AWS::StackName}", region="${AWS::Region}", account="${AWS::AccountId}")


def sub(text: str) -> Resource:
    """Return `text` with its placeholders filled when the stack is deployed."""
    return {"Fn::Sub": text}


def ref(name: str) -> Resource:
    """Return a parameter's value or a resource's own name."""
    return {"Ref": name}


def attribute(resource: str, name: str) -> Resource:
    """Return an attribute of a resource."""
    return {"Fn::GetAtt": [resource, name]}


def if_(condition: str, then: Any, otherwise: Any) -> Resource:
    """Return one of two values by a condition of the template."""
    return {"Fn::If": [condition, then, otherwise]}


def resource(kind: str, properties: Resource, **attributes: Any) -> Resource:
    """Return a resource; `attributes` are its policies and conditions."""
    return {"Type": f"AWS::{kind}", "Properties": properties, **attributes}


def logical(prefix: str, name: str) -> str:
    """Return a logical id: letters and digits only."""
    return "".join(letter for letter in prefix + name[:1].upper() + name[1:] if letter.isalnum())


def statement(actions: list[str], resources: list[Any]) -> Resource:
    """Return a statement of a policy that allows `actions` on `resources`."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def role(service: str, statements: list[Resource]) -> Resource:
    """Return a role that a service of AWS takes on, and all that it may do in it."""
    trust = {"Effect": "Allow", "Principal": {"Service": f"{service}.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return resource(
        "IAM::Role",
        {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [
                {"PolicyName": "work", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
            ],
        },
    )
