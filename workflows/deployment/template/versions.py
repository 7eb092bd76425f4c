"""The template's versions of functions, and the aliases that say which one is in use.

Everything calls a function by its alias, so that a rollback is one call: the alias leads to the version before.
CloudFormation publishes a version whenever it creates a resource for one, never when it updates one. Hence the
logical id of a version follows from all that makes it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from models.storage.names import LIVE
from workflows.deployment.template.intrinsics import (
    NO_VALUE,
    Resource,
    attribute,
    if_,
    logical_id,
    ref,
    resource,
)
from workflows.handlers import FUNCTIONS

# Of a function's properties, those that are not part of its versions.
_UNVERSIONED = frozenset({"FunctionName", "ReservedConcurrentExecutions"})
_ID_CHARACTERS = 12


def alias_id(function: str) -> str:
    """Return the logical id of a function's alias."""
    return logical_id("Alias", function)


def version_resources(
    function: str, properties: Mapping[str, Any], values: Mapping[str, str], *, keeps_warm: bool
) -> dict[str, Resource]:
    """Return a function's version and its alias.

    Args:
        function: the function's name.
        properties: its properties in the template.
        values: the values of the template's parameters.
        keeps_warm: whether the alias has the environment's provisioned concurrency.
    """
    function_id = logical_id("Function", function)
    version_id = logical_id("Version", f"{function}{_fingerprint(properties, values)}")
    alias = {"Name": LIVE, "FunctionName": ref(function_id), "FunctionVersion": attribute(version_id, "Version")}
    if keeps_warm:
        warm = {"ProvisionedConcurrentExecutions": ref("ProvisionedConcurrency")}
        alias["ProvisionedConcurrencyConfig"] = if_("IsKeptWarm", warm, NO_VALUE)
    return {
        # The next deployment drops it from the template; it stays, for a rollback.
        version_id: resource(
            "Lambda::Version",
            {"FunctionName": ref(function_id)},
            DeletionPolicy="RetainExceptOnCreate",
            UpdateReplacePolicy="Retain",
        ),
        alias_id(function): resource("Lambda::Alias", alias),
    }


def version_of(template: Mapping[str, Any]) -> dict[str, str]:
    """Return the logical id of the version of each function of a template, by the function's name in the code."""
    resources = template["Resources"]
    return {
        name: resources[alias_id(name)]["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]
        for name in FUNCTIONS
        if alias_id(name) in resources
    }


def _fingerprint(properties: Mapping[str, Any], values: Mapping[str, str]) -> str:
    """Return a hash of what a version consists of: the function's properties, and the parameters in them."""
    versioned = {name: value for name, value in properties.items() if name not in _UNVERSIONED}
    used = {name: values[name] for name in sorted(set(_references(versioned))) if name in values}
    return hashlib.sha256(json.dumps([versioned, used], sort_keys=True).encode()).hexdigest()[:_ID_CHARACTERS]


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(name := value.get("Ref"), str):
            yield name
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _references(part)
