"""A deployment may be interrupted anywhere, and fail: started again, it comes to its end."""

from typing import Any

import pytest

from models import tables
from models.settings import Settings
from tests.unit.workflows.deployment.fake_account import FakeAccount, KilledError, indexes
from workflows.deployment import contents, deploy
from workflows.deployment.contents import hourbank
from workflows.deployment.deploy import Deployer
from workflows.deployment.environments import Environment
from workflows.deployment.stack import DeploymentError
from workflows.deployment.template.build import build_template
from workflows.deployment.template.tables import table_id
from workflows.handlers import FUNCTIONS

TABLES = (tables.UserBalance, tables.EventLog, tables.ServiceRequest)
REQUESTS = table_id(tables.ServiceRequest)
MOST_CALLS = 60


def small(*_: Any, values: Any) -> Any:
    return build_template(TABLES, {"createEscrow": FUNCTIONS["createEscrow"]}, {}, values=values)


def without_indexes(*_: Any, values: Any) -> Any:
    template = small(values=values)
    table = template["Resources"][REQUESTS]["Properties"]
    del table["GlobalSecondaryIndexes"]
    table["AttributeDefinitions"] = [one for one in table["AttributeDefinitions"] if one["AttributeName"] == "id"]
    return template


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> FakeAccount:
    found = FakeAccount()
    found.install(monkeypatch)
    monkeypatch.setattr(contents, "build_template", small)
    return found


def deployed(**options: bool) -> bool:
    environment = Environment(name="try")
    deployer = Deployer(
        environment,
        Settings(stack=environment.stack),
        hourbank(),
        bucket="code",
        report=lambda _line: None,
        poll_seconds=0,
    )
    return deployer.deploy(**options)


def check(account: FakeAccount) -> None:
    """Assert that all is deployed, protected, and found to be up to date."""
    assert account.parameters["DeletionProtection"] == "true"
    assert account.body["Resources"].keys() >= {table_id(table) for table in TABLES}
    assert indexes(account.tables[REQUESTS]) == {"byServiceId", "byRequesterId", "byProviderId", "byStatus"} | {
        "byEscrowId",
        "byDueAt",
    }
    assert not deployed()


@pytest.mark.parametrize("kill_at", range(1, MOST_CALLS))
def test_a_first_deployment_that_is_killed_anywhere_goes_on_when_it_is_started_again(
    account: FakeAccount, kill_at: int
) -> None:
    account.kill_at = kill_at
    try:
        deployed()
    except KilledError:
        account.kill_at = None
        deployed()
    else:
        assert account.calls < kill_at
    account.kill_at = None
    check(account)


@pytest.mark.parametrize("kill_at", range(1, MOST_CALLS))
def test_many_new_indexes_are_made_one_by_one_and_a_kill_between_them_changes_nothing(
    account: FakeAccount, monkeypatch: pytest.MonkeyPatch, kill_at: int
) -> None:
    monkeypatch.setattr(contents, "build_template", without_indexes)
    assert deployed()
    monkeypatch.setattr(contents, "build_template", small)
    account.calls, account.kill_at = 0, kill_at
    try:
        deployed()
    except KilledError:
        account.kill_at = None
        deployed()
    account.kill_at = None
    check(account)
    # One creation, its protection, and an update for each index.
    assert account.kinds.count("UPDATE") >= 1 + 6


def test_a_creation_that_fails_is_deleted_and_made_anew(account: FakeAccount) -> None:
    account.fails_next = True
    with pytest.raises(DeploymentError, match="on purpose"):
        deployed()
    assert account.status == "ROLLBACK_COMPLETE"
    assert account.tables == {}
    assert deployed()
    check(account)


def test_tables_of_a_former_stack_are_taken_in_if_that_is_asked_for(account: FakeAccount) -> None:
    assert deployed()
    account.delete()
    account.tables.pop(table_id(tables.EventLog))
    with pytest.raises(DeploymentError, match=r"2 tables are there already, hourbank-try-.* --import-tables"):
        deployed()
    account.kinds.clear()
    assert deployed(imports_tables=True)
    assert account.kinds[0] == "IMPORT"
    assert set(account.kinds[1:]) == {"UPDATE"}
    check(account)


def test_imported_tables_get_the_indexes_that_they_lack(
    account: FakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "build_template", without_indexes)
    assert deployed()
    account.delete()
    monkeypatch.setattr(contents, "build_template", small)
    assert deployed(imports_tables=True)
    check(account)


def test_what_was_in_use_is_written_down_once_for_each_deployment(
    account: FakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert deployed()
    assert account.former is not None
    assert account.former.versions == {}
    before = dict(account.live)
    monkeypatch.setattr(deploy, "build_package", lambda _report: b"other code")
    account.calls, account.kill_at = 0, 8
    with pytest.raises(KilledError):
        deployed()
    account.kill_at = None
    assert account.live != before
    deployed()
    assert account.former.versions == before
    account.use(account.former.versions)
    assert deployed(), "what was rolled back is used again"
    assert account.live != before


def test_a_stack_that_is_half_rolled_back_is_left_to_a_person(account: FakeAccount) -> None:
    account.status = "UPDATE_ROLLBACK_FAILED"
    with pytest.raises(DeploymentError, match="continue-update-rollback"):
        deployed()
