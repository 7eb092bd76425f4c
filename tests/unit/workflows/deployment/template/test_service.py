"""The template of the servers fits the server: its settings, its times, and what it calls."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from models.settings import Settings
from models.tables import TABLES
from resolvers.apps.imported import imported
from resolvers.hosting.connections.limits import ConnectionLimits
from resolvers.hosting.settings import ServerSettings
from schema.documents.metering import AnswerLimits
from schema.types import report
from tests.engines.image import context, instructions
from workflows.deployment.contents import in_image
from workflows.deployment.environments import Environment, InvalidEnvironmentError
from workflows.deployment.template.service.build import build_service_template, service_parameters
from workflows.deployment.template.service.parts import Served
from workflows.deployment.template.service.user_pool import GROUPS

APPS = Path(__file__).parents[5] / "schema" / "apps"
TEMPLATE = build_service_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/hourbank@sha256:{'0' * 64}"
READY = {"host_name": "api.example.org", "certificate": "arn:aws:acm:eu-west-1:123456789012:certificate/one"}


def environment(name: str = "prod", **service: Any) -> Environment:
    found = Environment.find(name)
    return found.model_copy(update={"service": found.service.model_copy(update={**READY, **service})})


def properties(name: str) -> dict[str, Any]:
    found: dict[str, Any] = RESOURCES[name]["Properties"]
    return found


def attributes_of(name: str, key: str) -> dict[str, Any]:
    return {one["Key"]: one["Value"] for one in properties(name)[key]}


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, one in RESOURCES.items():
        if one["Type"] == "AWS::IAM::Role":
            for statement in one["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]:
                yield name, statement


def test_every_reference_leads_somewhere() -> None:
    known = {*RESOURCES, *TEMPLATE["Parameters"]}
    text = json.dumps(TEMPLATE)
    named = re.findall(r'"Ref": "([^"]+)"|"Fn::GetAtt": \["([^"]+)"|\$\{(\w+)[}.]', text)
    names = {one for found in named for one in found if one} - {"Repository"}
    assert {name for name in names if not name.startswith("AWS::")} <= known
    conditions = {*re.findall(r'"Fn::If": \["([^"]+)"|"Condition": "([^"]+)"', text)}
    assert {one for found in conditions for one in found if one} == set(TEMPLATE["Conditions"])


def test_every_parameter_is_used() -> None:
    text = json.dumps([RESOURCES, TEMPLATE["Conditions"], TEMPLATE["Outputs"]])
    for name in TEMPLATE["Parameters"]:
        assert f'"Ref": "{name}"' in text or f"${{{name}}}" in text, name


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_an_environment_fits_the_parameters(name: str) -> None:
    given = service_parameters(environment(name, allowed_origins=("https://a.example.org",)), image=IMAGE)
    assert set(given) == set(TEMPLATE["Parameters"])
    for parameter, value in given.items():
        described = TEMPLATE["Parameters"][parameter]
        assert re.search(described.get("AllowedPattern", ""), value), parameter
        assert value in described.get("AllowedValues", [value])
        if described["Type"] == "Number":
            assert described["MinValue"] <= int(value) <= described["MaxValue"]


def test_an_environment_without_a_name_is_told_so() -> None:
    with pytest.raises(InvalidEnvironmentError, match=r"prod\.service\.host_name must be set"):
        service_parameters(environment(host_name=""), image=IMAGE)


def test_its_variables_are_settings_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    (container,) = properties("Task")["ContainerDefinitions"]
    values = service_parameters(environment(allowed_origins=("https://a.example.org",)), image=IMAGE)
    values |= {"AWS::AccountId": "123456789012", "OwnUserPool": "eu-west-1_abc", "OwnUserPoolClient": "client"}
    for variable in container["Environment"]:
        value = variable["Value"]
        if isinstance(value, dict):
            value = value["Fn::If"][1] if "Fn::If" in value else value
            value = values[value["Ref"]]
        monkeypatch.setenv(variable["Name"], value)
    secret, keys = container["Secrets"]
    monkeypatch.setenv(secret["Name"], "secret of all servers")
    assert keys["Fn::If"][0] == "HasApiKeys"
    monkeypatch.setenv(keys["Fn::If"][1]["Name"], f"{'k' * 20},{'l' * 20}")
    settings, own = Settings(), ServerSettings()
    assert (settings.stack, settings.account) == ("hourbank-prod", "123456789012")
    assert (own.user_pool, own.user_pool_clients) == ("eu-west-1_abc", ("client",))
    assert own.allowed_hosts == ("api.example.org",)
    assert own.allowed_origins == ("https://a.example.org",)
    assert own.trusted_proxies == (properties("Vpc")["CidrBlock"],)
    assert (own.host, own.port) == ("0.0.0.0", container["PortMappings"][0]["ContainerPort"])  # noqa: S104
    assert own.page_secret is not None
    assert len(own.api_keys) == 2
    assert own.rates.shared_parts == 10
    assert own.strict_transport


def test_sockets_stay_open_and_the_balancer_closes_first() -> None:
    idle = int(attributes_of("Balancer", "LoadBalancerAttributes")["idle_timeout.timeout_seconds"])
    pings = uvicorn.Config("none").ws_ping_interval
    assert pings
    assert 2 * pings < idle < ConnectionLimits().idle_seconds


def test_a_server_that_stops_may_answer_first() -> None:
    attributes = attributes_of("Servers", "TargetGroupAttributes")
    draining = int(attributes["deregistration_delay.timeout_seconds"])
    assert draining > AnswerLimits().seconds
    assert properties("Task")["ContainerDefinitions"][0]["StopTimeout"] > ConnectionLimits().stop_seconds + 5


def test_the_balancer_looks_at_the_shallow_check() -> None:
    assert properties("Servers")["HealthCheckPath"] == "/healthz"
    assert properties("Servers")["Port"] == properties("ServersFromBalancer")["FromPort"]
    assert str(properties("Servers")["Port"]) in dict(instructions())["EXPOSE"]


def test_only_the_balancer_reaches_a_server() -> None:
    assert "SecurityGroupIngress" not in properties("ServerGroup")
    rules = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::EC2::SecurityGroupIngress"]
    assert rules == ["ServersFromBalancer"]
    assert properties("ServersFromBalancer")["SourceSecurityGroupId"] == {
        "Fn::GetAtt": ["BalancerGroup", "GroupId"]
    }


def test_a_container_has_no_rights_on_its_machine() -> None:
    (container,) = properties("Task")["ContainerDefinitions"]
    assert container["ReadonlyRootFilesystem"]
    assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert container["User"] == dict(instructions())["USER"]


# What AWS offers for all resources only.
WITHOUT_RESOURCE = {
    "cloudwatch:GetMetricData",
    "ecr:GetAuthorizationToken",
    "states:SendTaskSuccess",
    "sns:Unsubscribe",
    "sqs:ListQueues",
}


def test_no_policy_allows_everything() -> None:
    for role, statement in statements():
        assert all("*" not in action for action in statement["Action"]), role
        if "*" in statement["Resource"]:
            assert set(statement["Action"]) <= WITHOUT_RESOURCE, role
    assert "arn:aws:" not in json.dumps(TEMPLATE)


def test_a_role_trusts_a_service_for_this_account_only() -> None:
    roles = {name: one for name, one in RESOURCES.items() if one["Type"] == "AWS::IAM::Role"}
    assert set(roles) == {"ServerRole", "StartRole", "OperatorRole"}
    for name, role in roles.items():
        (trust,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if "Service" in trust["Principal"]:
            assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}, name
            assert trust["Condition"]["ArnLike"]["aws:SourceArn"], name
        else:
            assert trust["Condition"] == {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def test_a_server_reads_and_writes_every_table() -> None:
    text = json.dumps([one for name, one in statements() if name == "ServerRole"])
    for table in TABLES:
        assert f':table/${{DataStack}}-{table.Meta.table_name}"' in text


def test_the_app_signs_in_by_srp_and_the_groups_are_the_rules_own() -> None:
    client = properties("OwnUserPoolClient")
    assert "ALLOW_USER_SRP_AUTH" in client["ExplicitAuthFlows"]
    assert "ALLOW_USER_PASSWORD_AUTH" not in client["ExplicitAuthFlows"]
    assert not client["GenerateSecret"]
    groups = [
        one["Properties"]["GroupName"] for one in RESOURCES.values() if one["Type"].endswith("UserPoolGroup")
    ]
    assert groups == [*GROUPS]
    assert set(GROUPS) == report._JUDGES


def test_what_members_cannot_lose_is_kept() -> None:
    pool = RESOURCES["OwnUserPool"]
    assert (pool["DeletionPolicy"], pool["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_an_image_that_fails_is_taken_back() -> None:
    deployment = properties("Service")["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert deployment["MinimumHealthyPercent"] == 100
    assert deployment["Alarms"]["AlarmNames"] == [{"Ref": "FailingServersAlarm"}]
    assert "DesiredCount" not in properties("Service")


def test_a_token_is_written_to_no_log() -> None:
    redacted = json.dumps(properties("FirewallLogging")["RedactedFields"])
    assert "QueryString" in redacted
    assert "authorization" in redacted
    attributes = attributes_of("Balancer", "LoadBalancerAttributes")
    assert not [name for name in attributes if name.startswith("access_logs")]


def test_each_accepted_finding_has_its_reason() -> None:
    accepted = [
        skip for one in RESOURCES.values() for skip in one.get("Metadata", {}).get("checkov", {}).get("skip", ())
    ]
    assert {skip["id"] for skip in accepted} == {"CKV_AWS_65", "CKV_AWS_91", "CKV_AWS_158"}
    assert all(len(skip["comment"]) > 20 for skip in accepted)


def shop() -> dict[str, Any]:
    """Return the template of the servers of an imported app."""
    schema = APPS / "marketplace"
    app, told = imported(schema).app, in_image(schema, None)
    assert told is not None
    return build_service_template(
        Served("Marketplace", app.tables, groups=("admin", "Night Shift", "Night-Shift", "Admin"), variables=told)
    )


def test_another_app_has_its_own_rights_variables_and_groups() -> None:
    template = shop()
    resources: dict[str, Any] = template["Resources"]
    text = json.dumps(template)
    assert template["Description"].startswith("Marketplace: ")
    for foreign in ("TransactionLog", "stateMachine", "states:", "hours by hand", "Hours", "OperatorRole"):
        assert foreign not in text
    assert "${DataStack}-Booking/index/*" in text
    assert "Somebody has changed rows by hand" in text
    container = resources["Task"]["Properties"]["ContainerDefinitions"][0]
    told = {one["Name"]: one["Value"] for one in container["Environment"]}
    assert told["HOURBANK_SCHEMA"] == "schema/apps/marketplace"
    assert told["HOURBANK_STACK"] == {"Ref": "DataStack"}
    groups = {
        name: one["Properties"]["GroupName"]
        for name, one in resources.items()
        if one["Type"] == "AWS::Cognito::UserPoolGroup"
    }
    assert groups["AdminGroup"] == "admin"
    assert sorted(groups.values()) == ["Admin", "Night-Shift", "admin"]
    assert all(name.isalnum() for name in groups)
    known = {*resources, *template["Parameters"]}
    named = re.findall(r'"Ref": "([^"]+)"|"Fn::GetAtt": \["([^"]+)"|\$\{(\w+)[}.]', text)
    names = {one for found in named for one in found if one} - {"Repository"}
    assert {name for name in names if not name.startswith("AWS::")} <= known
    conditions = {*re.findall(r'"Fn::If": \["([^"]+)"|"Condition": "([^"]+)"', text)}
    assert {one for found in conditions for one in found if one} == set(template["Conditions"])


def test_an_app_outside_of_the_image_cannot_be_served_by_it(tmp_path: Path) -> None:
    assert in_image(tmp_path, None) is None
    assert in_image(APPS / "construction", tmp_path / "rules.graphql") is None
    rules = APPS / "construction" / "rules.graphql"
    assert in_image(APPS / "construction", rules) == {
        "HOURBANK_SCHEMA": "schema/apps/construction",
        "HOURBANK_RULES": "schema/apps/construction/rules.graphql",
    }
    assert {path.parts[:3] for path in context("schema/apps")} >= {("schema", "apps", "construction")}
