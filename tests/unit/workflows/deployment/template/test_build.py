"""The template says what the tables, the definitions and the functions say."""

import json
import re
from typing import Any

import pytest
from pynamodb.attributes import TTLAttribute, UnicodeAttribute

from models.requests.windows import DEFAULT_WINDOWS
from models.settings import Settings
from models.tables import TABLES, EventLog, Table
from models.tables.base import index
from workflows.definitions import read_definitions
from workflows.deployment.template.build import build_template, parameters
from workflows.deployment.template.machines import UnknownPlaceholderError
from workflows.deployment.template.tables import table_id
from workflows.handlers import FUNCTIONS, EventRule, Function


class Sample(Table):
    """A table with all that a table may have."""

    class Meta(Table.Meta):
        """Its name."""

        table_name = "Sample"

    # Declared against the alphabet: the range key comes first.
    at = UnicodeAttribute(range_key=True)
    id = UnicodeAttribute(hash_key=True)
    owner = UnicodeAttribute()
    expires = TTLAttribute()

    byOwner = index("byOwner", "owner")  # noqa: N815 — Amplify's name


SAMPLE_FUNCTIONS = {
    "work": Function(handler="sample.work"),
    "tick": Function(handler="sample.tick", timeout=55, schedule="rate(1 minute)"),
    "tell": Function(handler="sample.tell", stream=EventLog),
    "cry": Function(handler="sample.cry", alarm="Something waits"),
    "hear": Function(
        handler="sample.hear",
        rule=EventRule(name="Heard", sources=("s",), detail_types=("d",), statuses=("FAILED",), default_bus=True),
    ),
}
SAMPLE_MACHINE = {
    "StartAt": "Work",
    "States": {"Work": {"Type": "Task", "Resource": "${work}", "Next": "${Flow}"}},
}


@pytest.fixture(scope="module")
def sample() -> dict[str, Any]:
    template = build_template((Sample, EventLog), SAMPLE_FUNCTIONS, {"Flow": SAMPLE_MACHINE})
    resources: dict[str, Any] = template["Resources"]
    return resources


def of_type(resources: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == f"AWS::{kind}"]


