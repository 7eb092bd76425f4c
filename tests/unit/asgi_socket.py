"""The client's end of a WebSocket, over ASGI without a network."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.types import ASGIApp


class Socket:
    """A client of an ASGI app."""

    def __init__(self) -> None:
        self._sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.received: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.ended = asyncio.Event()
        self._sent.put_nowait({"type": "websocket.connect"})

    async def run(self, app: ASGIApp, scope: Mapping[str, Any]) -> None:
        await app({"type": "websocket", **scope}, self._sent.get, self._receive)  # type: ignore[arg-type]  # dicts, as ASGI has them
        self.ended.set()

    async def _receive(self, message: dict[str, Any]) -> None:
        await self.received.put(message)

    def send(self, **message: Any) -> None:
        self.send_json(message)

    def send_json(self, message: Any) -> None:
        self.send_text(json.dumps(message))

    def send_text(self, text: str) -> None:
        self._sent.put_nowait({"type": "websocket.receive", "text": text})

    def send_bytes(self, data: bytes) -> None:
        self._sent.put_nowait({"type": "websocket.receive", "bytes": data})

    def disconnect(self) -> None:
        self._sent.put_nowait({"type": "websocket.disconnect", "code": 1000})

    async def receive(self) -> dict[str, Any]:
        async with asyncio.timeout(5):
            return await self.received.get()

    async def receive_json(self) -> Any:
        return json.loads((await self.receive())["text"])


@asynccontextmanager
async def connected(
    app: ASGIApp, path: str, subprotocols: Sequence[str], *, query: str = "", **headers: str
) -> AsyncIterator[Socket]:
    """Open a socket, and disconnect at the end."""
    socket = Socket()
    scope = {
        "path": path,
        "query_string": query.encode(),
        "headers": [(k.encode(), v.encode()) for k, v in {"host": "server", **headers}.items()],
        "subprotocols": list(subprotocols),
        "state": {},
    }
    running = asyncio.create_task(socket.run(app, scope))
    try:
        yield socket
    finally:
        socket.disconnect()
        await running
