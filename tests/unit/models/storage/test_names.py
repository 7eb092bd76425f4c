"""The names of a deployment's resources: one scheme, in which no two stacks share a name."""

from dataclasses import replace

import pytest

from models import tables
from models.settings import Settings
from models.storage.names import FormerNames, Names, UnknownFormerAppError

NAMES = Names(stack="bank", region="eu-west-1", account="123456789012")


def test_a_name_begins_with_the_stack() -> None:
    assert NAMES.table(tables.ServiceRequest) == "bank-ServiceRequest"
    assert NAMES.function("begin-wait") == "bank-begin-wait"
    assert NAMES.state_machine("ServiceRequestWorkflow") == "bank-ServiceRequestWorkflow"
    assert NAMES.event_bus == "bank-event-bus"
    assert NAMES.dead_letter_queue == "bank-dead-letters"
    assert NAMES.admin_topic == "bank-admins"
    assert NAMES.workflow_settings == "/bank/workflow-settings"
    assert NAMES.page_secret == "bank/page-secret"  # noqa: S105 — its name


@pytest.mark.parametrize(
    ("region", "domain"), [("eu-west-1", "amazonaws.com"), ("cn-north-1", "amazonaws.com.cn")]
)
def test_a_queue_s_url_is_known_without_a_call(region: str, domain: str) -> None:
    url = replace(NAMES, region=region).dead_letter_queue_url
    assert url == f"https://sqs.{region}.{domain}/123456789012/bank-dead-letters"


def test_an_arn_names_region_account_and_resource() -> None:
    assert NAMES.function_arn("begin-wait") == "arn:aws:lambda:eu-west-1:123456789012:function:bank-begin-wait"
    assert NAMES.live_function_arn("begin-wait") == f"{NAMES.function_arn('begin-wait')}:live"
    assert NAMES.table_arn(tables.User) == "arn:aws:dynamodb:eu-west-1:123456789012:table/bank-User"
    assert NAMES.admin_topic_arn == "arn:aws:sns:eu-west-1:123456789012:bank-admins"
    assert NAMES.change_topic_arn == "arn:aws:sns:eu-west-1:123456789012:bank-changes.fifo"
    assert NAMES.server_queues == "bank-server-"
    states = "arn:aws:states:eu-west-1:123456789012"
    assert NAMES.state_machine_arn("Workflow") == f"{states}:stateMachine:bank-Workflow"
    assert NAMES.execution_arn("Workflow", "r1-0") == f"{states}:execution:bank-Workflow:r1-0"


def test_the_former_apps_tables_are_named_as_amplify_names_them() -> None:
    former = FormerNames.of("a1b2c3-prod", NAMES)
    assert former.table(tables.User) == "User-a1b2c3-prod"
    assert (former.api, former.environment) == ("a1b2c3", "prod")
    assert (former.stack, former.region, former.account) == (NAMES.stack, NAMES.region, NAMES.account)
    assert FormerNames.of("a1b2c3-prod", replace(NAMES, partition="aws-cn")).partition == "aws-cn"


@pytest.mark.parametrize("app", ["", "prod", "a1b2c3-", "a1b2c3-prod-x", "User-a1b2c3-prod", "a1 b2-prod"])
def test_an_app_is_named_by_its_api_and_environment(app: str) -> None:
    with pytest.raises(UnknownFormerAppError, match="give what its tables' names end with"):
        FormerNames.of(app, NAMES)


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("eu-west-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-east-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eusc-de-east-1", "aws-eusc"),
    ],
)
def test_an_arn_begins_with_the_partition_of_its_region(
    monkeypatch: pytest.MonkeyPatch, region: str, partition: str
) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    assert Settings().names.state_machine_arn("W").startswith(f"arn:{partition}:states:{region}:")
