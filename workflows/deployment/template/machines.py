"""The template's state machines, one for each definition in Amazon States Language."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from workflows.deployment.template.intrinsics import (
    NAMES,
    Resource,
    attribute,
    logical_id,
    resource,
    role,
    statement,
    sub,
)

DEFINITIONS = Path(__file__).parents[2] / "definitions"
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
_SUFFIX = ".asl.json"


class UnknownPlaceholderError(ValueError):
    """A definition names an unknown function or machine."""


def read_definitions(directory: Path = DEFINITIONS) -> dict[str, Any]:
    """Return the definitions by the names of their machines."""
    files = sorted(directory.glob(f"*{_SUFFIX}"))
    return {file.name.removesuffix(_SUFFIX): json.loads(file.read_text()) for file in files}


def machine_resources(definitions: Mapping[str, Any], functions: Collection[str]) -> dict[str, Resource]:
    """Return the state machines, their role and the log that they share.

    Raises:
        UnknownPlaceholderError: a definition's `${name}` is neither a function nor a machine.
    """
    machines = {
        logical_id("Machine", name): _machine(name, definition, definitions, functions)
        for name, definition in definitions.items()
    }
    return {
        "MachineLogs": resource(
            "Logs::LogGroup",
            {"LogGroupName": sub("/aws/vendedlogs/states/${AWS::StackName}"), "RetentionInDays": 30},
        ),
        "MachineRole": role("states", list(_statements(definitions, functions))),
        **machines,
    }


def _machine(name: str, definition: Any, machines: Collection[str], functions: Collection[str]) -> Resource:
    text = json.dumps(definition, separators=(",", ":"))
    return resource(
        "StepFunctions::StateMachine",
        {
            "StateMachineName": sub(NAMES.state_machine(name)),
            "StateMachineType": "STANDARD",
            "DefinitionString": text,
            "DefinitionSubstitutions": {
                found: _arn(found, machines, functions) for found in sorted(set(_PLACEHOLDER.findall(text)))
            },
            "RoleArn": attribute("MachineRole", "Arn"),
            "LoggingConfiguration": {
                "Level": "ERROR",
                "IncludeExecutionData": True,
                "Destinations": [{"CloudWatchLogsLogGroup": {"LogGroupArn": attribute("MachineLogs", "Arn")}}],
            },
            "TracingConfiguration": {"Enabled": True},
        },
    )


def _arn(name: str, machines: Collection[str], functions: Collection[str]) -> Resource:
    if name in functions:
        return sub(NAMES.function_arn(name))
    if name in machines:
        return sub(NAMES.state_machine_arn(name))
    raise UnknownPlaceholderError(f"${{{name}}} in a definition is neither a function nor a state machine")


def _statements(machines: Collection[str], functions: Collection[str]) -> Iterator[Resource]:
    yield statement(["lambda:InvokeFunction"], [sub(NAMES.function_arn(name)) for name in functions])
    yield statement(["states:StartExecution"], [sub(NAMES.state_machine_arn(name)) for name in machines])
    yield statement(
        ["states:DescribeExecution", "states:StopExecution"],
        [sub(NAMES.execution_arn(name, "*")) for name in machines],
    )
    # Step Functions needs it to learn that a nested execution has ended.
    rule = "StepFunctionsGetEventsForStepFunctionsExecutionRule"
    yield statement(
        ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
        [sub(f"arn:aws:events:${{AWS::Region}}:${{AWS::AccountId}}:rule/{rule}")],
    )
    # Permissions for log deliveries and traces cannot be limited to a resource.
    yield statement(
        [
            "logs:CreateLogDelivery",
            "logs:GetLogDelivery",
            "logs:UpdateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:ListLogDeliveries",
            "logs:PutResourcePolicy",
            "logs:DescribeResourcePolicies",
            "logs:DescribeLogGroups",
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
        ],
        ["*"],
    )
