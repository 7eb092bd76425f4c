"""Corrects MiniStack 1.4 where a deployment to it would differ from one to AWS; see `ministack_mends`."""

# ruff: noqa: SLF001 — the mended functions and stores of MiniStack are private; it has no public ones

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import lambda_svc
from ministack.services.cloudformation import handlers, helpers, provisioners

Created = tuple[str, dict[str, Any]]

_FUNCTION = "AWS::Lambda::Function"
_VERSION = "AWS::Lambda::Version"
# What belongs to a function and not to its code or settings.
_KEPT = ("versions", "next_version", "aliases", "policy", "tags", "concurrency", "provisioned_concurrency")
_upstream_function: Mapping[str, Callable[..., Any]] = dict(provisioners._RESOURCE_HANDLERS[_FUNCTION])
_upstream_version: Mapping[str, Callable[..., Any]] = dict(provisioners._RESOURCE_HANDLERS[_VERSION])
_upstream_delete_change_set: Callable[..., Any] = handlers._ACTION_HANDLERS["DeleteChangeSet"]


def create_function(logical_id: str, properties: Mapping[str, Any], stack: str) -> Created:
    """Create a function, or update the existing one, which keeps its versions, its aliases and its policy."""
    existing = lambda_svc._functions.get(properties["FunctionName"])
    name, attributes = _upstream_function["create"](logical_id, properties, stack)
    if existing is not None:
        lambda_svc._functions[name].update({part: existing[part] for part in _KEPT})
    return name, attributes


def create_version(logical_id: str, properties: Mapping[str, Any], stack: str) -> Created:
    """Publish a version of a function; what CloudFormation knows it by is its ARN, with its number."""
    arn, attributes = _upstream_version["create"](logical_id, properties, stack)
    return f"{arn}:{attributes['Version']}", attributes


def delete_change_set(params: Mapping[str, Any]) -> Any:
    """Delete a change set, with an answer that AWS's clients can read."""
    answer = _upstream_delete_change_set(params)
    if answer[0] != 200:  # noqa: PLR2004 — HTTP's OK
        return answer
    return helpers._xml(200, "DeleteChangeSetResponse", "<DeleteChangeSetResult/>")


def apply() -> None:
    """Install the mends in this process."""
    provisioners._RESOURCE_HANDLERS[_FUNCTION] = {**_upstream_function, "create": create_function}
    provisioners._RESOURCE_HANDLERS[_VERSION] = {**_upstream_version, "create": create_version}
    handlers._ACTION_HANDLERS["DeleteChangeSet"] = delete_change_set
