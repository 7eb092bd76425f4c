"""Accepting while the process can open nothing more."""

import asyncio
import errno
import socket
from contextlib import ExitStack
from typing import Any, cast

import pytest
import structlog

from resolvers.hosting.connections import acceptor
from resolvers.hosting.connections.acceptor import Acceptor
from resolvers.hosting.connections.limits import ConnectionLimits
from resolvers.hosting.connections.registry import Connection, Connections


class Exhausted(socket.socket):
    """Has a client waiting, for whom there is no descriptor until `left` fails."""

    attempts = 0
    left = 3

    def accept(self) -> Any:
        self.attempts += 1
        if self.attempts <= self.left:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_it_waits_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "_PAUSE_SECONDS", 0.02)
    loop = asyncio.get_running_loop()
    connections = Connections(ConnectionLimits(), 10, loop.time)
    served = asyncio.Event()

    def protocol(_connection: object) -> asyncio.Protocol:
        served.set()
        return asyncio.Protocol()

    with Exhausted() as listening, structlog.testing.capture_logs() as logged:
        listening.bind(("127.0.0.1", 0))
        accepting = Acceptor(listening, connections, cast("Any", protocol), tls=None, is_proxy=lambda _: False)
        accepting.start()
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        async with asyncio.timeout(3):
            await served.wait()
        assert listening.attempts <= Exhausted.left + 3
        assert [line["event"] for line in logged] == ["the process cannot open another connection"]
        accepting.close()
        writer.close()
        del reader
        for connection in list(connections.open):
            connection.lost()


async def test_who_is_dropped_at_once_leaves_nothing() -> None:
    """Of eight who connect in one turn, each takes the place of the one before, whose task has not begun yet."""
    loop = asyncio.get_running_loop()
    connections = Connections(ConnectionLimits(by_address=1), 100, loop.time)
    served: asyncio.Queue[Connection] = asyncio.Queue()

    def protocol(connection: Connection) -> asyncio.Protocol:
        served.put_nowait(connection)
        return asyncio.Protocol()

    with socket.socket() as listening, ExitStack() as opened:
        listening.bind(("127.0.0.1", 0))
        accepting = Acceptor(listening, connections, protocol, tls=None, is_proxy=lambda _: False)
        listening.listen()
        clients = [opened.enter_context(socket.create_connection(listening.getsockname())) for _ in range(8)]
        accepting.start()
        async with asyncio.timeout(3):
            last = await served.get()
            for client in clients[:-1]:
                client.setblocking(False)  # noqa: FBT003 — the standard library's
                assert await loop.sock_recv(client, 1) == b""
        assert list(connections.open) == [last]
        assert served.empty()
        accepting.close()
        last.lost()
