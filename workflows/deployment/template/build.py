"""Builds the CloudFormation template from the tables, the definitions and the functions."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from models.changes import Feed
from models.settings import Settings
from models.tables import TABLES, Table
from workflows.definitions import read_definitions
from workflows.deployment.environments import DataSettings
from workflows.deployment.template.admins import admin_events, admin_resources
from workflows.deployment.template.change_feed import CONDITIONS, PARAMETER, change_feed_resources, other_streams
from workflows.deployment.template.functions import function_resources
from workflows.deployment.template.intrinsics import (
    NAMES,
    Resource,
    attribute,
    document,
    in_this_account,
    ref,
    resource,
    sub,
)
from workflows.deployment.template.machines import machine_resources
from workflows.deployment.template.monitoring.build import monitoring_resources
from workflows.deployment.template.tables import table_resources
from workflows.deployment.workflow_settings import VARIABLES, values_of
from workflows.handlers import FUNCTIONS, Function


def _text(description: str, default: str = "") -> Resource:
    return {"Type": "String", "Default": default, "Description": description}


def _number(description: str, default: int = 0) -> Resource:
    return {"Type": "Number", "Default": default, "Description": description}


def _is_not(parameter: str, value: str | int) -> Resource:
    return {"Fn::Not": [{"Fn::Equals": [ref(parameter), str(value)]}]}


# The settings of the local cloud, where nothing is worth protecting.
LOCAL = DataSettings(deletion_protection=False)
_PARAMETERS = {
    "FunctionHostUrl": _text("The local cloud's way to the functions; empty on AWS."),
    "CodeBucket": {
        "Type": "String",
        "Description": "The bucket of the functions' code; empty in the local cloud.",
    },
    "CodeKey": {"Type": "String", "Description": "The key of the functions' code; empty in the local cloud."},
    "AdminEmail": _text("Who gets the alarms and what needs an admin; empty for nobody."),
    "AdminEndpoint": _text("An https address that gets the same, such as a pager's; empty for none."),
    "LogDays": _number("Days for which logs are kept.", LOCAL.log_days),
    "DeletionProtection": {
        **_text("Whether the tables that hold hours refuse to be deleted.", "false"),
        "AllowedValues": ["true", "false"],
    },
    PARAMETER: {
        **_text("Whether functions publish all changes, or a single server reads the streams.", Feed.QUEUE),
        "AllowedValues": [feed.value for feed in Feed],
    },
}
_CONDITIONS = {
    "IsHosted": _is_not("FunctionHostUrl", ""),
    "HasAdmin": _is_not("AdminEmail", ""),
    "HasAdminEndpoint": _is_not("AdminEndpoint", ""),
    "IsProtected": {"Fn::Equals": [ref("DeletionProtection"), "true"]},
    **CONDITIONS,
}
# Of workflows only.
_CONCURRENCY = {
    "ReservedConcurrency": _number("Executions kept for each function that moves hours; 0 for none of its own."),
    "ProvisionedConcurrency": _number("Warm executions of each function that a person waits for; 0 for none."),
}
_CONCURRENCY_CONDITIONS = {
    "IsReserved": _is_not("ReservedConcurrency", 0),
    "IsKeptWarm": _is_not("ProvisionedConcurrency", 0),
}


def build_template(
    tables: Iterable[type[Table]] = TABLES,
    functions: Mapping[str, Function] = FUNCTIONS,
    definitions: Mapping[str, Any] | None = None,
    *,
    values: Mapping[str, str] | None = None,
) -> Resource:
    """Return the template, which is the same for AWS and for the local cloud.

    Args:
        tables: the tables.
        functions: the functions by name.
        definitions: the state machines' definitions by name; by default, ours.
        values: the values of its parameters, on which the versions of the functions depend; see `parameters`.

    Raises:
        UnknownPlaceholderError: a definition names an unknown function or machine.
    """
    machines = read_definitions() if definitions is None else definitions
    tables = tuple(tables)
    has_workflows = bool(machines) or not all(function.reads_other_streams for function in functions.values())
    windows = {variable: _parameter(name) for variable, name in VARIABLES.items()} if has_workflows else {}
    variables = {**windows, "HOURBANK_FEED": PARAMETER}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Tables, workflows and functions",
        "Parameters": {
            **_PARAMETERS,
            **(_CONCURRENCY if has_workflows else {}),
            **{parameter: {"Type": "String"} for parameter in windows.values()},
        },
        "Conditions": {**_CONDITIONS, **(_CONCURRENCY_CONDITIONS if has_workflows else {})},
        "Resources": {
            **table_resources(tables),
            **_dead_letters(),
            **admin_resources(),
            "PageSecret": _page_secret(),
            **(_workflow_resources(windows) if has_workflows else {}),
            **monitoring_resources(tables, functions, machines),
            **function_resources(functions, machines, variables, values or {}, other_streams(tables, functions)),
            **change_feed_resources(tables, functions),
            **machine_resources(machines, functions),
        },
    }


def parameters(
    settings: Settings,
    environment: DataSettings = LOCAL,
    *,
    function_host_url: str = "",
    code_bucket: str = "",
    code_key: str = "",
) -> dict[str, str]:
    """Return the values of the template's parameters for a deployment with these settings."""
    return {
        "FunctionHostUrl": function_host_url,
        "CodeBucket": code_bucket,
        "CodeKey": code_key,
        PARAMETER: settings.feed_of(is_local=bool(function_host_url)).value,
        "AdminEmail": environment.admin_email,
        "AdminEndpoint": environment.admin_endpoint,
        "LogDays": str(environment.log_days),
        "DeletionProtection": str(environment.deletion_protection).lower(),
        "ReservedConcurrency": str(environment.reserved_concurrency),
        "ProvisionedConcurrency": str(environment.provisioned_concurrency),
        **{_parameter(name): text for name, text in values_of(settings).items()},
    }


def _parameter(setting: str) -> str:
    return "".join(word.capitalize() for word in setting.split("_"))


def _workflow_resources(windows: Mapping[str, str]) -> dict[str, Resource]:
    """Return what workflows share: the event bus, which of its events admins are told, and the settings."""
    return {
        "EventBus": resource("Events::EventBus", {"Name": sub(NAMES.event_bus)}),
        "AdminEvents": admin_events(),
        "WorkflowSettings": _workflow_settings(windows),
    }


def _workflow_settings(windows: Mapping[str, str]) -> Resource:
    """Return the parameter of which servers and the next deployment learn the workflow settings."""
    text = json.dumps({variable: f"${{{parameter}}}" for variable, parameter in windows.items()})
    return resource(
        "SSM::Parameter",
        {
            "Name": sub(NAMES.workflow_settings),
            "Type": "String",
            "Value": sub(text),
            "Description": "What the deployed functions use; change it by deploying with other variables.",
        },
    )


def _page_secret() -> Resource:
    """Return the secret that encrypts page tokens: drawn once, and the same for all servers of the deployment."""
    return resource(
        "SecretsManager::Secret",
        {
            "Name": sub(NAMES.page_secret),
            "Description": "Encrypts page tokens (nextToken); with another one, clients begin their lists anew.",
            "GenerateSecretString": {"PasswordLength": 43, "ExcludePunctuation": True},
        },
    )


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
        "Condition": in_this_account(NAMES.arn("events", "rule/*")),
    }
    policy = document([may_send])
    return {
        "DeadLetters": resource("SQS::Queue", queue),
        "DeadLettersPolicy": resource(
            "SQS::QueuePolicy", {"Queues": [ref("DeadLetters")], "PolicyDocument": policy}
        ),
    }
