"""The workflow settings of a deployment: how long it waits for people, and when a second admin must agree.

They are one parameter of Parameter Store, which a deployment writes; servers read it when they start. A
deployment takes over what is stored there, unless its own environment says otherwise. The functions get them as
variables from the deployment: to read the parameter would cost each cold start 0.12 s of CPU for the client, and
Parameter Store answers 40 calls a second, fewer than functions may start.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import fields

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from models.errors import ExpectedError
from models.ledger.approvals import ApprovalLimits
from models.settings import Settings
from models.storage.names import Names

_PREFIX = "HOURBANK_"
_WINDOWS = tuple(name for name in Settings.model_fields if name.endswith("_window"))
_APPROVAL = tuple(f"approval_{one.name}" for one in fields(ApprovalLimits))
# The settings by their variables.
VARIABLES: Mapping[str, str] = {f"{_PREFIX}{name.upper()}": name for name in (*_WINDOWS, *_APPROVAL)}

_FAIL_SOON = Config(connect_timeout=3, read_timeout=5, retries={"total_max_attempts": 3})


class UnreadableSettingsError(ExpectedError):
    """The parameter cannot be read, or is no JSON object of texts; the message says which, and the way out."""


def values_of(settings: Settings) -> dict[str, str]:
    """Return the values of the workflow settings as texts, by their names."""
    windows = settings.model_dump(mode="json", include=set(_WINDOWS))
    approval = {name: str(getattr(settings.approval, name.removeprefix("approval_"))) for name in _APPROVAL}
    return {**windows, **approval}


def stored(names: Names) -> dict[str, str]:
    """Return the variables that are stored for a deployment; none if it is not deployed yet.

    Raises:
        UnreadableSettingsError: they cannot be read.
    """
    name = names.workflow_settings
    try:
        answer = boto3.Session().client("ssm", config=_FAIL_SOON).get_parameter(Name=name)
        found = json.loads(answer["Parameter"]["Value"])
        return {variable: str(found[variable]) for variable in VARIABLES if variable in found}
    except ClientError as error:
        if error.response["Error"]["Code"] == "ParameterNotFound":
            return {}
        raise UnreadableSettingsError(
            f"The parameter {name} cannot be read; let this role read it: {error}"
        ) from None
    except (BotoCoreError, ValueError, TypeError) as error:
        raise UnreadableSettingsError(
            f"The parameter {name} cannot be read; correct it, or deploy again: {error}"
        ) from None


def use_stored(settings: Settings) -> Settings:
    """Return the settings of a deployment that exists: what is stored, whatever this process's variables say."""
    os.environ.update(stored(settings.names))
    return _read_again(settings)


def keep_stored(settings: Settings, report: Callable[[str], None]) -> Settings:
    """Return the settings for a new deployment: what is stored, unless a variable here says otherwise."""
    kept = {name: value for name, value in stored(settings.names).items() if name not in os.environ}
    before = values_of(settings)
    differing = {name: value for name, value in kept.items() if value != before[VARIABLES[name]]}
    if differing:
        report("keeping what is deployed: " + " ".join(f"{name}={value}" for name, value in differing.items()))
    os.environ.update(kept)
    return _read_again(settings)


def _read_again(settings: Settings) -> Settings:
    """Return the settings, with those of the workflow as the variables say now."""
    return Settings(stack=settings.stack, account=settings.account)
