"""Servers are deployed and rolled back on a fake account; a deployment that is killed anywhere goes on."""

import pytest

from models.settings import Settings
from tests.unit.workflows.deployment.fake_account import FakeAccount, KilledError
from workflows.deployment import servers
from workflows.deployment.environments import Environment, InvalidEnvironmentError
from workflows.deployment.servers import Servers
from workflows.deployment.stack import DeploymentError

REPOSITORY = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/hourbank@sha256:"
OLD, NEW = REPOSITORY + "0" * 64, REPOSITORY + "1" * 64
ENVIRONMENT = Environment.model_validate(
    {
        "name": "try",
        "service": {
            "host_name": "api.example.org",
            "certificate": "arn:aws:acm:eu-west-1:000000000000:certificate/1",
        },
    }
)
MOST_CALLS = 12


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> FakeAccount:
    found = FakeAccount()
    found.install(monkeypatch)
    monkeypatch.setattr(servers, "Stack", lambda *_given, **_more: found)
    return found


def of(
    image: str | None = None, lines: list[str] | None = None, environment: Environment = ENVIRONMENT
) -> Servers:
    said = [] if lines is None else lines
    return Servers(environment, Settings(stack=environment.stack), image=image, report=said.append, poll_seconds=0)


def test_without_an_image_there_are_no_servers(account: FakeAccount) -> None:
    lines: list[str] = []
    assert of().diff() == []
    assert not of(lines=lines).deploy()
    assert account.status is None
    assert "--image" in lines[0]


def test_what_servers_need_is_named(account: FakeAccount) -> None:
    with pytest.raises(InvalidEnvironmentError, match=r"try\.service\.host_name must be set"):
        of(OLD, environment=Environment(name="try")).deploy()
    assert account.status is None


@pytest.mark.parametrize("kill_at", range(1, MOST_CALLS))
def test_a_deployment_that_is_killed_anywhere_goes_on_and_is_rolled_back(
    account: FakeAccount, kill_at: int
) -> None:
    account.kill_at = kill_at
    try:
        of(OLD).deploy()
    except KilledError:
        account.kill_at = None
        of(OLD).deploy()
    account.kill_at = None
    assert account.parameters["Image"] == OLD
    assert account.parameters["DeletionProtection"] == "true"
    assert not of().deploy()
    with pytest.raises(DeploymentError, match="no former image"):
        of().roll_back()

    account.calls, account.kill_at = 0, kill_at
    try:
        of(NEW).deploy()
    except KilledError:
        account.kill_at = None
        of(NEW).deploy()
    account.kill_at = None
    assert account.parameters["Image"] == NEW
    assert of().roll_back()
    assert account.parameters["Image"] == OLD
    assert not of().roll_back()
    assert of(NEW).deploy()
    assert account.parameters["Image"] == NEW


def test_other_settings_leave_the_former_image_as_it_is(account: FakeAccount) -> None:
    of(OLD).deploy()
    of(NEW).deploy()
    more = ENVIRONMENT.model_copy(update={"service": ENVIRONMENT.service.model_copy(update={"least_servers": 3})})
    assert of(environment=more).deploy()
    assert account.parameters["LeastServers"] == "3"
    assert of().roll_back()
    assert account.parameters["Image"] == OLD


def test_a_creation_that_fails_is_deleted_and_made_anew(account: FakeAccount) -> None:
    account.fails_next = True
    with pytest.raises(DeploymentError, match="on purpose"):
        of(OLD).deploy()
    assert account.status == "ROLLBACK_COMPLETE"
    assert of(OLD).deploy()
    assert account.parameters["DeletionProtection"] == "true"


def test_without_servers_there_is_nothing_to_roll_back(account: FakeAccount) -> None:
    assert not of().roll_back()
    assert account.kinds == []
