"""The template's state machines, one for each definition in Amazon States Language."""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any

from workflows.deployment.template.intrinsics import (
    NAMES,
    Resource,
    attribute,
    logical_id,
    ref,
    resource,
    role,
    statement,
    sub,
)
from workflows.deployment.template.permissions import called_functions
from workflows.deployment.template.versions import alias_id
from workflows.handlers.rights import ANY

_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
# The integrations that a definition names are AWS's own, in the partition where the machine runs.
_INTEGRATION = "arn:aws:states:::"
_PARTITION = "Partition"
_INTEGRATION_ANYWHERE = f"arn:${{{_PARTITION}}}:states:::"
# AWS offers these, for the delivery of logs and for traces, for everything only.
_UNBOUND = (
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
)


class UnknownPlaceholderError(ValueError):
    """A definition names an unknown function or machine."""


def machine_resources(definitions: Mapping[str, Any], functions: Collection[str]) -> dict[str, Resource]:
    """Return the state machines, each with a role of its own, and the log that they share.

    Raises:
        UnknownPlaceholderError: a definition's `${name}` is neither a function nor a machine.
    """
    resources = {
        "MachineLogs": resource(
            "Logs::LogGroup",
            {
                "LogGroupName": sub("/aws/vendedlogs/states/${AWS::StackName}"),
                "RetentionInDays": ref("LogDays"),
            },
        )
    }
    for name, definition in definitions.items():
        text = json.dumps(definition, separators=(",", ":")).replace(_INTEGRATION, _INTEGRATION_ANYWHERE)
        called = sorted(set(_PLACEHOLDER.findall(text)) - {_PARTITION})
        substitutions = {one: _arn(one, definitions, functions) for one in called}
        resources[logical_id("Machine", name)] = _machine(name, text, substitutions)
        resources[_role_id(name)] = _role(name, called, definitions, functions)
    return resources


def called_by_machines(functions: Collection[str], machines: Mapping[str, Any]) -> frozenset[str]:
    """Return the functions that machines call: those get an error themselves, and lose no event."""
    text = str(machines)
    return frozenset(name for name in functions if f"${{{name}}}" in text)


def _role_id(machine: str) -> str:
    return logical_id("MachineRole", machine)


def _machine(name: str, text: str, substitutions: Mapping[str, Resource]) -> Resource:
    return resource(
        "StepFunctions::StateMachine",
        {
            "StateMachineName": sub(NAMES.state_machine(name)),
            "StateMachineType": "STANDARD",
            "DefinitionString": text,
            "DefinitionSubstitutions": {**substitutions, _PARTITION: ref("AWS::Partition")},
            "RoleArn": attribute(_role_id(name), "Arn"),
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
        return ref(alias_id(name))
    if name in machines:
        return sub(NAMES.state_machine_arn(name))
    raise UnknownPlaceholderError(f"${{{name}}} in a definition is neither a function nor a state machine")


def _role(name: str, called: Collection[str], machines: Collection[str], functions: Collection[str]) -> Resource:
    nested = [one for one in called if one in machines]
    allowed = [called_functions(alias_id(one) for one in called if one in functions)]
    if nested:
        allowed += _nesting_statements(nested)
    return role("states", [*allowed, statement(_UNBOUND, [ANY])], sources=[NAMES.state_machine_arn(name)])


def _nesting_statements(machines: Collection[str]) -> list[Resource]:
    """Return what it takes to start executions of other machines and to wait for their ends."""
    return [
        statement(["states:StartExecution"], [sub(NAMES.state_machine_arn(name)) for name in machines]),
        statement(
            ["states:DescribeExecution", "states:StopExecution"],
            [sub(NAMES.execution_arn(name, "*")) for name in machines],
        ),
        # By this rule, which is AWS's own, Step Functions learns that a nested execution has ended.
        statement(
            ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            [sub(NAMES.arn("events", "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"))],
        ),
    ]
