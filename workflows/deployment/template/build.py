"""Builds the CloudFormation template from the tables, the definitions and the functions."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from models.ledger.approvals import ApprovalLimits
from models.settings import Settings
from models.tables import TABLES, Table
from workflows.deployment.template.functions import function_resources
from workflows.deployment.template.intrinsics import NAMES, Resource, attribute, ref, resource, sub
from workflows.deployment.template.machines import machine_resources, read_definitions
from workflows.deployment.template.monitoring import monitoring_resources
from workflows.deployment.template.tables import table_resources
from workflows.handlers import FUNCTIONS, Function

# How long the workflow waits for people; parameters, so that a deployment for tests can wait for seconds only.
_WINDOWS = tuple(name for name in Settings.model_fields if name.endswith("_window"))
# When an administrator needs a second one: the functions keep the same rule as the server.
_APPROVAL = tuple(f"approval_{one.name}" for one in fields(ApprovalLimits))


def build_template(
    tables: Iterable[type[Table]] = TABLES,
    functions: Mapping[str, Function] = FUNCTIONS,
    definitions: Mapping[str, Any] | None = None,
) -> Resource:
    """Return the template, which is the same for AWS and for the local cloud.

    Raises:
        UnknownPlaceholderError: a definition names an unknown function or machine.
    """
    machines = read_definitions() if definitions is None else definitions
    tables = tuple(tables)
    windows = {f"HOURBANK_{name.upper()}": _parameter(name) for name in (*_WINDOWS, *_APPROVAL)}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "HourBank: tables, workflows and functions",
        "Parameters": {
            "FunctionHostUrl": _text("The local cloud's way to the functions; empty on AWS."),
            "CodeBucket": _text("The bucket of the functions' code; empty in the local cloud."),
            "CodeKey": _text("The key of the functions' code."),
            **{parameter: {"Type": "String"} for parameter in windows.values()},
        },
        "Conditions": {"IsHosted": {"Fn::Not": [{"Fn::Equals": [ref("FunctionHostUrl"), ""]}]}},
        "Resources": {
            **table_resources(tables),
            "EventBus": resource("Events::EventBus", {"Name": sub(NAMES.event_bus)}),
            **_dead_letters(),
            **monitoring_resources(tables, functions, machines),
            **function_resources(functions, tables, machines, windows),
            **machine_resources(machines, functions),
        },
    }


def parameters(
    settings: Settings, *, function_host_url: str = "", code_bucket: str = "", code_key: str = ""
) -> dict[str, str]:
    """Return the template's parameters for a deployment with these settings."""
    return {
        "FunctionHostUrl": function_host_url,
        "CodeBucket": code_bucket,
        "CodeKey": code_key,
        **{
            _parameter(name): text
            for name, text in settings.model_dump(mode="json", include=set(_WINDOWS)).items()
        },
        **{
            _parameter(name): str(getattr(settings.approval, name.removeprefix("approval_"))) for name in _APPROVAL
        },
    }


def _parameter(setting: str) -> str:
    return "".join(word.capitalize() for word in setting.split("_"))


def _text(description: str) -> Resource:
    return {"Type": "String", "Default": "", "Description": description}


def _dead_letters() -> dict[str, Resource]:
    queue = {
        "QueueName": sub(NAMES.dead_letter_queue),
        "MessageRetentionPeriod": 14 * 24 * 60 * 60,
        "SqsManagedSseEnabled": True,
    }
    may_send = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": attribute("DeadLetters", "Arn"),
        "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
    }
    policy = {"Version": "2012-10-17", "Statement": [may_send]}
    return {
        "DeadLetters": resource("SQS::Queue", queue),
        "DeadLettersPolicy": resource(
            "SQS::QueuePolicy", {"Queues": [ref("DeadLetters")], "PolicyDocument": policy}
        ),
    }
