"""The template's Lambda functions and what calls them: schedules, streams and the event bus."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from models.tables import Table
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
from workflows.deployment.template.tables import table_id
from workflows.handlers import EventRule, Function

RUNTIME = "python3.12"
_STREAM_RETRIES = 10


def function_id(name: str) -> str:
    """Return a function's logical id."""
    return logical_id("Function", name)


def function_resources(
    functions: Mapping[str, Function],
    tables: Iterable[type[Table]],
    machines: Collection[str],
    windows: Mapping[str, str],
) -> dict[str, Resource]:
    """Return the functions, their roles, and what calls them.

    Args:
        functions: the functions by name.
        tables: the tables that they may read and write.
        machines: the state machines' names.
        windows: environment variables of the functions, each with the parameter that holds its value.
    """
    resources = {
        "FunctionLogs": resource(
            "Logs::LogGroup", {"LogGroupName": sub("/aws/lambda/${AWS::StackName}"), "RetentionInDays": 30}
        ),
        "FunctionRole": role("lambda", list(_statements(tables, machines))),
        "ScheduleRole": role("scheduler", list(_schedule_statements(functions))),
    }
    for name, function in functions.items():
        resources[function_id(name)] = _function(name, function, windows)
        if function.schedule:
            resources[logical_id("Schedule", name)] = _schedule(name, function.schedule)
        if function.stream:
            resources[logical_id("Stream", name)] = _stream(name, function.stream)
        if function.rule:
            resources[logical_id("Rule", name)] = _rule(name, function.rule, machines)
            resources[logical_id("Permission", name)] = _permission(name)
    return resources


def _function(name: str, function: Function, windows: Mapping[str, str]) -> Resource:
    variables = {
        "HOURBANK_STACK": ref("AWS::StackName"),
        "HOURBANK_ACCOUNT": ref("AWS::AccountId"),
        **{variable: ref(parameter) for variable, parameter in windows.items()},
    }
    # MiniStack posts to this address instead of running the function itself.
    hosted = {**variables, "MINISTACK_LAMBDA_PROXY_URL": ref("FunctionHostUrl")}
    return resource(
        "Lambda::Function",
        {
            "FunctionName": sub(NAMES.function(name)),
            "Runtime": RUNTIME,
            "Handler": function.handler,
            "Code": if_(
                "IsHosted",
                {"ZipFile": "# Runs on the function host."},
                {"S3Bucket": ref("CodeBucket"), "S3Key": ref("CodeKey")},
            ),
            "Role": attribute("FunctionRole", "Arn"),
            "Timeout": function.timeout,
            "MemorySize": 512,
            "Environment": {"Variables": if_("IsHosted", hosted, variables)},
            "DeadLetterConfig": {"TargetArn": attribute("DeadLetters", "Arn")},
            "LoggingConfig": {"LogFormat": "JSON", "LogGroup": ref("FunctionLogs")},
            "TracingConfig": {"Mode": "Active"},
        },
    )


def _schedule(name: str, expression: str) -> Resource:
    return resource(
        "Scheduler::Schedule",
        {
            "Name": sub(NAMES.function(name)),
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": attribute(function_id(name), "Arn"),
                "RoleArn": attribute("ScheduleRole", "Arn"),
                # No retries: the next tick does the same work.
                "RetryPolicy": {"MaximumRetryAttempts": 0},
                "DeadLetterConfig": {"Arn": attribute("DeadLetters", "Arn")},
            },
        },
    )


def _stream(name: str, table: type[Table]) -> Resource:
    return resource(
        "Lambda::EventSourceMapping",
        {
            "FunctionName": ref(function_id(name)),
            "EventSourceArn": attribute(table_id(table), "StreamArn"),
            "StartingPosition": "TRIM_HORIZON",
            "BatchSize": 100,
            "BisectBatchOnFunctionError": True,
            "MaximumRetryAttempts": _STREAM_RETRIES,
            "DestinationConfig": {"OnFailure": {"Destination": attribute("DeadLetters", "Arn")}},
        },
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
                    "Arn": attribute(function_id(name), "Arn"),
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
            "FunctionName": ref(function_id(name)),
            "Principal": "events.amazonaws.com",
            "SourceArn": attribute(logical_id("Rule", name), "Arn"),
        },
    )


def _schedule_statements(functions: Mapping[str, Function]) -> Iterator[Resource]:
    scheduled = [sub(NAMES.function_arn(name)) for name, function in functions.items() if function.schedule]
    yield statement(["lambda:InvokeFunction"], scheduled)
    yield statement(["sqs:SendMessage"], [attribute("DeadLetters", "Arn")])


def _statements(tables: Iterable[type[Table]], machines: Collection[str]) -> Iterator[Resource]:
    arns = [
        f"arn:aws:dynamodb:${{AWS::Region}}:${{AWS::AccountId}}:table/{NAMES.table(table)}" for table in tables
    ]
    # Rows only: no function deletes a table or changes its settings.
    yield statement(
        [
            f"dynamodb:{action}"
            for action in ("GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem")
        ]
        + ["dynamodb:ConditionCheckItem"],
        [sub(arn + part) for arn in arns for part in ("", "/index/*")],
    )
    yield statement(
        ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
        [sub(f"{arn}/stream/*") for arn in arns],
    )
    yield statement(["states:StartExecution"], [sub(NAMES.state_machine_arn(name)) for name in machines])
    yield statement(["states:DescribeExecution"], [sub(NAMES.execution_arn(name, "*")) for name in machines])
    yield statement(["events:PutEvents"], [attribute("EventBus", "Arn")])
    yield statement(["sqs:SendMessage"], [attribute("DeadLetters", "Arn")])
    yield statement(["sns:Publish"], [ref("AdminTopic")])
    yield statement(["logs:CreateLogStream", "logs:PutLogEvents"], [sub("${FunctionLogs.Arn}:*")])
    # These actions know no resources: the task token is the permission; traces and ListStreams belong to none.
    yield statement(
        [
            "states:SendTaskSuccess",
            "dynamodb:ListStreams",
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
        ],
        ["*"],
    )