def test_a_table_has_its_keys_indexes_stream_recovery_and_expiry(sample: dict[str, Any]) -> None:
    table = sample["TableSample"]
    # A creation that fails leaves no table behind that would be in the next one's way.
    assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")
    properties = table["Properties"]
    assert properties["TableName"] == {"Fn::Sub": "${AWS::StackName}-Sample"}
    assert [key["AttributeName"] for key in properties["KeySchema"]] == ["id", "at"]
    (by_owner,) = properties["GlobalSecondaryIndexes"]
    assert [key["KeyType"] for key in by_owner["KeySchema"]] == ["HASH", "RANGE"]
    assert {one["AttributeName"] for one in properties["AttributeDefinitions"]} == {
        "id",
        "at",
        "owner",
        "createdAt",
    }
    assert properties["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert properties["PointInTimeRecoverySpecification"] == {
        "PointInTimeRecoveryEnabled": True,
        "RecoveryPeriodInDays": 35,
    }
    assert properties["DeletionProtectionEnabled"] == {"Fn::If": ["IsProtected", True, False]}
    assert properties["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"


def test_a_machine_is_given_the_arns_that_it_names(sample: dict[str, Any]) -> None:
    substitutions = sample["MachineFlow"]["Properties"]["DefinitionSubstitutions"]
    account = "${AWS::Region}:${AWS::AccountId}"
    assert substitutions == {
        "work": {"Ref": "AliasWork"},
        "Flow": {"Fn::Sub": f"arn:${{AWS::Partition}}:states:{account}:stateMachine:${{AWS::StackName}}-Flow"},
        "Partition": {"Ref": "AWS::Partition"},
    }


def test_a_machine_that_names_nobody_is_refused() -> None:
    with pytest.raises(UnknownPlaceholderError, match="nobody"):
        build_template((EventLog,), SAMPLE_FUNCTIONS, {"Flow": {"Resource": "${nobody}"}})


def test_functions_are_called_by_schedule_stream_and_rule(sample: dict[str, Any]) -> None:
    assert sample["ScheduleTick"]["Properties"]["ScheduleExpression"] == "rate(1 minute)"
    assert sample["ScheduleTick"]["Properties"]["Target"]["Arn"] == {"Ref": "AliasTick"}
    assert sample["StreamTell"]["Properties"]["FunctionName"] == {"Ref": "AliasTell"}
    assert sample["RuleHear"]["Properties"]["Targets"][0]["Arn"] == {"Ref": "AliasHear"}
    assert sample["PermissionHear"]["Properties"]["FunctionName"] == {"Ref": "AliasHear"}
    stream = sample["StreamTell"]["Properties"]
    assert stream["EventSourceArn"] == {"Fn::GetAtt": [table_id(EventLog), "StreamArn"]}
    assert stream["BisectBatchOnFunctionError"]
    assert stream["MaximumRecordAgeInSeconds"] > 0
    rule = sample["RuleHear"]["Properties"]
    assert rule["EventBusName"] == "default"
    assert rule["EventPattern"]["detail"]["status"] == ["FAILED"]
    assert sample["PermissionHear"]["Properties"]["SourceArn"] == {"Fn::GetAtt": ["RuleHear", "Arn"]}


def test_what_fails_for_good_goes_to_the_dead_letter_queue(sample: dict[str, Any]) -> None:
    queue = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
    for name in ("Tick", "Tell", "Cry", "Hear"):
        assert sample[f"Function{name}"]["Properties"]["DeadLetterConfig"]["TargetArn"] == queue
    # Its machine gets its errors, and nothing is lost.
    assert "DeadLetterConfig" not in sample["FunctionWork"]["Properties"]
    assert sample["StreamTell"]["Properties"]["DestinationConfig"]["OnFailure"]["Destination"] == queue
    alarms = of_type(sample, "CloudWatch::Alarm")
    ends = {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}
    others = {"ApproximateNumberOfMessagesVisible", "Invocations", "IteratorAge"}
    assert {one["MetricName"] for one in alarms} == ends | others


def test_a_call_that_people_must_know_of_sets_off_an_alarm_on_the_admins_topic(sample: dict[str, Any]) -> None:
    alarm = sample["AlarmCry"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"], alarm["Threshold"]) == ("AWS/Lambda", "Invocations", 0)
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Fn::Sub": "${AWS::StackName}-cry"}}]
    assert alarm["AlarmActions"] == [{"Ref": "AdminTopic"}]
    assert sample["AdminTopic"]["Properties"]["TopicName"] == {"Fn::Sub": "${AWS::StackName}-admins"}


def test_what_needs_a_person_reaches_the_admins_topic(sample: dict[str, Any]) -> None:
    rule = sample["AdminEvents"]["Properties"]
    assert rule["EventBusName"] == {"Ref": "EventBus"}
    assert "Service Request Needs Attention" in rule["EventPattern"]["detail-type"]
    assert rule["Targets"][0]["Arn"] == {"Ref": "AdminTopic"}
    assert sample["AdminTopic"]["Properties"]["TopicName"] == {"Fn::Sub": "${AWS::StackName}-admins"}
    statements = sample["AdminTopicPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    conditions = {one["Principal"]["Service"]: one.get("Condition") for one in statements}
    # AWS: a condition in a topic's policy keeps every event of EventBridge's out.
    assert conditions["events.amazonaws.com"] is None
    assert conditions["cloudwatch.amazonaws.com"]


def test_only_keys_rates_and_approvals_expire() -> None:
    tables = of_type(build_template()["Resources"], "DynamoDB::Table")
    expiring = {one["TableName"]["Fn::Sub"]: one for one in tables if "TimeToLiveSpecification" in one}
    assert set(expiring) == {
        f"${{AWS::StackName}}-{name}" for name in (".Idempotency", ".RateCounter", "TransferApproval")
    }
    for table in expiring.values():
        assert table["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
        assert "StreamSpecification" not in table


def test_every_reference_leads_somewhere() -> None:
    template = build_template()
    known = {*template["Resources"], *template["Parameters"]}
    text = json.dumps(template)
    for name in re.findall(r'"Ref": "([^"]+)"|"Fn::GetAtt": \["([^"]+)"', text):
        (one,) = filter(None, name)
        assert one in known or one.startswith("AWS::"), one
    whole_resources = {"HasAdmin", "HasAdminEndpoint", "PublishesChanges"}
    values = template["Conditions"].keys() - whole_resources | {"PublishesChanges"}
    assert set(re.findall(r'"Fn::If": \["([^"]+)"', text)) == values
    assert set(re.findall(r'"Condition": "([^"]+)"', text)) == whole_resources


def test_every_name_is_whole() -> None:
    text = json.dumps(build_template())
    names = [re.sub(r"\$\{[^{}]+\}", "", name) for name in re.findall(r'"Fn::Sub": "([^"{}]*[^"\\]*)"', text)]
    assert names
    assert not [name for name in names if "{" in name or "}" in name]


def test_every_table_definition_and_function_is_in_it() -> None:
    resources = build_template()["Resources"]
    assert len(of_type(resources, "DynamoDB::Table")) == len(TABLES)
    assert len(of_type(resources, "Lambda::Function")) == len(FUNCTIONS)
    assert len(of_type(resources, "StepFunctions::StateMachine")) == len(read_definitions())


def test_it_fits_what_cloudformation_takes() -> None:
    template = build_template()
    assert len(json.dumps(template)) < 1_000_000
    assert len(template["Resources"]) < 500
    for resource in of_type(template["Resources"], "StepFunctions::StateMachine"):
        assert len(resource["DefinitionString"]) < 1_000_000


def test_windows_go_in_as_settings_and_come_out_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    values = parameters(Settings())
    functions = of_type(build_template()["Resources"], "Lambda::Function")
    _, _, variables = functions[0]["Environment"]["Variables"]["Fn::If"]
    for variable, value in variables.items():
        if variable.endswith("_WINDOW"):
            monkeypatch.setenv(variable, values[value["Ref"]])
    assert Settings().windows == DEFAULT_WINDOWS


def test_all_servers_of_a_deployment_share_one_secret_which_cloudformation_draws() -> None:
    secret = build_template()["Resources"]["PageSecret"]["Properties"]
    assert secret["Name"] == {"Fn::Sub": "${AWS::StackName}/page-secret"}
    assert secret["GenerateSecretString"]["PasswordLength"] >= 43  # 256 bits
    assert "SecretString" not in secret


def test_the_workflow_settings_are_stored_as_the_functions_get_them() -> None:
    resources = build_template()["Resources"]
    parameter = resources["WorkflowSettings"]["Properties"]
    assert parameter["Name"] == {"Fn::Sub": "/${AWS::StackName}/workflow-settings"}
    given = resources["FunctionCreateEscrow"]["Properties"]["Environment"]["Variables"]["Fn::If"][2]
    said = json.loads(parameter["Value"]["Fn::Sub"])
    assert said == {name: f"${{{given[name]['Ref']}}}" for name in said}
    assert said.keys() == given.keys() - {"HOURBANK_STACK", "HOURBANK_ACCOUNT", "HOURBANK_FEED"}
    assert "HOURBANK_RESPONSE_WINDOW" in said
