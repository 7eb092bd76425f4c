"""The members of a living HourBank come here from an app of Amplify's, on the real local cloud, and go back.

Every command of docs/migration.md is run; runs are killed with SIGKILL. `--long` has ten thousand members.
"""

import asyncio
import random
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from models import tables
from models.hours import ZERO, exact
from models.migration.former import TAKEN_OVER
from models.requests.request import Request
from models.requests.statuses import RequestStatus, Step
from models.settings import Settings
from models.storage.async_calls import AsyncCalls
from models.storage.codec import decode
from models.storage.names import FormerNames, Names
from models.storage.store import Store
from tests.chaos.books import rows
from tests.engines.running import created_tables
from tests.integration.conftest import REPOSITORY, Cloud, Server
from tests.integration.forked_commands import Command
from tests.integration.polling import until
from tests.unit.former_app import former_table_parameters
from tests.unit.former_world import FormerWorld

# The commands of the guide, without what names the app and the cloud: each is run below.
COMMANDS = (
    "plan",
    "run --share 0",
    "run --share 10",
    "run",
    "verify",
    "rollback",
    "rollback --refund",
)
GUIDE = REPOSITORY / "docs" / "migration.md"
_BATCH = 25
_SOON = 40.0


class FormerApp:
    """A former app in the session's cloud, and the deployment that its members are moved to."""

    def __init__(self, cloud: Cloud, server: Server, names: Names, directory: Path) -> None:
        self.names = FormerNames.of(f"{uuid4().hex[:26]}-prod", names)
        self.ours = names
        self._client = cloud.client("dynamodb")
        self._directory = directory
        self._environment = {"HOURBANK_LOCAL": str(server.directory), "HOURBANK_STACK": names.stack}

    @property
    def app(self) -> str:
        """Return what `--from` names it by."""
        return f"{self.names.api}-{self.names.environment}"

    def deploy(self, world: FormerWorld) -> None:
        """Create the former app's tables, and store the rows of years."""
        for parameters in former_table_parameters(self.names):
            self._client.create_table(**parameters)
        puts = [(self.names.table(table), {"PutRequest": {"Item": item}}) for table, item in world.all_rows()]
        for start in range(0, len(puts), _BATCH):
            request: dict[str, list[Any]] = {}
            for name, put in puts[start : start + _BATCH]:
                request.setdefault(name, []).append(put)
            self._client.batch_write_item(RequestItems=request)

    def drop(self) -> None:
        for parameters in former_table_parameters(self.names):
            self._client.delete_table(TableName=parameters["TableName"])

    def command(self, command: str) -> Command:
        """Start a command of the guide."""
        assert command in COMMANDS
        return self.start(self.app, *command.split())

    def start(self, app: str, action: str, *options: str) -> Command:
        """Start a command of `migrate` for an app."""
        output = self._directory / f"{time.monotonic_ns()}.txt"
        arguments = ("migrate", action, "--from", app, *options)
        return Command(*arguments, environment=self._environment, output=output).start()

    async def migrate(self, command: str) -> tuple[int | None, str]:
        """Run a command of the guide to its end."""
        return await asyncio.to_thread(self.command(command).ended)

    def held(self) -> int:
        """Return how many members are here by now."""
        found = self._client.scan(
            TableName=self.names.table(tables.User),
            Select="COUNT",
            FilterExpression="attribute_exists(heldBy)",
        )
        return int(found["Count"])

    def held_of(self, members: Sequence[str]) -> int:
        """Return how many of a hundred members at most are here by now."""
        name = self.names.table(tables.User)
        asked = {"Keys": [{"id": {"S": member}} for member in members], "ProjectionExpression": "heldBy"}
        found = self._client.batch_get_item(RequestItems={name: asked})
        return sum("heldBy" in row for row in found["Responses"][name])


@pytest.fixture
def former(cloud: Cloud, server: Server, tmp_path: Path) -> Iterator[FormerApp]:
    app = FormerApp(cloud, server, cloud.names, tmp_path)
    yield app
    app.drop()


async def sums(theirs: Store) -> tuple[Any, Any]:
    """Return the readable hours that the former app keeps, and those that it says are here."""
    there = here = ZERO
    for row in await rows(theirs, tables.User):
        if TAKEN_OVER in row:
            here += exact(row[TAKEN_OVER]["N"])
            there += exact(row["bankHours"]["N"])
    return there, here


