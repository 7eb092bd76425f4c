"""The local cloud can start from any of its saves while it runs, and its last save is the latest state."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ministack import app
from ministack.core import persistence
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import dynamodb

from workflows.deployment.local import ministack_app
from workflows.deployment.local.ministack_app import Snapshots

WRITE = "DynamoDB_20120810.PutItem"
LONG = 30.0


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Save often, into a test directory; return where rows are saved."""
    monkeypatch.setattr(persistence, "STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setattr(ministack_app, "_SAVE_EVERY", 0.01)
    return tmp_path / "state" / "dynamodb.json"


@pytest.fixture
def snapshots() -> Snapshots:
    return Snapshots(dynamodb)


async def comes_true(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG):
        while not condition():  # noqa: ASYNC110 — a file sends no event
            await asyncio.sleep(0.01)


async def test_until_all_is_saved_a_stack_is_saved_as_unfinished(
    rows: Path, snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    stacks: AccountRegionScopedDict = AccountRegionScopedDict()
    stacks.set_scoped("0" * 12, "us-east-1", "hourbank", {"StackStatus": "CREATE_COMPLETE"})
    states = {**dict.fromkeys(("dynamodb", "lambda"), dict), "cloudformation": lambda: {"stacks": stacks}}
    saved: list[tuple[str, bool, list[str]]] = []

    def save_state(name: str, state: Any) -> None:
        statuses = [stack["StackStatus"] for stack in state["stacks"].all_values()] if state else []
        saved.append((name, rows.exists(), statuses))

    monkeypatch.setattr(app, "_build_persistence_save_dict", lambda: dict(states))
    monkeypatch.setattr(persistence, "save_state", save_state)
    snapshots.note("", "")
    await snapshots.save()
    assert saved == [
        ("cloudformation", False, ["UPDATE_IN_PROGRESS"]),
        ("lambda", False, []),
        ("cloudformation", True, ["CREATE_COMPLETE"]),
    ]


@pytest.mark.parametrize("text", ["an hour's help", "Bäume", "a lone surrogate \ud83c"])
@pytest.mark.usefixtures("rows")
async def test_ministack_reads_what_was_saved(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    tables: AccountRegionScopedDict = AccountRegionScopedDict()
    item = {"id": {"S": text}, "picture": {"B": b"\x00"}, "hours": {"N": "1.5"}}
    tables.set_scoped("0" * 12, "us-east-1", "Service", {"items": {text: {"__no_sk__": item}}})
    monkeypatch.setattr(dynamodb, "_tables", tables)
    monkeypatch.setattr(persistence, "PERSIST_STATE", True)
    snapshots.note(WRITE, "")
    await snapshots.save()
    read = persistence.load_state("dynamodb")
    assert read is not None
    assert read["tables"]._data == tables._data


async def test_what_could_not_be_saved_is_saved_later(
    rows: Path, snapshots: Snapshots, caplog: pytest.LogCaptureFixture
) -> None:
    rows.parent.write_text("in the way")
    snapshots.note(WRITE, "")
    stop = asyncio.Event()
    saving = asyncio.create_task(snapshots.keep_saving(stop))
    await comes_true(lambda: "could not be saved" in caplog.text)
    rows.parent.unlink()
    await comes_true(rows.exists)
    stop.set()
    await saving


@pytest.fixture
def slow_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[threading.Event, threading.Event]]:
    """Block every write until released; the first event says that one has begun, the second releases it."""
    begun, go_on = threading.Event(), threading.Event()
    write = ministack_app._write

    def held_up(path: Path, content: bytes) -> None:
        begun.set()
        go_on.wait(LONG)
        write(path, content)

    monkeypatch.setattr(ministack_app, "_write", held_up)
    yield begun, go_on
    go_on.set()


async def test_a_save_that_has_begun_ends_before_ministack_saves_for_the_last_time(
    rows: Path, snapshots: Snapshots, slow_disk: tuple[threading.Event, threading.Event]
) -> None:
    begun, go_on = slow_disk
    snapshots.note(WRITE, "")
    stop = asyncio.Event()
    saving = asyncio.create_task(snapshots.keep_saving(stop))
    await comes_true(begun.is_set)
    stop.set()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(saving), 0.1)
    go_on.set()
    await saving
    await comes_true(rows.exists)
