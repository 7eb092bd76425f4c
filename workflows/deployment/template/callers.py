"""What calls the template's functions, beside the state machines: schedules, streams and rules of event buses."""

from collections.abc import Collection, Mapping
from typing import Any

from models.tables import Table
from workflows.deployment.template.change_feed import CONDITION as PUBLISHES_CHANGES
from workflows.deployment.template.intrinsics import (
    NAMES,
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
from workflows.deployment.template.permissions import called_functions
from workflows.deployment.template.streams import stream_mapping
from workflows.deployment.template.versions import alias_id
from workflows.handlers import EventRule, Function


def call_resources(functions: Mapping[str, Function], machines: Collection[str]) -> dict[str, Resource]:
    """Return the schedules, stream mappings, rules and permissions of the functions that need one."""
    resources = {"ScheduleRole": _schedule_role(functions)}
    for name, function in functions.items():
        if function.schedule:
            resources[logical_id("Schedule", name)] = _schedule(name, function.schedule)
        if function.stream:
            resources[logical_id("Stream", name)] = _stream(name, function.stream)
        if function.rule:
            resources[logical_id("Rule", name)] = _rule(name, function.rule, machines)
            resources[logical_id("Permission", name)] = _permission(name)
    return resources


def _schedule_role(functions: Mapping[str, Function]) -> Resource:
    scheduled = [alias_id(name) for name, function in functions.items() if function.schedule]
    allowed = [called_functions(scheduled), statement(["sqs:SendMessage"], [attribute("DeadLetters", "Arn")])]
    # The scheduler names the group of a schedule, not the schedule itself.
    return role("scheduler", allowed, sources=[NAMES.arn("scheduler", "schedule-group/default")])


def _schedule(name: str, expression: str) -> Resource:
    return resource(
        "Scheduler::Schedule",
        {
            "Name": sub(NAMES.function(name)),
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": ref(alias_id(name)),
                "RoleArn": attribute("ScheduleRole", "Arn"),
                # No retries: the next tick does the same work.
                "RetryPolicy": {"MaximumRetryAttempts": 0},
                "DeadLetterConfig": {"Arn": attribute("DeadLetters", "Arn")},
            },
        },
    )


def _stream(name: str, table: type[Table]) -> Resource:
    # Gathering changes for a second saves calls, and only the bus waits for them. If servers read queues, this
    # function tells them, too: members wait for that, so it is called at once.
    window = if_(PUBLISHES_CHANGES, 0, 1)
    return stream_mapping(
        name, table, {"StartingPosition": "TRIM_HORIZON", "MaximumBatchingWindowInSeconds": window}
    )


def _rule(name: str, rule: EventRule, machines: Collection[str]) -> Resource:
    pattern: dict[str, Any] = {"source": list(rule.sources), "detail-type": list(rule.detail_types)}
    if rule.statuses:
        pattern["detail"] = {"status": list(rule.statuses)}
    if rule.default_bus:  # which also gets the events of every other stack's executions
        ours = [sub(NAMES.state_machine_arn(machine)) for machine in machines]
        pattern["detail"] = {**pattern.get("detail", {}), "stateMachineArn": ours}
    return resource(
        "Events::Rule",
        {
            "Name": sub(f"{NAMES.stack}-{rule.name}"),
            "EventBusName": "default" if rule.default_bus else ref("EventBus"),
            "EventPattern": pattern,
            "Targets": [
                {
                    "Id": name,
                    "Arn": ref(alias_id(name)),
                    "DeadLetterConfig": {"Arn": attribute("DeadLetters", "Arn")},
                }
            ],
        },
    )


def _permission(name: str) -> Resource:
    return resource(
        "Lambda::Permission",
        {
            "Action": "lambda:InvokeFunction",
            "FunctionName": ref(alias_id(name)),
            "Principal": "events.amazonaws.com",
            "SourceArn": attribute(logical_id("Rule", name), "Arn"),
        },
    )
