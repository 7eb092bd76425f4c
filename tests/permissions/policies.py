"""What a template allows the roles in it, with ARNs as they are in one deployment."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from models.storage.names import Names
from tests.permissions.needs import Need

_PLACEHOLDER = re.compile(r"\$\{([\w:.]+)\}")
# Where a resource's name is, and what its ARN is made of.
_ARNS = {
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{where}:table/{name}"),
    "AWS::Events::EventBus": ("Name", "events:{where}:event-bus/{name}"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:{where}:function:{name}"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{where}:log-group:{name}"),
    "AWS::SNS::Topic": ("TopicName", "sns:{where}:{name}"),
    "AWS::SQS::Queue": ("QueueName", "sqs:{where}:{name}"),
    "AWS::SSM::Parameter": ("Name", "ssm:{where}:parameter{name}"),
    "AWS::SecretsManager::Secret": ("Name", "secretsmanager:{where}:secret:{name}-??????"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "states:{where}:stateMachine:{name}"),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What one statement of a policy allows: each of the actions on each of the resources."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]

    def allows(self, need: Need) -> bool:
        """Return whether it allows what is needed."""
        return self._has(need.action) and any(covers(resource, need) for resource in self.resources)

    def _has(self, action: str) -> bool:
        return any(fnmatchcase(action, allowed) for allowed in self.actions)

    def unused(self, needed: Iterable[Need]) -> Iterator[tuple[str, str]]:
        """Yield each action of the statement with each of its resources that nobody needs it on."""
        needs = tuple(needed)
        for action in self.actions:
            for resource in self.resources:
                if not any(fnmatchcase(need.action, action) and covers(resource, need) for need in needs):
                    yield action, resource


def covers(resource: str, need: Need) -> bool:
    """Return whether a policy's resource is, or may be, what the need is about."""
    return need.resource is None or fnmatchcase(need.resource, resource)


class Policies:
    """The policies of a template.

    Args:
        template: as it is built.
        names: of the deployment that the placeholders are filled for.
    """

    def __init__(self, template: Mapping[str, Any], names: Names) -> None:
        self._resources: Mapping[str, Any] = template["Resources"]
        self._names = names

    def of_function(self, function: str) -> str:
        """Return the logical id of the role of a function, by the function's name in the code."""
        for resource in self._resources.values():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::Lambda::Function" and self._text(
                properties["FunctionName"]
            ) == self._names.function(function):
                role: str = properties["Role"]["Fn::GetAtt"][0]
                return role
        raise AssertionError(f"the template has no function {function}")

    def allowed(self, role: str) -> Sequence[Statement]:
        """Return the statements of a role, by its logical id."""
        policies = self._resources[role]["Properties"]["Policies"]
        return [
            Statement(tuple(_many(one["Action"])), tuple(map(self._text, _many(one["Resource"]))))
            for policy in policies
            for one in _many(policy["PolicyDocument"]["Statement"])
            if one["Effect"] == "Allow"
        ]

    def _text(self, value: Any) -> str:
        """Return a text with its references and placeholders filled."""
        match value:
            case str():
                return value
            case {"Fn::Sub": str(text)}:
                return _PLACEHOLDER.sub(lambda found: self._named(found[1]), text)
            case {"Ref": str(name)}:
                return self._named(name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._named(f"{name}.{attribute}")
            case _:
                raise AssertionError(f"this is none of the forms that are known here: {value}")

    def _named(self, name: str) -> str:
        names = self._names
        pseudo = {
            "AWS::Partition": "aws",
            "AWS::Region": names.region,
            "AWS::AccountId": names.account,
            "AWS::StackName": names.stack,
            "DataStack": names.stack,
        }
        if name in pseudo:
            return pseudo[name]
        resource = self._resources[name.partition(".")[0]]
        if resource["Type"] not in _ARNS:
            return f"<{name}>"
        named_by, arn = _ARNS[resource["Type"]]
        named = self._text(resource["Properties"][named_by])
        return "arn:aws:" + arn.format(where=f"{names.region}:{names.account}", name=named)


def _many(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
