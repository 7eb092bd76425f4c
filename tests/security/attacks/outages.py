"""The database stands still under requests."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.security.attacks.catalogue import Attacker, Kind, UnrefusedError, outcome, worst
from tests.security.measuring import Target
from tests.security.wire import frame, upgraded

KIND = Kind(8, "a database that stands still", {"joined": True, "cpu": 1.0})

_SOON = 3.5  # the two seconds, for a server that has something else to do, too
_MUTATION = "mutation($input: CreateCategoryInput!) { createCategory(input: $input) { id } }"
INPUTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a row": ("query($id: ID!) { getService(id: $id) { id } }", {"id": "none"}),
    "a list": ("{ listServices { items { id } } }", {}),
    "an index": ('{ servicesByCategory(category: "garden") { items { id user { id } } } }', {}),
    "a search": ('{ searchServices(query: "help") { services { id } } }', {}),
    "a balance": ("query($id: ID!) { getUserBalance(userId: $id) { userId } }", {"id": "none"}),
}


@contextmanager
def _paused(target: Target) -> Iterator[None]:
    """Let the local cloud stand still; a server on AWS has none, and is spared."""
    cloud = int(json.loads((target.directory / "cloud.json").read_text())["pid"])
    os.kill(cloud, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(cloud, signal.SIGCONT)


@KIND.each(INPUTS)
async def _ask(attacker: Attacker, given: tuple[str, dict[str, Any]]) -> str:
    began = time.perf_counter()
    with _paused(attacker.target):
        answers = await asyncio.gather(*(attacker.post(*given) for _ in range(10)))
    waited = time.perf_counter() - began
    said = worst([outcome(answer) for answer in answers])
    if waited > _SOON:
        raise UnrefusedError(f"after {waited:.1f} s: {said}")
    await _recover(attacker)
    return f"after {waited:.1f} s: {said}"


async def _recover(attacker: Attacker) -> None:
    """Wait until the server serves again, which it must do by itself."""
    end = time.monotonic() + 15
    while "answered" not in await attacker.ask("{ listCategories { items { id } } }"):
        if time.monotonic() > end:
            raise UnrefusedError("it does not recover")
        await asyncio.sleep(0.2)


@KIND.one("a socket that asks")
async def _ask_by_socket(attacker: Attacker) -> str:
    async with upgraded(attacker.target, source=attacker.source) as wire:
        await wire.send(frame({"type": "connection_init", "payload": {"Authorization": attacker.token}}))
        await wire.until(b"connection_ack", within=5)
        payload = {"query": "subscription { onCreateService { id } }"}
        began = time.perf_counter()
        with _paused(attacker.target):
            await wire.send(frame({"id": "1", "type": "subscribe", "payload": payload}))
            said = await wire.until(b'"1"', within=_SOON)
    await _recover(attacker)
    if b"InternalFailure" in said:
        raise UnrefusedError(said[-200:].decode(errors="replace"))
    return f"after {time.perf_counter() - began:.1f} s: {'refused' if said else 'waits'}"
