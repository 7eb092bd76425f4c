"""Each function has a role of its own, which allows what its rights say, and for itself alone."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from models.storage.names import Names
from models.tables import TABLES
from workflows.definitions import read_definitions
from workflows.deployment.template.build import build_template
from workflows.deployment.template.permissions import arn_of, statements
from workflows.deployment.template.tables import table_id
from workflows.handlers import FUNCTIONS
from workflows.handlers.rights import ANY, RIGHTS, Right

RESOURCES: dict[str, Any] = build_template()["Resources"]
ROLES = {name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == "AWS::IAM::Role"}
# AWS offers these for everything only: its service authorization reference names no resource for them.
UNBOUND = {
    "dynamodb:ListStreams",
    "states:SendTaskSuccess",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
}
NAMES = Names(stack="s", region="eu-west-1", account="1" * 12)


def statements_of(role: dict[str, Any]) -> list[dict[str, Any]]:
    (policy,) = role["Policies"]
    found: list[dict[str, Any]] = policy["PolicyDocument"]["Statement"]
    return found


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)
    elif isinstance(value, str):
        yield value


def test_each_function_and_each_machine_has_a_role_of_its_own() -> None:
    kinds = ("AWS::Lambda::Function", "AWS::StepFunctions::StateMachine")
    properties = [one["Properties"] for one in RESOURCES.values() if one["Type"] in kinds]
    used = [(one.get("Role") or one["RoleArn"])["Fn::GetAtt"][0] for one in properties]
    assert len(used) == len(set(used)) == len(FUNCTIONS) + len(read_definitions())


def test_the_rights_of_every_function_are_known() -> None:
    assert RIGHTS.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("role", ROLES)
def test_no_role_allows_an_action_everywhere_that_can_be_limited(role: str) -> None:
    for statement in statements_of(ROLES[role]):
        assert all("*" not in action for action in statement["Action"])
        if ANY in statement["Resource"]:
            assert set(statement["Action"]) <= UNBOUND
            assert statement["Resource"] == [ANY]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_assumed_for_this_account_and_its_own_resource_only(role: str) -> None:
    (trust,) = ROLES[role]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    sources = [source["Fn::Sub"] for source in trust["Condition"]["ArnLike"]["aws:SourceArn"]]
    assert all("${AWS::AccountId}" in source for source in sources)
    if role.startswith("RoleCreateEscrow"):
        assert sources[0].endswith("function:${AWS::StackName}-createEscrow")


def test_no_arn_names_the_usual_partition() -> None:
    assert [text for text in texts(RESOURCES) if re.search(r"\barn:aws\b", text)] == []


def test_a_right_names_a_table_an_index_or_a_machine_that_there_is() -> None:
    indexes = {
        f"index/{name}/{one['IndexName']}"
        for name, resource in ((table.Meta.table_name, RESOURCES[table_id(table)]) for table in TABLES)
        for one in resource["Properties"].get("GlobalSecondaryIndexes", ())
    }
    known = {
        *indexes,
        *(f"table/{table.Meta.table_name}" for table in TABLES),
        *(f"{kind}/{machine}" for kind in ("machine", "executions") for machine in read_definitions()),
        "event-bus",
        "dead-letters",
        "admin-topic",
        "change-topic",
        ANY,
    }
    assert {right.resource for rights in RIGHTS.values() for right in rights} <= known


def test_what_is_allowed_alike_is_one_statement() -> None:
    rights = frozenset({Right("dynamodb:GetItem", f"table/{name}") for name in "AB"})
    rights |= {Right("dynamodb:PutItem", "table/C"), Right("dynamodb:GetItem", "table/C")}
    assert [(one["Action"], len(one["Resource"])) for one in statements(rights)] == [
        (["dynamodb:GetItem"], 2),
        (["dynamodb:GetItem", "dynamodb:PutItem"], 1),
    ]


def test_who_publishes_to_the_topic_may_use_its_key() -> None:
    (publish, encrypt) = statements(frozenset({Right("sns:Publish", "admin-topic")}))
    assert publish["Resource"] == [{"Ref": "AdminTopic"}]
    assert encrypt["Resource"] == [{"Fn::GetAtt": ["TopicKey", "Arn"]}]


def test_a_right_to_what_is_not_there_is_refused() -> None:
    assert arn_of("index/User/byEmail", NAMES).endswith(":table/s-User/index/byEmail")
    with pytest.raises(ValueError, match="nothing is no resource"):
        arn_of("nothing", NAMES)


def test_a_policy_fits_what_iam_takes() -> None:
    # IAM counts the characters of all policies of a role, without white space.
    for role in ROLES.values():
        assert len(json.dumps(role["Policies"], separators=(",", ":"))) < 10_240
