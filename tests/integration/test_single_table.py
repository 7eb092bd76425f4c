"""The rows of a single table come into the construction app on the real local cloud, by its stream, and go back.

Every command of docs/apps.md is run, one is killed with SIGKILL; the app then serves what came.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from resolvers.hosting.demo_data import sub_of
from tests.integration.conftest import REPOSITORY, Cloud, RefusedError, Server, asking, minting
from tests.integration.forked_commands import Command
from tests.integration.polling import until
from tests.unit.single_world import contractor, expense, project, user, wire, work, years

SCHEMA = REPOSITORY / "schema" / "apps" / "construction"
SINGLE = "ExpensesTable"
_BATCH = 25
_SOON = 40.0
# Who owns the rows of `years`, and then calls the app.
ALICE = sub_of("alice")

EXPENSES = """query Mine($userId: ID!, $projectId: ID!) {
  getProject(userId: $userId, projectId: $projectId) {
    status SpentAmount expenses { items { invoiceNum amount } }
  }
}"""
NEW = """mutation New($input: CreateExpenseInput!) { createExpense(input: $input) { expenseId } }"""
START = """mutation Start($input: UpdateProjectInput!) { updateProject(input: $input) { status } }"""


class Old:
    """The single table, and the commands that move its rows."""

    def __init__(self, app: Server, directory: Path) -> None:
        self._client = Cloud.of(app.directory).client("dynamodb")
        self._directory = directory
        self._environment = {"HOURBANK_LOCAL": str(app.directory)}
        self._client.create_table(
            TableName=SINGLE,
            KeySchema=[
                {"AttributeName": "userId", "KeyType": "HASH"},
                {"AttributeName": "expenseId", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("userId", "expenseId")
            ],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )

    def put(self, *rows: Any) -> None:
        puts = [{"PutRequest": {"Item": row}} for row in rows]
        for start in range(0, len(puts), _BATCH):
            self._client.batch_write_item(RequestItems={SINGLE: puts[start : start + _BATCH]})

    def delete(self, row: Any) -> None:
        self._client.delete_item(TableName=SINGLE, Key={name: row[name] for name in ("userId", "expenseId")})

    def get(self, owner: str, key: str) -> Any:
        found = self._client.get_item(TableName=SINGLE, Key=wire({"userId": owner, "expenseId": key}))
        return found.get("Item")

    def spent(self, project_id: str) -> str | None:
        """Return the sum that the app has for a project of Alice's; None before the project came."""
        key = wire({"userId": ALICE, "projectId": project_id})
        found = self._client.get_item(TableName="construction-Project", Key=key).get("Item")
        return None if found is None else str(found["SpentAmount"]["N"])

    def count(self, table: str) -> int:
        return int(self._client.scan(TableName=table, Select="COUNT")["Count"])

    def start(self, action: str, *options: str) -> Command:
        output = self._directory / f"{time.monotonic_ns()}.txt"
        arguments = ("migrate-single-table", action, "--from", SINGLE, "--schema", str(SCHEMA), *options)
        return Command(*arguments, environment=self._environment, output=output).start()

    async def move(self, action: str, *options: str) -> tuple[int | None, str]:
        """Run a command to its end."""
        return await asyncio.to_thread(self.start(action, *options).ended)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("construction"))
    running.start("serve", "--schema", str(SCHEMA))
    yield running
    running.stop()


@pytest.fixture
def old(app: Server, tmp_path: Path) -> Old:
    return Old(app, tmp_path)


def rows_of_years() -> Sequence[Any]:
    theirs = years(13, users=3, each=6)
    return [row | {"userId": {"S": ALICE}} if row["userId"] == {"S": "user0"} else row for row in theirs]


async def test_the_rows_come_are_served_and_go_back(app: Server, old: Old) -> None:
    old.put(*rows_of_years())
    code, printed = await old.move("plan")
    assert code == 0
    assert '["user1", "odd2"]' in printed
    assert "paymentMethod is shells, which is none of" in printed
    await _run_killed_on_the_way(old)
    follower = old.start("run", "--follow")
    old.put(
        project(ALICE, "new"),
        expense(ALICE, "e0", "new", "0", amount=77),
        contractor("user1", "0", name="Renamed"),
    )
    old.delete(work("user2", "0", "0", "0"))
    await until(lambda: old.spent("new") == "77" and old.count("construction-Work") == 17, within=_SOON)
    code, printed = await old.move("verify")
    assert (code, "Both sides agree." in printed) == (0, True)
    code, printed = await old.move("switch")
    assert (code, "rows would be left" in printed) == (1, True)
    code, printed = await asyncio.to_thread(follower.ended)
    assert (code, "has taken over" in printed) == (1, True)
    code, printed = await old.move("run")
    assert (code, "9 left" in printed) == (0, True)
    code, printed = await old.move("switch", "--leave")
    assert (code, "Apps may be pointed to the new server" in printed) == (0, True)
    code, printed = await old.move("run")
    assert (code, "has taken over" in printed) == (1, True)
    await _use_the_app(app)
    old.put(user("user2", name="Late"))
    code, printed = await old.move("verify")
    assert (code, "it was written in the single table after" in printed) == (1, True)
    code, printed = await old.move("back")
    assert (code, "The single table has everything" in printed) == (0, True)
    assert old.get(ALICE, "by-the-app")["amount"] == {"N": "3"}
    assert old.get(ALICE, "PROJECT#new")["status"] == {"S": "ON_HOLD"}
    assert old.get("user2", "USER")["name"] == {"S": "Late"}


async def _run_killed_on_the_way(old: Old) -> None:
    running = old.start("run")

    def has_begun() -> bool:
        return not running.is_running or old.count("construction-Project") > 3

    await until(has_begun, within=_SOON)
    running.kill()


async def _use_the_app(app: Server) -> None:
    """Read what came, and write what its rules allow."""
    token = minting(app)("alice")
    async with asking(app) as ask:
        key = {"userId": ALICE, "projectId": "new"}
        found = (await ask(token, EXPENSES, key))["getProject"]
        assert found == {
            "status": "ACTIVE",
            "SpentAmount": 77,
            "expenses": {"items": [{"invoiceNum": "I-e0", "amount": 77}]},
        }
        given = {**key, "contractorId": "0", "amount": 3, "paymentMethod": "CARD", "date": "2026-01-01"}
        with pytest.raises(RefusedError, match="DUPLICATE_VALUE"):
            await ask(token, NEW, {"input": {**given, "expenseId": "again", "invoiceNum": "I-e0"}})
        await ask(token, NEW, {"input": {**given, "expenseId": "by-the-app", "invoiceNum": "A-1"}})
        await ask(token, START, {"input": {**key, "status": "ON_HOLD"}})
        with pytest.raises(RefusedError, match="STILL_REFERENCED"):
            await ask(
                token,
                "mutation Drop($input: DeleteContractorInput!) { deleteContractor(input: $input) { name } }",
                {"input": {"userId": ALICE, "contractorId": "0"}},
            )