async def kill_on_the_way(former: FormerApp, members: Sequence[str], kills: int, *, long: bool) -> None:
    """Kill a run `kills` times: first while rows are copied, last while exchanges become requests.

    In between, members are taken over, each time some more.

    Args:
        former: the former app.
        members: some of those who come, a hundred at most.
        kills: how often.
        long: whether there are so many rows that each part of a run takes many seconds.
    """
    for number in range(kills):
        running, enough = former.command("run"), len(members) * number // (kills - 1)

        def is_far() -> bool:
            return not running.is_running or former.held_of(members) >= enough  # noqa: B023 — called at once

        await until(is_far, within=10 * _SOON)
        if long:
            await asyncio.sleep(random.uniform(0.0, 2.0 if number else 30.0))  # noqa: S311 — a moment, no secret
        running.kill()


async def reached(store: Store, request_id: str, step: Step, *, within: float) -> Request:
    """Wait until a request's workflow waits for somebody, so many seconds at most."""
    end = time.monotonic() + within
    while True:
        item = await store.get(tables.ServiceRequest, request_id, consistent=True)
        assert item is not None
        request = decode(Request, tables.ServiceRequest, item)
        if request.wait is not None and request.wait.name is step and request.wait.token is not None:
            return request
        assert time.monotonic() < end, request
        await asyncio.sleep(0.1)


def test_the_guides_commands_are_those_that_are_run_here() -> None:
    found = re.findall(r"server\.py migrate (\w+) --from \S+((?: --(?!aws)\w+(?: \d+)?)*)", GUIDE.read_text())
    assert {action + options for action, options in found} == set(COMMANDS)


async def test_members_come_here_whatever_kills_the_run_and_their_workflows_go_on(
    former: FormerApp, calls: AsyncCalls, seed: int, *, long: bool
) -> None:
    world = FormerWorld(seed=seed, members=10_000 if long else 40)
    await asyncio.to_thread(former.deploy, world)
    store, theirs = Store(calls, former.ours), Store(calls, former.names)
    before = await rows(theirs, tables.User)
    code, planned = await former.migrate("plan")
    assert (code, f"{len(world.hours)} " in planned) == (0, True)
    assert await rows(theirs, tables.User) == before

    some = random.sample(sorted(world.hours), 100 if long else 20)
    await kill_on_the_way(former, some, 10 if long else 3, long=long)
    assert (await former.migrate("run"))[0] == 0
    code, printed = await former.migrate("verify")
    assert (code, "Both apps agree." in printed) == (0, True)

    assert await sums(theirs) == (ZERO, world.total)
    found = re.search(r"taken over, as the opening entries say +│ +(\d+) +│ +([\d.]+)", printed)
    assert found is not None
    assert exact(found[2]) == world.total
    for member, hours in list(world.hours.items())[:200]:
        balance = await store.get(tables.UserBalance, member)
        assert balance is not None
        assert exact(balance["totalBalance"]["N"]) == hours
    # Thousands of workflows begin at once.
    within = 10 * _SOON if long else _SOON
    waiting = await reached(store, world.pending[0], Step.WAIT_FOR_PROVIDER_RESPONSE, within=within)
    assert waiting.status is RequestStatus.AWAITING_RESPONSE
    begun = await reached(store, world.begun[0], Step.WAIT_FOR_COMPLETION, within=within)
    assert (begun.status, begun.amount) == (RequestStatus.IN_PROGRESS, begun.asked)


async def test_everything_goes_back(cloud: Cloud, server: Server, calls: AsyncCalls, tmp_path: Path) -> None:
    """On tables of its own, because a rollback is of a whole deployment; no workflow runs there."""
    names = Settings(stack=f"back{uuid4().hex[:8]}").names
    with ExitStack() as stack:
        stack.enter_context(created_tables(names))
        former = FormerApp(cloud, server, names, tmp_path)
        world = FormerWorld(seed=7, members=30)
        await asyncio.to_thread(former.deploy, world)
        stack.callback(former.drop)
        theirs = Store(calls, former.names)
        before = await hours_there(theirs)

        for command, is_here in (("run --share 0", 0), ("run --share 10", None), ("run", len(world.hours))):
            code, printed = await former.migrate(command)
            assert code == 0, printed
            assert is_here in {None, former.held()}
        for command in ("rollback --refund", "rollback"):
            assert (await former.migrate(command))[0] == 0
            assert await hours_there(theirs) == before
            assert former.held() == 0


async def hours_there(theirs: Store) -> dict[str, Any]:
    """Return what each row of the former app says of its member's hours."""
    found = {row["id"]["S"]: row["bankHours"].get("N") for row in await rows(theirs, tables.User)}
    return {key: None if hours is None else float(hours) for key, hours in found.items()}


async def test_an_app_that_is_not_there_is_told(cloud: Cloud, server: Server, tmp_path: Path) -> None:
    nowhere = FormerApp(cloud, server, cloud.names, tmp_path)
    code, printed = await asyncio.to_thread(nowhere.start("nothing-here", "plan").ended)
    assert code == 1
    assert "There is no table User-nothing-here in account" in printed
