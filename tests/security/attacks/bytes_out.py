"""Few bytes in, many out: long texts asked for again and again, by those who read them and those who do not."""

import asyncio
from typing import Any

import httpx

from tests.security.attacks.catalogue import Attacker, Kind, UnrefusedError, outcome, worst
from tests.security.wire import connected, frame, operation, request, upgraded

# What is stored and what of it is admitted costs CPU, too.
KIND = Kind(2, "bytes out", {"joined": True, "cpu": 1.0})

_LARGEST = 6_000_000  # bytes of an answer, with some room over the default of 5 MB
_CREATE = "mutation($input: CreateServiceInput!) { createService(input: $input) { id } }"
_TEXT = "x" * 39_000
_SERVICES = 12
_DESCRIBED = " ".join(f"d{number}: description" for number in range(29))

QUERIES = {
    "by aliases": f"query($u: ID!) {{ servicesByUserId(userId: $u) {{ items {{ {_DESCRIBED} }} }} }}",
    "by a relation": f"query($u: ID!) {{ getUser(id: $u) {{ services {{ items {{ {_DESCRIBED} }} }} }} }}",
    "by root fields": "query($u: ID!) { "
    + " ".join(
        f"s{number}: servicesByUserId(userId: $u) {{ items {{ description d: description }} }}"
        for number in range(9)
    )
    + " }",
    "by fragments": "query($u: ID!) { servicesByUserId(userId: $u) { items { ...D } } } "
    f"fragment D on Service {{ {_DESCRIBED} }}",
}


async def _offer(attacker: Attacker) -> None:
    """Store long texts."""
    offer: dict[str, Any] = {
        "title": "t",
        "description": _TEXT,
        "category": "garden",
        "isActive": True,
        "tags": [],
    }
    for _ in range(_SERVICES):
        await attacker.ask(_CREATE, {"input": offer})


def _measured(answer: httpx.Response) -> str:
    if len(answer.content) > _LARGEST:
        raise UnrefusedError(f"{len(answer.content):,} bytes")
    return f"{outcome(answer)}, {len(answer.content):,} bytes"


@KIND.each(QUERIES)
async def _ask(attacker: Attacker, query: str) -> str:
    await _offer(attacker)
    return _measured(await attacker.post(query, {"u": attacker.sub}))


@KIND.one("six at once")
async def _ask_at_once(attacker: Attacker) -> str:
    await _offer(attacker)
    query = QUERIES["by aliases"]
    answers = await asyncio.gather(*(attacker.post(query, {"u": attacker.sub}) for _ in range(6)))
    return worst([_measured(answer).partition(",")[0] for answer in answers])


@KIND.one("by somebody who does not read")
async def _do_not_read(attacker: Attacker) -> str:
    await _offer(attacker)
    before = attacker.target.memory()
    body = operation(QUERIES["by aliases"], {"u": attacker.sub})
    async with connected(attacker.target, source=attacker.source, limit=1024) as wire:
        await wire.send(request(attacker.target, body, {"Authorization": attacker.token}))
        await asyncio.sleep(2)
        return _grown(attacker, before)


@KIND.one("over a socket that is not read")
async def _do_not_read_socket(attacker: Attacker) -> str:
    await _offer(attacker)
    before = attacker.target.memory()
    async with upgraded(attacker.target, source=attacker.source) as wire:
        await wire.send(frame({"type": "connection_init", "payload": {"Authorization": attacker.token}}))
        asked = {"query": QUERIES["by aliases"], "variables": {"u": attacker.sub}}
        for number in range(10):
            await wire.send(frame({"id": str(number), "type": "subscribe", "payload": asked}))
        await asyncio.sleep(2)
        return _grown(attacker, before)


def _grown(attacker: Attacker, before: int) -> str:
    grown = attacker.target.memory() - before
    if grown > 100_000_000:
        raise UnrefusedError(f"the server keeps {grown:,} bytes")
    return f"kept: {max(grown, 0) / 1e6:.0f} MB"
