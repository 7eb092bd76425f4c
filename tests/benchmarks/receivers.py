"""Sockets that listen, in processes of their own: what arrives is stamped with the time, and read later.

`python -m tests.benchmarks.receivers` takes a line of JSON, says `ready` once every socket has begun its
subscription, and for each further line prints what has arrived since: the marks of events, and their times.
"""

import asyncio
import base64
import os
import re
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

import orjson
import uvloop

MARK = re.compile(rb"push-(\d+)")
_OPENING = 20  # sockets of a process that are opened at a time
_SETUP_SECONDS = 90.0
_MASKED, _FINAL, _DEFLATED = 0x80, 0x80, 0x40
_TEXT, _PING, _PONG = 0x1, 0x9, 0xA
_SHORT, _MEDIUM = 125, 126


class Protocol(StrEnum):
    """A protocol of sockets, by the name that the figures have."""

    TRANSPORT = "graphql-transport-ws"
    APPSYNC = "AppSync"


@dataclass(frozen=True, slots=True)
class Listener:
    """Who listens, and to what; without a subscription, the socket is only opened."""

    token: str
    query: str = ""

    @property
    def authorization(self) -> dict[str, str]:
        """Return the headers of Amplify's clients."""
        return {"host": "benchmark", "Authorization": self.token}


class _Socket(asyncio.Protocol):
    """One socket."""

    def __init__(self, protocol: Protocol | None, listener: Listener) -> None:
        self._protocol = protocol
        self._listener = listener
        self._pending = b""
        self._is_open = False
        self._inflater = zlib.decompressobj(-15)
        self._transport: asyncio.Transport | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.arrived: list[tuple[float, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = tcp = cast("asyncio.Transport", transport)
        path, offered = "/graphql", "graphql-transport-ws"
        if self._protocol is Protocol.APPSYNC:
            header = base64.urlsafe_b64encode(orjson.dumps(self._listener.authorization)).decode().rstrip("=")
            path, offered = "/graphql/realtime", f"graphql-ws, header-{header}"
        key = base64.b64encode(os.urandom(16)).decode()
        tcp.write(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"  # as browsers offer
            f"Sec-WebSocket-Protocol: {offered}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._pending += data
        if not self._is_open:
            head, found, rest = self._pending.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head:
                self._fail(head.decode(errors="replace"))
                return
            self._is_open, self._pending = True, rest
            if self._protocol is None:
                self.ready.set_result(None)
            else:
                payload = {"Authorization": self._listener.token}
                self._send(_TEXT, orjson.dumps({"type": "connection_init", "payload": payload}))
        for code, message in self._frames():
            self._receive(code, message)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the server closed a socket: {exc}")

    def _fail(self, reason: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(reason))

    def _frames(self) -> Iterator[tuple[int, bytes]]:
        while len(self._pending) >= 2:
            size, start = self._pending[1], 2
            if size > _SHORT:
                start = 4 if size == _MEDIUM else 10
                if len(self._pending) < start:
                    return
                size = int.from_bytes(self._pending[2:start], "big")
            if len(self._pending) < start + size:
                return
            first, message = self._pending[0], self._pending[start : start + size]
            self._pending = self._pending[start + size :]
            if first & _DEFLATED:
                message = self._inflater.decompress(message + b"\0\0\xff\xff")
            yield first & 0xF, message

    def _send(self, code: int, message: bytes) -> None:
        """Send a frame, masked with zeros, which leave it as it is."""
        assert self._transport is not None
        is_short = len(message) <= _SHORT
        size = bytes([_MASKED | len(message)]) if is_short else struct.pack("!BH", _MASKED | _MEDIUM, len(message))
        self._transport.write(bytes([_FINAL | code]) + size + b"\0\0\0\0" + message)

    def _receive(self, code: int, message: bytes) -> None:
        if code == _PING:
            self._send(_PONG, message)
        elif self.ready.done():
            self.arrived.append((time.monotonic(), message))
        else:
            self._begin(message)

    def _begin(self, message: bytes) -> None:
        """Subscribe once the connection is accepted; the socket is ready when that is answered or cannot be."""
        kind = orjson.loads(message)["type"]
        is_appsync = self._protocol is Protocol.APPSYNC
        if kind == "connection_ack":
            operation = {"query": self._listener.query, "variables": {}}
            if not self._listener.query:
                self.ready.set_result(None)
            elif is_appsync:
                extensions = {"authorization": self._listener.authorization}
                payload: dict[str, Any] = {"data": orjson.dumps(operation).decode(), "extensions": extensions}
                self._send(_TEXT, orjson.dumps({"id": "1", "type": "start", "payload": payload}))
            else:
                self._send(_TEXT, orjson.dumps({"id": "1", "type": "subscribe", "payload": operation}))
                self.ready.set_result(None)  # this protocol has no acknowledgement
        elif kind == "start_ack":
            self.ready.set_result(None)
        elif kind != "ka":
            self._fail(message.decode())


async def _listen() -> None:
    loop = asyncio.get_running_loop()
    asked = orjson.loads(sys.stdin.readline())
    protocol = Protocol(asked["protocol"]) if asked["protocol"] else None
    sockets: list[_Socket] = []

    async def open_one(token: str, query: str) -> None:
        _, socket = await loop.create_connection(
            lambda: _Socket(protocol, Listener(token, query)), "127.0.0.1", asked["port"]
        )
        sockets.append(socket)
        await asyncio.wait_for(socket.ready, _SETUP_SECONDS)

    for start in range(0, len(asked["listeners"]), _OPENING):
        together = asked["listeners"][start : start + _OPENING]
        await asyncio.gather(*(open_one(token, query) for token, query in together))
    _say("ready")
    while await loop.run_in_executor(None, sys.stdin.readline):
        arrived = [one for socket in sockets for one in socket.arrived]
        for socket in sockets:
            socket.arrived = []
        marked = [(at, MARK.search(message)) for at, message in arrived]
        _say(orjson.dumps([(at, int(mark[1]) if mark else -1) for at, mark in marked]).decode())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Receivers:
    """A process that listens.

    Args:
        process: the process, which is ready.
    """

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def arrived(self) -> list[tuple[float, int]]:
        """Return what has arrived since the last call: by the monotonic clock, when, and the event's mark."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return [(at, mark) for at, mark in orjson.loads(self._process.stdout.readline())]


@contextmanager
def receiving(port: int, protocol: Protocol | None, listeners: Sequence[Listener]) -> Iterator[Receivers]:
    """Let a process open sockets, one for each listener, for as long as the context is entered.

    Args:
        port: the server's.
        protocol: how they subscribe; None for sockets that are only opened.
        listeners: who listens, and to what.
    """
    command = [sys.executable, "-m", "tests.benchmarks.receivers"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:  # noqa: S603 — our own
        assert process.stdin
        assert process.stdout
        told = {"port": port, "protocol": protocol, "listeners": [[one.token, one.query] for one in listeners]}
        process.stdin.write(orjson.dumps(told) + b"\n")
        process.stdin.flush()
        try:
            if process.stdout.readline() != b"ready\n":
                raise RuntimeError("the sockets could not be opened; see above")
            yield Receivers(process)
        finally:
            process.terminate()


if __name__ == "__main__":
    uvloop.run(_listen())
