"""A day in ten minutes: what fails is seen where operators look, its runbook mends it, and no hour is lost."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.day.board import is_fine
from tests.chaos.day.incidents import INCIDENTS, Day
from tests.chaos.killed.clients import Clients, retrying_client
from tests.chaos.killed.processes import Processes
from tests.chaos.killed.test_killed import PATIENT, RECOVERED_WITHIN, read
from tests.integration.conftest import joining, minting
from tests.integration.quick_commands import quick_commands
from tests.integration.runbooks import PREPARATION, Shell, blocks_of, environment

pytestmark = pytest.mark.long

_MEMBERS = 8
_SEED = 20
# Members come back to what they do after a moment, also between two incidents.
_PAUSE_SECONDS = 5.0


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    made = tmp_path / "shell"
    made.mkdir()
    with quick_commands(made) as quick:
        yield quick


def _prepared(folder: Path, processes: Processes) -> Shell:
    """Return the operators' shell beside a running server, as the runbooks' first page prepares it."""
    preparation, functions = blocks_of(PREPARATION)
    shell = Shell(folder, environment(processes.directory, processes.port))
    done = shell.run(preparation.text)
    assert done.returncode == 0, done.stdout
    shell.functions = functions.text
    return shell


@asynccontextmanager
async def _living(clients: Clients) -> AsyncIterator[None]:
    """Let the members live for as long as the context is entered; each ends what they have begun."""
    stop = asyncio.Event()
    living = asyncio.create_task(clients.run(stop))
    try:
        yield
        stop.set()
        async with asyncio.timeout(RECOVERED_WITHIN):
            await living
    finally:
        living.cancel()
        await asyncio.wait({living})


async def test_a_day(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.monotonic()
    with Processes(tmp_path / "bank", **PATIENT) as processes:
        async with retrying_client(processes) as graphql:
            clients = await Clients.gather(processes, graphql, _MEMBERS, _SEED)
            join = joining(graphql, minting(processes))
            day = Day(processes, _prepared(folder, processes), graphql, join, await join("ada", "admin"))
            async with _living(clients):
                for incident in INCIDENTS:
                    await asyncio.sleep(_PAUSE_SECONDS)
                    told = await incident(day)
                    print(  # noqa: T201 — the day's diary, shown with -s, and if the test fails
                        f"{time.monotonic() - began:6.1f} s  {incident.__name__.replace('_', ' ')}: "
                        f"seen after {told.seen:.1f} s, {told.where}; well after another {told.mended:.1f} s"
                    )
            await day.reconcile()
            (await read(processes, monkeypatch)).check()
            await clients.check_hours()
            await day.board.until("reconciliation", is_fine(), within=RECOVERED_WITHIN)
            readings = await day.board.readings()
            print(f"what members did, and how often: {dict(clients.completed)}")  # noqa: T201 — the same
            assert {name: one["says"] for name, one in readings.items() if one["verdict"] != "ok"} == {}
