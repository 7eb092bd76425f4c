"""What fails in the course of the day: it is really made, seen by operators, and mended by its runbook."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from models import tables
from models.requests.recovery import RESUMED_FOR
from tests.chaos.day.board import Board, is_fine, needs_look
from tests.chaos.killed.processes import Processes
from tests.integration.conftest import Cloud, GraphQL, Member
from tests.integration.dispute_client import DisputeClient
from tests.integration.request_client import Joining, RequestClient, new_client
from tests.integration.runbooks import Runbook, Shell
from tests.integration.test_dead_letters import Rows, until_true
from tests.integration.test_reconciliation import START
from tests.integration.test_runbooks import Moved, is_given_up, put_letter

# Seconds in which operators see what has failed, and in which it is well again.
_SEEN_WITHIN = 60.0
_WELL_WITHIN = 60.0
# A request that is due is overdue after three minutes, as `status` judges.
_OVERDUE_WITHIN = 300.0
_READY_EVERY = 0.2
# What the release in the middle of the day changes.
RELEASE = {"HOURBANK_NEGOTIATION_WINDOW": "PT50M"}


@dataclass(frozen=True, slots=True)
class Told:
    """How an incident went: where it showed, after how many seconds, and how long it took until all was well."""

    where: str
    seen: float
    mended: float


@dataclass(slots=True)
class Day:
    """What an incident is made with, and seen by.

    Args:
        processes: HourBank's.
        shell: the operators', beside them.
        graphql: how its members call the server; they come again while it is away.
        join: lets a member join.
        admin: an administrator.
    """

    processes: Processes
    shell: Shell
    graphql: GraphQL
    join: Joining
    admin: Member

    @property
    def board(self) -> Board:
        """Return the operators' screen."""
        return Board(self.shell)

    @property
    def cloud(self) -> Cloud:
        """Return the local cloud as it can be reached now."""
        return Cloud(self.processes.environment)

    async def client(self) -> RequestClient:
        """Return a client of two new members, of whom one offers a service."""
        return await new_client(self.graphql, self.join)

    async def run(self, book: Runbook, heading: str, **placeholders: object) -> str:
        """Run what stands below a heading of a runbook, and return what it has printed."""
        return await asyncio.to_thread(book.run, heading, **placeholders)

    async def wait(self, book: Runbook, heading: str, **placeholders: object) -> str:
        """Run it again and again until it ends well."""
        return await asyncio.to_thread(book.wait, heading, **placeholders)

    def runbook(self, name: str) -> Runbook:
        """Open a runbook."""
        return Runbook(name, self.shell)

    @asynccontextmanager
    async def seen(
        self, where: str, naming: str = "", *, alarm: str | None = None, within: float = _SEEN_WITHIN
    ) -> AsyncIterator[list[Told]]:
        """Wait until `status` shows a failure; let it be mended, and wait until it shows that all is well.

        Args:
            where: the line of `status`.
            naming: what the line names.
            alarm: an alarm that rings, too; None for a failure that has none here, because the local cloud keeps
                no metrics of AWS's own.
            within: seconds until it is seen.
        """
        told: list[Told] = []
        shown = await self.board.until(where, needs_look(naming), within=within)
        if alarm is not None:
            shown += await self.board.until_alarm(alarm, within=within)
        began = time.monotonic()
        yield told
        await self.board.until(where, is_fine(naming), within=_WELL_WITHIN)
        places = [f"status: {where}", *([] if alarm is None else [f"alarm: {alarm}"])]
        told.append(Told(", ".join(places), shown, time.monotonic() - began))

    async def reconcile(self) -> None:
        """Let the books be reconciled, as every night."""
        await self.graphql(self.admin.token, START)


Incident = Callable[[Day], Awaitable[Told]]


async def a_letter_that_nobody_could_deliver(day: Day) -> Told:
    """An execution is ended by force, and the request is in the dead-letter queue."""
    client = await day.client()
    await client.ask()
    arn = (await client.reach("AWAITING_RESPONSE"))["stepFunctionExecutionArn"]
    Rows(day.cloud).failing(client.id, since=timedelta(0), due=timedelta(hours=1))
    stop = day.cloud.client("stepfunctions").stop_execution
    await asyncio.to_thread(stop, executionArn=arn, error="OutOfOrder")
    await asyncio.to_thread(put_letter, day.cloud, client.id)
    book = day.runbook("redrive")
    async with day.seen("dead letters") as told:
        await day.run(book, "Look first", REQUEST_ID=client.id, EXECUTION=arn)
        await day.run(book, "Steps")
        await day.wait(book, "Mended when")
    await client.until(lambda found: found["stepFunctionExecutionArn"] == f"{arn}-r1", within=_WELL_WITHIN)
    return told[0]


async def a_request_that_was_given_up(day: Day) -> Told:
    """The executions of an accepted request have failed for a day, so that nothing looks after it any more."""
    client = await day.client()
    await client.accepted()
    Rows(day.cloud).failing(client.id, since=RESUMED_FOR + timedelta(hours=1), due=timedelta(hours=-1))
    arn = str((await client.look())["stepFunctionExecutionArn"])
    await asyncio.to_thread(day.cloud.client("stepfunctions").stop_execution, executionArn=arn)
    await until_true(lambda: is_given_up(day.cloud, client.id))
    book = day.runbook("stuck-request")
    async with day.seen("stuck requests", client.id, alarm="GivenUpRequestsAlarm") as told:
        await day.run(book, "Look first", REQUEST_ID=client.id, EXECUTION=arn)
        await day.run(book, "Let it go on", REQUEST_ID=client.id, EXECUTION=arn)
        await day.wait(book, "Mended when it goes on", REQUEST_ID=client.id, EXECUTION=arn)
    await client.mark("markServiceStarted")
    return told[0]


