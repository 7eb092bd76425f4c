"""Definitions to draw: those that are deployed, and small ones."""

from typing import Any

from workflows.definitions import read_definitions

DEPLOYED = read_definitions()


def task(next_: str | None = None, **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", **_after(next_), **more}


def _after(next_: str | None) -> dict[str, Any]:
    return {"End": True} if next_ is None else {"Next": next_}


def choice(*targets: str, default: str) -> dict[str, Any]:
    choices = [{"Variable": "$.step", "StringEquals": one, "Next": one} for one in targets]
    return {"Type": "Choice", "Choices": choices, "Default": default}


def machine(**states: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states}
