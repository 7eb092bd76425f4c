"""The command line of exports and erasures: what it asks, prints and returns."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner, Result

from models.errors import Refusal
from models.settings import Settings
from tests.unit.private_world import ALICE, MARKS, NAMES, PrivateWorld
from workflows.console.exits import clean_exit
from workflows.console.privacy import commands as module
from workflows.console.privacy.commands import PrivacyDesk, add_privacy_commands

Run = Callable[..., Result]


@contextmanager
def _deployment(what: str, *, aws: bool) -> Iterator[Settings]:
    assert what == "What is kept about members"
    assert not aws
    with clean_exit():
        yield Settings(stack=NAMES.stack)


@pytest.fixture
def run(world: PrivateWorld, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs a command on the world's tables."""

    class Opened:
        def __init__(self, _services: object) -> None:
            pass

        async def __aenter__(self) -> Any:
            return world.calls

        async def __aexit__(self, *_: object) -> None:
            pass

    monkeypatch.setattr(module, "AsyncCalls", Opened)
    cli = typer.Typer()

    def accounts(settings: Settings, *, aws: bool) -> Any:
        del settings, aws
        return world.pool

    desk = PrivacyDesk(deployment=_deployment, accounts=accounts, console=lambda: Console(width=400))
    add_privacy_commands(cli, desk)
    return lambda *given, **more: CliRunner().invoke(cli, given, **more)


def test_an_export_is_printed_or_written_for_its_reader_alone(run: Run, tmp_path: Path) -> None:
    printed = run("export", MARKS[1])
    assert printed.exit_code == 0, printed.output
    assert json.loads(printed.stdout)["member"] == ALICE
    file = tmp_path / "alice.json"
    file.write_text("something longer than that" * 10_000)
    assert run("export", MARKS[1], "--to", str(file)).stdout == ""
    assert json.loads(file.read_text())["member"] == ALICE
    assert file.stat().st_mode & 0o777 == 0o600
    unknown = run("export", "eve")
    assert (unknown.exit_code, "There is no member eve" in unknown.stderr) == (1, True)


def test_an_erasure_asks_first(run: Run) -> None:
    asked = run("erase", MARKS[2], input="n\n")
    assert asked.exit_code == 0
    assert f"Erase {MARKS[2]} for good?" in asked.stdout
    assert f"stay under the id {ALICE}" in asked.stdout
    assert "Nothing was changed." in asked.stdout
    assert json.loads(run("export", ALICE).stdout)["tables"]["User"] != []
    done = run("erase", MARKS[2], input="y\n")
    assert (done.exit_code, f"{MARKS[2]} is erased: " in done.stdout) == (0, True), done.output
    assert "https://pictures.example.org/zuckmayer.png" in done.stdout
    assert "35 days" in done.stdout
    again = run("erase", ALICE)
    assert (again.exit_code, f"{ALICE} was erased on 20" in again.stdout) == (0, True)
    assert run("erase", MARKS[2]).exit_code == 1


def test_what_hinders_is_said_line_by_line(world: PrivateWorld, run: Run) -> None:
    booked = {"id": "b2", "providerId": ALICE, "createdAt": "1", "status": "CONFIRMED"}
    asyncio.run(world.put("Booking", booked))
    refused = run("erase", MARKS[2], "--yes")
    assert refused.exit_code == 1
    assert refused.stderr.splitlines() == [
        f"{MARKS[2]} cannot be erased now:",
        "They have open bookings: b2; complete or cancel them.",
    ]


async def begin(world: PrivateWorld) -> None:
    """Begin an erasure, and die."""
    assert not isinstance(await world.members(world.store).begin_erasure(ALICE), Refusal)


def test_what_was_begun_is_listed_and_goes_on_without_a_question(world: PrivateWorld, run: Run) -> None:
    assert "No erasure is unfinished." in (run("erase")).stdout
    asyncio.run(begin(world))
    listed = run("erase")
    assert (listed.exit_code, f"go on with: erase {ALICE}" in listed.stdout) == (1, True)
    done = run("erase", ALICE)
    assert f"The erasure of {ALICE} began on " in done.stdout
    assert f"{ALICE} is erased" in done.stdout
    assert (run("erase")).exit_code == 0
    asyncio.run(world.assert_erased())
