"""The HTTP by which the local cloud posts events to the functions' host, and no more than that.

A general server does for each request what no workflow ever needs. Here a request is a POST with a length to one
path; anything else is refused, and the connection closed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import cast

_LONGEST_HEAD = 65_536
_KEEPALIVE = 30.0

Answer = tuple[int, bytes]
# Answers an event, given the request's headers, by their names in lower case, and its body.
Handle = Callable[[Mapping[str, str], bytes], Awaitable[Answer]]


class EventPosts(asyncio.Protocol):
    """A connection over which events are posted, one after another.

    Args:
        path: the only path that there is.
        handle: answers an event.
        most_bytes: of an event.
        connections: all that are open; this one is among them for as long as it is.
    """

    def __init__(self, path: str, handle: Handle, most_bytes: int, connections: "set[EventPosts]") -> None:
        self._begin = f"POST {path} HTTP/1.1"
        self._handle = handle
        self._most_bytes = most_bytes
        self._connections = connections
        self._received = b""
        self._transport: asyncio.Transport
        self._idle: asyncio.TimerHandle | None = None
        self.answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a request."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._await_request()

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the connection; an event that is being handled is handled to its end."""
        self._connections.discard(self)
        if self._idle is not None:
            self._idle.cancel()

    def data_received(self, data: bytes) -> None:
        """Take in a part of a request."""
        self._received += data
        if self.answering is None:
            self._read()

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()

    def _await_request(self) -> None:
        self._idle = asyncio.get_running_loop().call_later(_KEEPALIVE, self.close)

    def _read(self) -> None:
        """Handle the request that was received, if all of it was."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            if len(self._received) > _LONGEST_HEAD:
                self.close()
            return
        first, *lines = self._received[:end].decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        length = headers.get("content-length", "")
        if first != self._begin or not length.isdecimal():
            self._send(self._refusal(first), b"", is_last=True)
        elif int(length) > self._most_bytes:
            self._send(413, b"", is_last=True)
        elif len(self._received) >= (size := end + 4 + int(length)):
            body, self._received = self._received[end + 4 : size], self._received[size:]
            if self._idle is not None:
                self._idle.cancel()
            self.answering = asyncio.get_running_loop().create_task(self._answer(headers, body))

    def _refusal(self, first: str) -> int:
        """Return the status for a request that is no event, by its first line."""
        method, path, version = self._begin.split(" ")
        match first.split(" "):
            case [_, other, spoken] if spoken.startswith("HTTP/") and other != path:
                return 404
            case [other, _, spoken] if spoken == version:
                return 405 if other != method else 411
        return 400

    async def _answer(self, headers: Mapping[str, str], body: bytes) -> None:
        status, answer = await self._handle(headers, body)
        self.answering = None
        is_last = headers.get("connection", "").lower() == "close"
        self._send(status, answer, is_last=is_last)
        if not is_last and not self._transport.is_closing():
            self._await_request()
            self._read()

    def _send(self, status: int, body: bytes, *, is_last: bool) -> None:
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: {'close' if is_last else 'keep-alive'}\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1") + body)
        if is_last:
            self._transport.close()
