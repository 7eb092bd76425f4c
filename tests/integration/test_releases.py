"""An environment is deployed to an emulated account as to AWS: twice, changed, rolled back, and after failures."""

import json
import signal
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner

from models import tables
from models.settings import Settings
from workflows.deployment import contents, deploy, servers
from workflows.deployment.contents import hourbank
from workflows.deployment.deploy import Deployer, roll_back
from workflows.deployment.environments import Environment
from workflows.deployment.local.local_cloud import LocalCloud
from workflows.deployment.package import zipped
from workflows.deployment.servers import Servers
from workflows.deployment.stack import DeploymentError
from workflows.deployment.template.build import build_template
from workflows.deployment.template.service.build import build_service_template
from workflows.deployment.template.service.parts import Served
from workflows.handlers import FUNCTIONS

BUCKET = "releases"
APPS = Path(__file__).parents[2] / "schema" / "apps"
FUNCTION = "resumePoint"


def code(answer: str) -> bytes:
    """Return a package in which one handler gives an answer."""
    files = {"workflows/__init__.py": b"", "workflows/handlers/__init__.py": b""}
    handler = f'def resume_point(event, context):\n    return {{"is": {answer!r}}}\n'
    return zipped({**files, "workflows/handlers/requests.py": handler.encode()})


