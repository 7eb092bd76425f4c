"""Connections that say nothing, or not all of it, and wait."""

import asyncio
from contextlib import AsyncExitStack

from tests.security.attacks.catalogue import Attacker, Kind, UnrefusedError, finish, worst
from tests.security.wire import connected, operation

KIND = Kind(3, "connections that never end", {"slow": True})

# Longer than the server's own deadlines, by default 10 s for headers and 20 s for a body.
_DEADLINE = 27.0
_CROWD = 100


_BODY = operation("{ __typename }")
_LINES = b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: TOKEN\r\nContent-Type: application/json\r\n"
_SIZED = _LINES + b"Content-Length: 90\r\n"
_CHUNKED = _LINES + b"Transfer-Encoding: chunked\r\n\r\n"
_SOCKET = (
    b"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
)

BEGINNINGS: dict[str, bytes] = {
    "nothing": b"",
    "half a method": b"PO",
    "half a line": b"GET /graphql?query=",
    "half the headers": _SIZED,
    "headers without a body": _SIZED + b"\r\n",
    "half a body": _SIZED + b"\r\n" + _BODY,
    "half a chunk": _CHUNKED + b"10\r\n{",
    "no last chunk": _CHUNKED + b"1\r\n{\r\n",
    "half a handshake": _SOCKET[:60],
    "a handshake without its end": _SOCKET,
    "empty lines": b"\r\n" * 20,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@KIND.each(BEGINNINGS)
async def _begin(attacker: Attacker, begun: bytes) -> str:
    return await attacker.send(begun.replace(b"TOKEN", attacker.token.encode()), within=_DEADLINE)


@KIND.each({"a byte a second of the line": "half a line", "a byte a second of the body": "half a body"})
async def _drip(attacker: Attacker, name: str) -> str:
    async with connected(attacker.target, source=attacker.source) as wire:
        await wire.send(BEGINNINGS[name].replace(b"TOKEN", attacker.token.encode()))

        async def drip() -> None:
            while await wire.send(b"a"):  # noqa: ASYNC110 — as slow as that, on purpose
                await asyncio.sleep(1)

        dripping = asyncio.create_task(drip())
        try:
            return await finish(wire, b"", within=_DEADLINE)
        finally:
            dripping.cancel()


@KIND.one(f"{_CROWD} silent ones", cpu=0.2)
async def _crowd(attacker: Attacker) -> str:
    async with AsyncExitStack() as stack:
        crowd = [
            await stack.enter_async_context(connected(attacker.target, source=attacker.source))
            for _ in range(_CROWD)
        ]
        closed = await asyncio.gather(*(wire.is_closed(within=_DEADLINE) for wire in crowd))
    if not all(closed):
        raise UnrefusedError(f"{closed.count(False)} of {_CROWD} are still open")
    return worst(["closed"] * _CROWD)
