"""CloudFormation's intrinsic functions, common parts of resources, and `NAMES` made of its placeholders."""

from typing import Any

from models.storage.names import Names

Resource = dict[str, Any]

NAMES = Names(stack="${AWS::StackName}", region="${AWS::Region}", account="${AWS::AccountId}")


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


def resource(kind: str, properties: Resource, **attributes: Any) -> Resource:
    """Return a resource; `attributes` are further keys, such as DeletionPolicy."""
    return {"Type": f"AWS::{kind}", "Properties": properties, **attributes}


def logical_id(prefix: str, name: str) -> str:
    """Return a logical id, which may have letters and digits only."""
    return "".join(letter for letter in prefix + name[:1].upper() + name[1:] if letter.isalnum())


def statement(actions: list[str], resources: list[Any]) -> Resource:
    """Return a policy statement that allows `actions` on `resources`."""
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def role(service: str, statements: list[Resource]) -> Resource:
    """Return a role that a service of AWS assumes, with the statements that it is allowed."""
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
