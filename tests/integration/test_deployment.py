"""The stack is deployed, redeployed and repaired without losing a row."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import httpx
import pytest

from models import tables
from models.settings import Settings
from resolvers.hosting.demo_data import sub_of
from tests.integration.conftest import STOP_LIMIT, Server, free_port
from tests.integration.polling import comes_true
from workflows.deployment.deploy import deploy_anew
from workflows.deployment.deployment import Deployment
from workflows.deployment.local.local_cloud import LocalCloud, LocalCloudError
from workflows.deployment.stack import DeploymentError
from workflows.deployment.template.build import build_template, parameters
from workflows.deployment.workflow_settings import UnreadableSettingsError, keep_stored, use_stored

ROW = {"id": {"S": "one"}, "title": {"S": "Garden help"}}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings(stack="redeployed")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cloud")


@contextmanager
def started(directory: Path, settings: Settings) -> Iterator[LocalCloud]:
    cloud = LocalCloud(directory, settings)
    cloud.start()
    try:
        yield cloud
    finally:
        cloud.stop()


@pytest.fixture
def aws(directory: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalCloud]:
    with started(directory, settings) as cloud:
        for name, value in cloud.environment.items():
            monkeypatch.setenv(name, value)
        yield cloud


def client_of(service: str) -> Any:
    """Return a client of the cloud that the environment names now."""
    return boto3.Session().client(service)  # type: ignore[call-overload]  # any service


def deployed(settings: Settings, template: dict[str, Any]) -> bool:
    values = parameters(settings, function_host_url="http://127.0.0.1:1/none")
    deployment = Deployment(stack=settings.stack, template=template, parameters=values)
    return deploy_anew(deployment, lambda _line: None)


def changed_template() -> dict[str, Any]:
    """A template with a new index, another timeout and another definition."""
    template = build_template()
    table = template["Resources"]["TableService"]["Properties"]
    table["AttributeDefinitions"].append({"AttributeName": "title", "AttributeType": "S"})
    table["GlobalSecondaryIndexes"].append(
        {
            "IndexName": "byTitle",
            "KeySchema": [{"AttributeName": "title", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        }
    )
    template["Resources"]["FunctionCreateEscrow"]["Properties"]["Timeout"] = 31
    machine = template["Resources"]["MachineEscrowManagementWorkflow"]["Properties"]
    machine["DefinitionString"] = '{"StartAt":"End","States":{"End":{"Type":"Succeed"}}}'
    return template


def broken_template() -> dict[str, Any]:
    template = changed_template()
    template["Resources"]["Unknown"] = {
        "Type": "AWS::No::Such",
        "Properties": {},
        "DependsOn": "WorkflowPerformance",
    }
    return template


@pytest.mark.usefixtures("aws")
def test_the_stack_has_everything_and_a_second_deployment_has_nothing_to_do(settings: Settings) -> None:
    assert deployed(settings, build_template())
    assert not deployed(settings, build_template())
    table = (
        boto3.Session()
        .client("dynamodb")
        .describe_table(TableName=settings.names.table(tables.ServiceRequest))["Table"]
    )
    assert {index["IndexName"] for index in table["GlobalSecondaryIndexes"]} >= {"byDueAt", "byRequesterId"}
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    client_of("dynamodb").put_item(TableName=settings.names.table(tables.Service), Item=ROW)


@pytest.mark.usefixtures("aws")
def test_rows_survive_a_restart_and_a_changed_template(settings: Settings) -> None:
    client = client_of("dynamodb")
    name = settings.names.table(tables.Service)
    stream = client.describe_table(TableName=name)["Table"]["LatestStreamArn"]
    assert deployed(settings, changed_template())
    assert client.get_item(TableName=name, Key={"id": ROW["id"]})["Item"] == ROW
    found = client.query(
        TableName=name,
        IndexName="byTitle",
        KeyConditionExpression="title = :title",
        ExpressionAttributeValues={":title": ROW["title"]},
    )
    assert found["Items"] == [ROW]
    assert client.describe_table(TableName=name)["Table"]["LatestStreamArn"] == stream
    machine = settings.names.state_machine_arn("EscrowManagementWorkflow")
    definition = client_of("stepfunctions").describe_state_machine(stateMachineArn=machine)["definition"]
    assert definition.startswith('{"StartAt":"End"')
    function = (
        boto3.Session()
        .client("lambda")
        .get_function_configuration(FunctionName=settings.names.function("createEscrow"))
    )
    assert function["Timeout"] == 31


@pytest.mark.usefixtures("aws")
def test_rows_survive_a_deployment_that_fails_and_the_next_one_repairs_the_stack(settings: Settings) -> None:
    with pytest.raises(DeploymentError, match="Unsupported resource type"):
        deployed(settings, broken_template())
    assert deployed(settings, build_template())
    client = client_of("dynamodb")
    assert client.get_item(TableName=settings.names.table(tables.Service), Key={"id": ROW["id"]})["Item"] == ROW
    assert len(client_of("stepfunctions").list_state_machines()["stateMachines"]) >= 3


@pytest.mark.usefixtures("aws")
def test_a_deployment_from_another_shell_keeps_the_windows(settings: Settings) -> None:
    with patch.dict(os.environ, {"HOURBANK_RESPONSE_WINDOW": "PT5H", "HOURBANK_APPROVAL_HOURS": "250"}):
        deployed(Settings(stack=settings.stack), build_template())
    lines: list[str] = []
    with patch.dict(os.environ):
        kept = keep_stored(settings, lines.append)
        assert (kept.windows.response, kept.approval.hours) == (timedelta(hours=5), 250)
        assert kept.windows.mark == settings.windows.mark
    assert lines == ["keeping what is deployed: HOURBANK_RESPONSE_WINDOW=PT5H HOURBANK_APPROVAL_HOURS=250"]
    with patch.dict(os.environ, {"HOURBANK_RESPONSE_WINDOW": "PT6H"}):  # told otherwise
        told = keep_stored(Settings(stack=settings.stack), lines.append)
        assert (told.windows.response, told.approval.hours) == (timedelta(hours=6), 250)
    with patch.dict(os.environ, {"HOURBANK_RESPONSE_WINDOW": "PT7H"}):  # a server obeys what is deployed
        assert use_stored(Settings(stack=settings.stack)).windows.response == timedelta(hours=5)
    with patch.dict(os.environ):
        assert keep_stored(Settings(stack="nowhere"), lines.append) == Settings(stack="nowhere")
    client_of("ssm").put_parameter(Name=settings.names.workflow_settings, Value="5 hours", Overwrite=True)
    with pytest.raises(UnreadableSettingsError, match="/redeployed/workflow-settings"):
        keep_stored(settings, lines.append)


@pytest.mark.usefixtures("aws")
def test_two_servers_do_not_share_a_directory(directory: Path, settings: Settings) -> None:
    with pytest.raises(LocalCloudError, match="Another server uses"):
        LocalCloud(directory, settings).start()


class TestServer:
    """`python server.py`, as a process."""

    @pytest.fixture
    def own(self, tmp_path: Path) -> Iterator[Server]:
        server = Server(tmp_path)
        yield server
        server.stop()

    def test_it_is_alive_and_ready(self, server: Server) -> None:
        assert httpx.get(f"{server.url}/healthz").json() == {"status": "alive"}
        assert httpx.get(f"{server.url}/readyz").json() == {"status": "ready"}

    @pytest.mark.parametrize("sign", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.long)])
    def test_it_ends_cleanly_and_leaves_no_process(self, tmp_path: Path, sign: signal.Signals) -> None:
        server = Server(tmp_path)
        server.start()
        pid = cloud_pid(tmp_path)
        assert server.end(sign) == 0
        assert not is_running(pid)

    @pytest.mark.long
    def test_a_killed_server_leaves_the_cloud_to_the_next(self, own: Server) -> None:
        own.start()
        pid = cloud_pid(own.directory)
        own.end(signal.SIGKILL)
        assert is_running(pid)
        own.start()
        assert cloud_pid(own.directory) == pid
        assert own.end() == 0
        assert comes_true(
            lambda: not is_running(pid), within=STOP_LIMIT
        )  # it is not our child, so its end is not reported
        own.start()

    @pytest.mark.long
    def test_a_killed_cloud_comes_back_with_its_rows(self, own: Server) -> None:
        own.start()
        rows = own.directory / "state" / "dynamodb.json"
        stack = rows.with_name("cloudformation.json")
        assert comes_true(lambda: rows.exists() and sub_of("alice") in rows.read_text(), within=60)
        assert comes_true(lambda: "UPDATE_IN_PROGRESS" not in stack.read_text(), within=60)
        os.kill(cloud_pid(own.directory), signal.SIGSTOP)  # hung: it answers nobody, and cannot save
        own.end(signal.SIGKILL)
        (own.directory / "server.log").unlink()
        own.start()
        assert "creating the stack" not in own.log

    @pytest.mark.long
    def test_it_ends_when_its_cloud_has_died(self, own: Server) -> None:
        own.start()
        assert own.process
        os.kill(cloud_pid(own.directory), signal.SIGKILL)
        assert own.process.wait(STOP_LIMIT) == 1
        own.process = None
        assert "\nThe local cloud has died; start again, it goes on from its last save.\n" in own.log

    def test_a_port_in_use_is_one_line(self, server: Server, tmp_path: Path) -> None:
        second = Server(tmp_path)
        second._environment["PORT"] = str(server.port)
        with pytest.raises(AssertionError):
            second.start()
        assert second.log == f"Port {server.port} is in use; stop what listens there or set PORT.\n"

    def test_on_aws_nobody_s_tokens_are_accepted_by_default(self, tmp_path: Path) -> None:
        refused = Server(tmp_path, HOURBANK_LOCAL_TOKENS="false")
        with pytest.raises(AssertionError):
            refused.start("serve", "--aws")
        assert refused.log.count("\n") == 1
        assert "HOURBANK_USER_POOL" in refused.log
        assert "HOURBANK_LOCAL_TOKENS=true" in refused.log

    def test_an_endpoint_that_is_not_there_is_one_line(self, tmp_path: Path) -> None:
        nowhere = f"http://127.0.0.1:{free_port()}"
        second = Server(
            tmp_path,
            AWS_ENDPOINT_URL=nowhere,
            AWS_ACCESS_KEY_ID="x",
            AWS_SECRET_ACCESS_KEY="x",  # noqa: S106 — nobody checks it
            AWS_REGION="us-east-1",
            AWS_DEFAULT_REGION="us-east-1",
        )
        with pytest.raises(AssertionError):
            second.start("serve", "--aws")
        assert second.log.count("\n") == 1
        assert nowhere in second.log


def cloud_pid(directory: Path) -> int:
    there = LocalCloud(directory, Settings())._read_process()
    assert there
    return there.pid


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