class Release:
    """An environment in the emulated account, whose code the tests say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, name: str = "try") -> None:
        self.environment = Environment(name=name)
        self.settings = Settings(stack=self.environment.stack)
        self.lines: list[str] = []
        self._monkeypatch = monkeypatch

    def deployer(self, answer: str, *, bucket: str | None = BUCKET) -> Deployer:
        self._monkeypatch.setattr(deploy, "build_package", lambda _report: code(answer))
        return Deployer(
            self.environment, self.settings, hourbank(), bucket=bucket, report=self.lines.append, poll_seconds=0.1
        )

    def answer(self) -> Any:
        """Return what the function answers to whoever calls it."""
        name = self.settings.names.function(FUNCTION)
        called = client_of("lambda").invoke(FunctionName=name, Qualifier="live", Payload=b"{}")
        return json.loads(called["Payload"].read())["is"]

    def protected(self) -> bool:
        name = f"{self.environment.stack}-UserBalance"
        return bool(client_of("dynamodb").describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"))


# Few of each kind, because an emulated account, too, takes a while for two hundred resources.
TABLES = (tables.User, tables.UserBalance, tables.Idempotency)


def small_template(*_: Any, values: Any) -> Any:
    functions = {name: FUNCTIONS[name] for name in (FUNCTION, "sweepRequests", "createEscrow")}
    return build_template(TABLES, functions, {}, values=values)


def client_of(service: str) -> Any:
    return boto3.Session().client(service)  # type: ignore[call-overload]  # any service


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    cloud = LocalCloud(tmp_path_factory.mktemp("account"), Settings())
    cloud.start()
    yield cloud
    cloud.stop()


@pytest.fixture
def release(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Release:
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    if "releases" not in {one["Name"] for one in client_of("s3").list_buckets()["Buckets"]}:
        client_of("s3").create_bucket(Bucket=BUCKET)
    monkeypatch.setattr(contents, "build_template", small_template)
    return Release(monkeypatch)


def test_a_first_deployment_is_shown_before_it_is_made_and_the_second_changes_nothing(release: Release) -> None:
    with pytest.raises(DeploymentError, match="--code-bucket"):
        release.deployer("old", bucket=None).deploy()
    planned = release.deployer("old").diff()
    assert {change.action for change in planned} == {"Add"}
    assert release.deployer("old").deploy()
    assert release.answer() == "old"
    # MiniStack also plans the subscriptions of addresses that there are not.
    assert sum("create complete" in line for line in release.lines) == len(planned) - 2
    assert release.deployer("old", bucket=None).diff() == []
    assert not release.deployer("old", bucket=None).deploy()


def test_changed_code_touches_functions_only_and_is_rolled_back(release: Release) -> None:
    with pytest.raises(DeploymentError, match="no former release"):
        roll_back(release.settings, release.lines.append)
    changes = release.deployer("new").diff()
    # The emulator does not see that the aliases change with the versions.
    assert {change.kind for change in changes} == {"AWS::Lambda::Function", "AWS::Lambda::Version"}
    assert release.answer() == "old"
    assert release.deployer("new").deploy()
    assert release.answer() == "new"
    assert FUNCTION in roll_back(release.settings, release.lines.append)
    assert release.answer() == "old"
    assert roll_back(release.settings, release.lines.append) == []
    # What was rolled back comes again when it is deployed again.
    assert release.deployer("new").deploy()
    assert release.answer() == "new"
    assert not release.deployer("new").deploy()


def test_a_first_deployment_that_fails_is_repeated_and_tables_that_are_left_are_not_overlooked(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = Release(monkeypatch, name="again")

    def broken(*_: Any, **given: Any) -> Any:
        template = small_template(**given)
        template["Resources"]["Unknown"] = {
            "Type": "AWS::No::Such",
            "Properties": {},
            "DependsOn": "WorkflowPerformance",
        }
        return template

    monkeypatch.setattr(contents, "build_template", broken)
    with pytest.raises(DeploymentError, match="Unknown: Unsupported resource type"):
        release.deployer("first").deploy()
    monkeypatch.setattr(contents, "build_template", small_template)
    # The emulator keeps the tables of a creation that fails, as AWS keeps those of a stack that is deleted.
    with pytest.raises(DeploymentError, match=r"hourbank-again-.* --import-tables"):
        release.deployer("first").deploy()
    for table in TABLES:
        client_of("dynamodb").delete_table(TableName=release.settings.names.table(table))
    assert release.deployer("first").deploy()
    assert release.answer() == "first"
    assert release.protected()


def test_servers_get_an_image_and_go_back_to_the_former_one(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The emulator has neither containers nor balancers: a parameter says which image they would run.
    said = {"Name": "image", "Type": "String", "Value": {"Ref": "Image"}}
    resources = {"Said": {"Type": "AWS::SSM::Parameter", "Properties": said}}
    template = {"Parameters": build_service_template()["Parameters"], "Resources": resources}
    monkeypatch.setattr(servers, "build_service_template", lambda _served: template)
    service = {"host_name": "api.example.org", "certificate": "arn:aws:acm:eu-west-1:000000000000:certificate/1"}
    environment = Environment.model_validate({"name": "try", "service": service})
    images = [f"000000000000.dkr.ecr.eu-west-1.amazonaws.com/hourbank@sha256:{digit * 64}" for digit in "01"]

    def of(image: str | None = None) -> Servers:
        return Servers(environment, release.settings, image=image, report=release.lines.append, poll_seconds=0.1)

    def running() -> str:
        return str(client_of("ssm").get_parameter(Name="image")["Parameter"]["Value"])

    for image in images:
        assert [change.resource for change in of(image).diff()] == ["Said"]
        assert of(image).deploy()
        assert running() == image
    assert of().diff() == []
    assert of().roll_back()
    assert running() == images[0]
    assert of(images[1]).deploy()
    assert running() == images[1]


@pytest.fixture
def signals() -> Iterator[None]:
    """Give this process its signal handlers back, which commands set for theirs."""
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.usefixtures("signals", "release")
def test_another_app_is_deployed_with_its_servers_by_the_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    cli = import_module("server").cli
    monkeypatch.setattr(contents, "build_template", build_template)
    resources = {
        name: {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Name": f"shop-{name}", "Type": "String", "Value": {"Ref": name}},
        }
        for name in ("Image", "DeletionProtection")
    }
    resources = {f"Said{name}": one for name, one in resources.items()}
    served: list[Served] = []

    def template_of(app: Served) -> dict[str, Any]:
        served.append(app)
        return {"Parameters": build_service_template(app)["Parameters"], "Resources": resources}

    monkeypatch.setattr(servers, "build_service_template", template_of)
    service = {"host_name": "shop.example.org", "certificate": "arn:aws:acm:eu-west-1:000000000000:certificate/1"}
    shop = Environment.model_validate({"name": "try", "app": "marketplace", "service": service})
    monkeypatch.setattr(Environment, "find", lambda *_given: shop)
    monkeypatch.setattr(deploy, "build_package", lambda _report: code("shop"))
    image = f"000000000000.dkr.ecr.eu-west-1.amazonaws.com/hourbank@sha256:{'2' * 64}"
    options = ("try", "--schema", str(APPS / "marketplace"))

    def run(command: str, *more: str) -> str:
        done = CliRunner().invoke(cli, [command, *options, *more])
        assert done.exit_code == 0, (done.output, done.exception)
        return done.output

    new = ("--code-bucket", BUCKET, "--image", image)
    planned = run("diff", *new)
    assert "TableBooking" in planned
    assert "SaidImage" in planned
    assert "AWS::StepFunctions" not in planned
    run("deploy", *new)
    assert {app.title for app in served} == {"Marketplace"}
    assert {app.variables["HOURBANK_SCHEMA"] for app in served} == {"schema/apps/marketplace"}
    tables_there = client_of("dynamodb").list_tables()["TableNames"]
    assert {"marketplace-try-Booking", "marketplace-try-.Guard"} <= {*tables_there}
    assert client_of("ssm").get_parameter(Name="shop-Image")["Parameter"]["Value"] == image
    assert "nothing to do" in run("diff")
    again = run("deploy")
    assert "marketplace-try is up to date" in again
    assert "marketplace-try-service is up to date" in again
    monkeypatch.setattr(deploy, "build_package", lambda _report: code("newer"))
    other = image.replace("2" * 64, "3" * 64)
    run("deploy", "--image", other)
    assert "the servers run the former image" in run("rollback")
    assert client_of("ssm").get_parameter(Name="shop-Image")["Parameter"]["Value"] == image
