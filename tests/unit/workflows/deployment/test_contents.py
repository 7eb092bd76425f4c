"""An app without workflows has its tables, the feed of their changes and alarms in its stack, and nothing else."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from models.settings import Settings
from resolvers.apps.imported import imported
from workflows.deployment.contents import StackContents, environments_of, hourbank
from workflows.deployment.deployment import Deployment
from workflows.deployment.environments import FILE, Environment
from workflows.deployment.template.build import parameters

APPS = Path(__file__).parents[4] / "schema" / "apps"


def template_of(name: str) -> dict[str, Any]:
    return StackContents.of_tables(name, imported(APPS / name).app.tables).template()


def of_type(template: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        name: one["Properties"] for name, one in template["Resources"].items() if one["Type"] == f"AWS::{kind}"
    }


def test_all_tables_stream_and_can_be_had_back_but_those_of_the_house() -> None:
    tables = of_type(template_of("marketplace"), "DynamoDB::Table")
    names = {one["TableName"]["Fn::Sub"].partition("-")[2] for one in tables.values()}
    assert names == {"User", "Provider", "Service", "Booking", "Review", "Idempotency"} | {
        ".Idempotency",
        ".RateCounter",
        ".Guard",
    }
    theirs = {name: one for name, one in tables.items() if not name.startswith("HouseTable")}
    assert len(theirs) == 6
    for one in theirs.values():
        assert one["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
        assert one["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert tables["TableIdempotency"]["TimeToLiveSpecification"]["AttributeName"] == "ttl"


@pytest.mark.parametrize("name", ["marketplace", "construction"])
def test_nothing_of_the_workflows_is_there_and_nothing_is_missing(name: str) -> None:
    template = template_of(name)
    for kind in ("StepFunctions::StateMachine", "Events::EventBus", "SSM::Parameter", "Scheduler::Schedule"):
        assert of_type(template, kind) == {}, kind
    (function,) = of_type(template, "Lambda::Function").values()
    assert function["Handler"].endswith("publish_changes")
    text = json.dumps(template)
    known = {*template["Resources"], *template["Parameters"]}
    named = set(re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"', text))
    assert {one for one in named if not one.startswith("AWS")} <= known
    assert set(re.findall(r'"Condition": "(\w+)"', text)) <= template["Conditions"].keys()


def test_a_deployment_gives_values_only_to_parameters_that_there_are() -> None:
    values = parameters(Settings(), code_bucket="code", code_key="key")
    small = Deployment.of("shop-dev", template_of("marketplace"), values)
    assert "ResponseWindow" not in small.parameters
    assert small.parameters["CodeBucket"] == "code"
    assert Deployment.of("hourbank-dev", hourbank().template(values), values).parameters == values


def test_an_app_has_environments_of_its_own_or_those_of_the_house(tmp_path: Path) -> None:
    assert environments_of(tmp_path) == FILE
    (tmp_path / "environments.toml").write_text('[prod.service]\nhost_name = "shop.example.org"\n')
    found = Environment.find("prod", "shop", environments_of(tmp_path))
    assert (found.stack, found.service.host_name) == ("shop-prod", "shop.example.org")
    assert environments_of(tmp_path) == tmp_path / "environments.toml"
