"""What subscribers of several servers hear of rows that are written all the time, and a count of stream calls."""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from models import tables
from models.storage.store import ConditionFailedError, Store

QUERY = "subscription { onUpdateService { id description } }"
_STREAM_CALL = re.compile(rb"DynamoDBStreams_20120810\.(\w+)")
_SOON = 20.0


@dataclass
class Subscriber:
    """A member's socket, and what it has heard.

    Attributes:
        heard: of each row, the numbers of its changes, in the order in which they came.
        delays: seconds between each write and its event.
    """

    url: str
    token: str
    heard: dict[str, list[int]] = field(default_factory=dict)
    delays: list[float] = field(default_factory=list)
    task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Subscribe, and wait until the first event has come."""
        first = asyncio.Event()
        self.task = asyncio.create_task(self._hear(first))
        async with asyncio.timeout(_SOON):
            await first.wait()

    async def _hear(self, first: asyncio.Event) -> None:
        address = f"ws://{self.url.removeprefix('http://')}/graphql"
        protocols = [Subprotocol("graphql-transport-ws")]
        async with connect(address, subprotocols=protocols, proxy=None, close_timeout=1) as socket:
            await self._send(socket, type="connection_init", payload={"Authorization": self.token})
            await socket.recv()
            await self._send(socket, type="subscribe", id="1", payload={"query": QUERY})
            with suppress(ConnectionClosed):  # by a kill
                async for message in socket:
                    told = json.loads(message)
                    if told["type"] == "ping":
                        continue
                    assert told["type"] == "next", told
                    row = told["payload"]["data"]["onUpdateService"]
                    number, written = row["description"].split()
                    self.delays.append(time.time() - float(written))
                    self.heard.setdefault(row["id"], []).append(int(number))
                    first.set()

    @staticmethod
    async def _send(socket: ClientConnection, **message: Any) -> None:
        await socket.send(json.dumps(message))

    def check(self) -> None:
        """Assert that each change of each row came once and in order, since the first that came."""
        for row, numbers in self.heard.items():
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), (self.url, row, numbers)


@dataclass
class Writer:
    """Writes to rows in turn, each with the number of its change and the time.

    Args:
        store: the tables.
        rows: how many rows there are.
        pace: seconds between two writes.
        written: of each row, the number of its last change.
    """

    store: Store
    rows: int
    pace: float
    written: Counter[str] = field(default_factory=Counter)

    async def run(self, stop: asyncio.Event) -> None:
        """Write until told to stop."""
        due = time.monotonic()
        while not stop.is_set():
            for place in range(self.rows):
                await self._write(f"told-{place}")
                due += self.pace
                await asyncio.sleep(max(0.0, due - time.monotonic()))

    async def _write(self, row: str) -> None:
        self.written[row] += 1
        texts = {
            "id": row,
            "title": "Told",
            "description": f"{self.written[row]} {time.time()}",
            "userId": "nobody",
        }
        item = {name: {"S": text} for name, text in texts.items()}
        # A put that is sent again because its answer was late changes the row once.
        with suppress(ConditionFailedError):
            is_new = tables.Service.description != texts["description"]
            await self.store.put(tables.Service, item, condition=is_new)


@asynccontextmanager
async def counting(endpoint: str) -> AsyncIterator[tuple[str, Counter[str]]]:
    """Pass calls on to a cloud; yield an address for them, and the count of those to streams, by their names."""
    there = urlsplit(endpoint)
    counts: Counter[str] = Counter()
    ends: list[asyncio.StreamWriter] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while part := await reader.read(65_536):
                counts.update(name.decode() for name in _STREAM_CALL.findall(part))
                writer.write(part)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, on = await asyncio.open_connection(there.hostname, there.port)
        ends.extend((writer, on))
        await asyncio.gather(carry(reader, on), carry(back, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", counts
    finally:
        server.close()
        for end in ends:
            end.transport.abort()
        await asyncio.sleep(0.05)