async def a_dispute_that_nobody_decides(day: Day) -> Told:
    """The decision window passes."""
    disputes = DisputeClient(await day.client(), day.admin)
    await disputes.client.in_progress()
    await disputes.raise_it()
    await disputes.await_admin()
    book = day.runbook("stuck-dispute")
    async with day.seen("open disputes", disputes.id) as told:
        await day.run(book, "Look first", DISPUTE_ID=disputes.id)
        decided = {"DECISION": "PayToProvider", "WHY": "The garden is done"}
        await day.run(book, "Steps", DISPUTE_ID=disputes.id, **decided)
        await day.wait(book, "Mended when", DISPUTE_ID=disputes.id)
    return told[0]


async def a_balance_that_somebody_changed(day: Day) -> Told:
    """A balance is written past HourBank; the nightly reconciliation finds it."""
    member = (await day.client()).alice
    Rows(day.cloud).change(tables.UserBalance, member.sub, "SET availableBalance = :hours", hours={"N": "99"})
    await day.reconcile()
    book = day.runbook("reconcile")
    async with day.seen("reconciliation", "1 discrepancy", alarm="DiscrepanciesAlarm") as told:
        await day.run(book, "Look first", MEMBER=member.sub)
        said = {"AVAILABLE": 10, "HELD": 0, "TOTAL": 10, "VERSION": 1}
        await day.run(book, "Steps", MEMBER=member.sub, **said)
        await day.run(book, "Mended when", MEMBER=member.sub)
        await day.reconcile()
    return told[0]


async def an_entry_that_is_gone(day: Day) -> Told:
    """An entry of the ledger is removed past HourBank; a restored table gives it back."""
    member = (await day.client()).alice
    moved = Moved(day.cloud, member.sub)
    entry = await asyncio.to_thread(moved.entry)
    backup = {"BACKUP": f"before-{member.sub}"}
    await day.run(day.runbook("maintenance"), "Back up what holds hours", **backup)
    await asyncio.to_thread(moved.remove, entry)
    await day.reconcile()
    book = day.runbook("restore")
    async with day.seen("reconciliation", "1 discrepancy") as told:
        await day.run(book, "Look first")
        await day.run(book, "Restore from backups", **backup)
        await day.run(book, "Put the rows back", ENTRY=entry)
        await day.run(book, "Mended when")
        await day.reconcile()
    return told[0]


async def a_cloud_that_does_not_answer(day: Day) -> Told:
    """The local cloud stands still; the server says so, and goes on by itself when it answers again."""
    pid = day.processes.cloud["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        shown = await _until_ready(day.processes.url, is_ready=False)
    finally:
        os.kill(pid, signal.SIGCONT)
    mended = await _until_ready(day.processes.url, is_ready=True)
    await day.run(day.runbook("troubleshooting"), "Look first", ANSWER_ID="any")
    return Told("/readyz: 503", shown, mended)


async def _until_ready(url: str, *, is_ready: bool) -> float:
    """Wait until a server says that it is ready, or that it is not; return how many seconds that took."""
    began = time.monotonic()
    async with httpx.AsyncClient(timeout=_WELL_WITHIN) as client:
        while (await client.get(f"{url}/readyz")).is_success is not is_ready:
            assert time.monotonic() - began < _WELL_WITHIN
            await asyncio.sleep(_READY_EVERY)
    return time.monotonic() - began


async def functions_that_are_gone(day: Day) -> Told:
    """The functions' process dies for minutes: nothing moves on, and events cannot be delivered."""
    day.processes.kill_functions()
    async with day.seen("overdue waits", within=_OVERDUE_WITHIN) as told:
        await asyncio.to_thread(day.processes.start_missing)
    await day.run(day.runbook("redrive"), "Steps")
    await day.board.until("dead letters", is_fine(), within=_WELL_WITHIN)
    return told[0]


async def a_release(day: Day) -> Told:
    """The server stops, with the local cloud, and the next release of the stack is deployed by its start."""
    began = time.monotonic()
    assert await asyncio.to_thread(day.processes.end) == 0
    day.processes.kill_functions()
    day.processes.configure(RELEASE)
    await asyncio.to_thread(day.processes.start_missing)
    stopped = time.monotonic() - began
    assert await _deployed(day.cloud) == RELEASE
    settled = await day.board.until("overdue waits", is_fine(), within=_WELL_WITHIN)
    return Told("nothing but the pause", stopped, settled)


async def _deployed(cloud: Cloud) -> Mapping[str, Any]:
    """Return what the release has changed, as the functions of the stack have it."""
    name = cloud.names.function("beginWait")
    found = await asyncio.to_thread(cloud.client("lambda").get_function_configuration, FunctionName=name)
    variables = found["Environment"]["Variables"]
    return {name: variables[name] for name in RELEASE}


INCIDENTS: tuple[Incident, ...] = (
    a_letter_that_nobody_could_deliver,
    a_dispute_that_nobody_decides,
    a_balance_that_somebody_changed,
    a_request_that_was_given_up,
    a_release,
    a_cloud_that_does_not_answer,
    an_entry_that_is_gone,
    functions_that_are_gone,
)
