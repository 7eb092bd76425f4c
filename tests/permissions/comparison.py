"""What is needed is allowed, and what is allowed is needed."""

from collections.abc import Iterable, Iterator, Mapping

from models.storage.names import Names
from tests.permissions.needs import SERVER, Need
from tests.permissions.policies import Policies
from workflows.deployment.template.build import build_template

# What AWS does by a function's role, and no code of ours: why it must be allowed.
BY_AWS = {
    "dynamodb:DescribeStream": "Lambda reads the stream that calls the function",
    "dynamodb:GetRecords": "Lambda reads the stream that calls the function",
    "dynamodb:GetShardIterator": "Lambda reads the stream that calls the function",
    "dynamodb:ListStreams": "Lambda finds the stream that calls the function",
    "logs:CreateLogStream": "Lambda writes what the function logs",
    "logs:PutLogEvents": "Lambda writes what the function logs",
    "xray:PutTraceSegments": "Lambda traces the function",
    "xray:PutTelemetryRecords": "Lambda traces the function",
    "sqs:SendMessage": "Lambda puts events that the function has failed over into the dead-letter queue",
}


def not_allowed(names: Names, needed: Mapping[str, Iterable[Need]]) -> list[str]:
    """Return the needs of functions that their roles do not meet, as lines."""
    policies = Policies(build_template(), names)
    missing: list[str] = []
    for function, of_function in needed.items():
        if function != SERVER:
            statements = policies.allowed(policies.of_function(function))
            missing.extend(
                f"{function} may not do {need.action} on {need.resource}"
                for need in of_function
                if not any(statement.allows(need) for statement in statements)
            )
    return sorted(missing)


def not_needed(names: Names, needed: Mapping[str, Iterable[Need]]) -> list[str]:
    """Return what the functions' roles allow and nobody needs, as lines.

    These are actions; of a role that one function has for itself, they are resources, too.
    """
    policies = Policies(build_template(), names)
    users: dict[str, list[str]] = {}
    for function in needed.keys() - {SERVER}:
        users.setdefault(policies.of_function(function), []).append(function)
    return sorted(line for role, of_role in users.items() for line in _unused(policies, role, of_role, needed))


def _unused(
    policies: Policies, role: str, functions: list[str], needed: Mapping[str, Iterable[Need]]
) -> Iterator[str]:
    of_all = [need for function in functions for need in needed[function]]
    for statement in policies.allowed(role):
        if all(action in BY_AWS for action in statement.actions):
            continue
        for unused in statement.unused(of_all):
            is_resource = unused.startswith("arn:")
            if unused not in BY_AWS and not (is_resource and len(functions) > 1):
                yield f"{role} allows {unused}, which {', '.join(sorted(functions))} never need"
