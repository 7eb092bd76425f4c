"""Sockets of both protocols on a real server, and what they hear."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.integration.conftest import Member, Server


@asynccontextmanager
async def transport_ws(server: Server, member: Member) -> AsyncIterator[ClientConnection]:
    url = server.url.replace("http", "ws", 1) + "/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": member.token}}))
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        yield socket


async def subscribe(socket: ClientConnection, id: str, query: str, **variables: Any) -> None:
    payload = {"query": query, "variables": variables}
    await socket.send(json.dumps({"id": id, "type": "subscribe", "payload": payload}))


async def until_answered(socket: ClientConnection, query: str) -> None:
    """Assert that an open socket's operations are answered again."""
    for number in range(20):
        await subscribe(socket, f"again {number}", query)
        message: Any = {}
        while message.get("type") not in {"next", "error"} or message["id"] != f"again {number}":
            message = json.loads(await asyncio.wait_for(socket.recv(), 5))
        if message["type"] == "next" and "errors" not in message["payload"]:
            return
        await asyncio.sleep(0.2)
    raise AssertionError(message)


async def closing_of(server: Server, token: str) -> int | None:
    """Return the code with which a socket is closed whose caller cannot be looked up."""
    url = server.url.replace("http", "ws", 1) + "/graphql"
    async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {"Authorization": token}}))
        with suppress(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)
        return socket.close_code


@asynccontextmanager
async def realtime(server: Server, member: Member) -> AsyncIterator[ClientConnection]:
    header = base64.urlsafe_b64encode(json.dumps({"host": "x", "Authorization": member.token}).encode()).decode()
    url = server.url.replace("http", "ws", 1) + "/graphql/realtime"
    offered = [Subprotocol("graphql-ws"), Subprotocol(f"header-{header.rstrip('=')}")]
    async with connect(url, subprotocols=offered, proxy=None) as socket:
        await socket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await socket.recv())["type"] == "connection_ack"
        yield socket


async def start(socket: ClientConnection, member: Member, id: str, query: str, **variables: Any) -> None:
    data = json.dumps({"query": query, "variables": variables})
    authorization = {"Authorization": member.token, "host": "x"}
    payload = {"data": data, "extensions": {"authorization": authorization}}
    await socket.send(json.dumps({"id": id, "type": "start", "payload": payload}))


async def next_but(socket: ClientConnection, ignored: str) -> Any:
    while (message := json.loads(await asyncio.wait_for(socket.recv(), 5)))["type"] == ignored:
        pass
    return message
