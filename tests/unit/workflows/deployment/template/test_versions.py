"""A version follows from what the function is; everything calls the alias."""

from typing import Any

import pytest

from models.settings import Settings
from workflows.deployment.environments import DataSettings
from workflows.deployment.template.build import build_template, parameters
from workflows.handlers import FUNCTIONS


def resources_for(**given: Any) -> dict[str, Any]:
    values = parameters(Settings(), **{"code_bucket": "b", "code_key": "k", **given})
    resources: dict[str, Any] = build_template(values=values)["Resources"]
    return resources


def versions(resources: dict[str, Any]) -> set[str]:
    return {name for name, one in resources.items() if one["Type"] == "AWS::Lambda::Version"}


def test_each_function_has_a_version_that_stays_and_an_alias_for_it() -> None:
    resources = resources_for()
    assert len(versions(resources)) == len(FUNCTIONS)
    alias = resources["AliasCreateEscrow"]["Properties"]
    version, attribute = alias["FunctionVersion"]["Fn::GetAtt"]
    assert attribute == "Version"
    assert resources[version]["Properties"] == {"FunctionName": {"Ref": "FunctionCreateEscrow"}}
    assert resources[version]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_new_code_makes_new_versions_and_nothing_else_does() -> None:
    before = versions(resources_for())
    assert versions(resources_for()) == before
    assert versions(resources_for(code_key="other")).isdisjoint(before)
    other = DataSettings(admin_email="a@example.org", log_days=7, reserved_concurrency=3)
    assert versions(resources_for(environment=other)) == before


def test_a_changed_setting_of_the_functions_makes_new_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    before = versions(resources_for())
    monkeypatch.setenv("HOURBANK_RESPONSE_WINDOW", "PT1H")
    assert versions(resources_for()).isdisjoint(before)


def test_concurrency_is_kept_for_what_moves_hours_and_warm_for_what_people_wait_for() -> None:
    resources = resources_for()
    reserved = {
        name
        for name in FUNCTIONS
        if "ReservedConcurrentExecutions" in resources[f"Function{_id(name)}"]["Properties"]
    }
    warm = {
        name
        for name in FUNCTIONS
        if "ProvisionedConcurrencyConfig" in resources[f"Alias{_id(name)}"]["Properties"]
    }
    assert {"createEscrow", "releaseEscrow", "cancelEscrow", "processDirectTransfer"} <= reserved
    assert "createEscrow" in warm
    assert "sweepRequests" not in warm | reserved


def _id(name: str) -> str:
    return name[0].upper() + name[1:]
