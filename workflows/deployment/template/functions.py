"""The template's Lambda functions, each with a role of its own, its version in use, and what calls it."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.tables import Table
from workflows.deployment.template.callers import call_resources
from workflows.deployment.template.intrinsics import (
    NAMES,
    NO_VALUE,
    Resource,
    attribute,
    if_,
    logical_id,
    ref,
    resource,
    role,
    statement,
    sub,
)
from workflows.deployment.template.machines import called_by_machines
from workflows.deployment.template.permissions import log_statements, statements
from workflows.deployment.template.tables import table_id
from workflows.deployment.template.versions import version_resources
from workflows.handlers import Function
from workflows.handlers.rights import ANY, NONE, RIGHTS

RUNTIME = "python3.12"


def function_id(name: str) -> str:
    """Return a function's logical id."""
    return logical_id("Function", name)


def function_resources(
    functions: Mapping[str, Function],
    machines: Mapping[str, Any],
    windows: Mapping[str, str],
    values: Mapping[str, str],
    other_streams: Sequence[type[Table]],
) -> dict[str, Resource]:
    """Return the functions, their roles, versions and aliases, and what calls them.

    Args:
        functions: the functions by name.
        machines: the state machines' definitions by name.
        windows: environment variables of the functions, each with the parameter that holds its value.
        values: the values of the template's parameters, from which the versions follow.
        other_streams: the tables whose streams call the function that reads those which call no other.
    """
    resources = {
        "FunctionLogs": resource(
            "Logs::LogGroup",
            {"LogGroupName": sub("/aws/lambda/${AWS::StackName}"), "RetentionInDays": ref("LogDays")},
        ),
    }
    by_machines = called_by_machines(functions, machines)
    for name, function in functions.items():
        keeps_letters = name not in by_machines
        properties = _properties(name, function, windows, keeps_letters=keeps_letters)
        resources[function_id(name)] = resource("Lambda::Function", properties)
        read = other_streams if function.reads_other_streams else [function.stream] if function.stream else []
        resources[_role_id(name)] = _role(name, read, keeps_letters=keeps_letters)
        resources |= version_resources(name, properties, values, keeps_warm=function.is_awaited)
    return resources | call_resources(functions, machines)


def _role_id(name: str) -> str:
    return logical_id("Role", name)


def _properties(
    name: str, function: Function, windows: Mapping[str, str], *, keeps_letters: bool
) -> dict[str, Any]:
    variables = {
        "HOURBANK_STACK": ref("AWS::StackName"),
        "HOURBANK_ACCOUNT": ref("AWS::AccountId"),
        **{variable: ref(parameter) for variable, parameter in windows.items()},
    }
    # MiniStack posts to this address instead of running the function itself.
    hosted = {**variables, "MINISTACK_LAMBDA_PROXY_URL": ref("FunctionHostUrl")}
    properties: dict[str, Any] = {
        "FunctionName": sub(NAMES.function(name)),
        "Runtime": RUNTIME,
        "Handler": function.handler,
        "Code": if_(
            "IsHosted",
            {"ZipFile": "# Runs on the function host."},
            {"S3Bucket": ref("CodeBucket"), "S3Key": ref("CodeKey")},
        ),
        "Role": attribute(_role_id(name), "Arn"),
        "Timeout": function.timeout,
        "MemorySize": 512,
        "Environment": {"Variables": if_("IsHosted", hosted, variables)},
        "LoggingConfig": {"LogFormat": "JSON", "LogGroup": ref("FunctionLogs")},
        "TracingConfig": {"Mode": "Active"},
    }
    if keeps_letters:
        properties["DeadLetterConfig"] = {"TargetArn": attribute("DeadLetters", "Arn")}
    if function.moves_hours:
        properties["ReservedConcurrentExecutions"] = if_("IsReserved", ref("ReservedConcurrency"), NO_VALUE)
    return properties


def _role(name: str, streams: Sequence[type[Table]], *, keeps_letters: bool) -> Resource:
    allowed = [*log_statements("FunctionLogs"), *statements(RIGHTS.get(name, NONE))]
    if keeps_letters:
        allowed.append(statement(["sqs:SendMessage"], [attribute("DeadLetters", "Arn")]))
    if streams:
        allowed += _stream_statements(streams)
    arn = NAMES.function_arn(name)
    return role("lambda", allowed, sources=[arn, f"{arn}:*"])


def _stream_statements(tables: Sequence[type[Table]]) -> list[Resource]:
    return [
        statement(
            ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
            [attribute(table_id(table), "StreamArn") for table in tables],
        ),
        # AWS offers it for everything only.
        statement(["dynamodb:ListStreams"], [ANY]),
    ]
