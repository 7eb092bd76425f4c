"""What goes over the wire, written by hand: raw bytes, HTTP requests, handshakes and frames of sockets."""

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson

from tests.security.measuring import Target

TRANSPORT_WS = "graphql-transport-ws"
APPSYNC = "graphql-ws"
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0

_LARGEST_READ = 1 << 20
_SHORT, _LONG = 126, 1 << 16


class Wire:
    """A TCP connection to the server, which sends exactly what it is given."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> bool:
        """Send bytes; return whether the server still takes them."""
        try:
            self.writer.write(data)
            await self.writer.drain()
        except OSError:
            return False
        return True

    async def until(self, end: bytes, *, within: float) -> bytes:
        """Return what comes up to and including `end`, or until the server closes or time is up."""
        received = b""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(within):
                while end not in received and (part := await self.reader.read(_LARGEST_READ)):
                    received += part
        return received

    async def rest(self, *, within: float) -> bytes:
        """Return all that comes until the server closes the connection, or time is up."""
        received = b""
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(within):
                while part := await self.reader.read(_LARGEST_READ):
                    received += part
        return received

    async def is_closed(self, *, within: float) -> bool:
        """Return whether the server closes the connection in time; what it sends before is discarded."""
        try:
            async with asyncio.timeout(within):
                while await self.reader.read(_LARGEST_READ):
                    pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True


@asynccontextmanager
async def connected(target: Target, *, source: str = "127.0.0.1", limit: int = 1 << 16) -> AsyncIterator[Wire]:
    """Open a TCP connection.

    Args:
        target: the server.
        source: the loopback address that the client has, such as 127.0.0.2.
        limit: how many bytes are read ahead, about.
    """
    host, port = target.address
    reader, writer = await asyncio.open_connection(host, port, local_addr=(source, 0), limit=limit)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def exchange(target: Target, data: bytes, *, within: float = 30, source: str = "127.0.0.1") -> bytes:
    """Send bytes on a connection of their own; return what comes until the server closes it or time is up."""
    async with connected(target, source=source) as wire:
        receiving = asyncio.create_task(wire.rest(within=within))
        await wire.send(data)
        return await receiving


def request(target: Target, body: bytes, headers: Mapping[str, str], *, path: str = "/graphql") -> bytes:
    """Return a POST request with a JSON body, after which the server closes the connection."""
    host, port = target.address
    every = {
        "Host": f"{host}:{port}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in every.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body


def operation(query: str, variables: Mapping[str, Any] | None = None) -> bytes:
    """Return a GraphQL request's JSON."""
    return orjson.dumps({"query": query, "variables": variables or {}})


def handshake(target: Target, protocol: str = TRANSPORT_WS, path: str = "/graphql", *more: str) -> bytes:
    """Return a socket's handshake, with further header lines."""
    host, port = target.address
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host}:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {protocol}",
        *more,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def frame(
    payload: bytes | Mapping[str, Any], opcode: int = TEXT, *, fin: bool = True, masked: bool = True
) -> bytes:
    """Return a frame of a client; a mapping is sent as JSON."""
    content = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    first, bit = opcode | (0x80 if fin else 0), 0x80 if masked else 0
    if len(content) < _SHORT:
        head = bytes([first, bit | len(content)])
    elif len(content) < _LONG:
        head = bytes([first, bit | _SHORT]) + struct.pack("!H", len(content))
    else:
        head = bytes([first, bit | 127]) + struct.pack("!Q", len(content))
    # A mask of zeros is valid and leaves the payload as it is.
    return head + (bytes(4) if masked else b"") + content


@asynccontextmanager
async def upgraded(
    target: Target, protocol: str = TRANSPORT_WS, path: str = "/graphql", *, source: str = "127.0.0.1"
) -> AsyncIterator[Wire]:
    """Open a socket that sends nothing by itself, not even pongs."""
    async with connected(target, source=source) as wire:
        await wire.send(handshake(target, protocol, path))
        answer = await wire.until(b"\r\n\r\n", within=10)
        assert answer.startswith(b"HTTP/1.1 101"), answer
        yield wire


@asynccontextmanager
async def signed_in(target: Target, name: str, *groups: str) -> AsyncIterator[Wire]:
    """Open a member's socket for graphql-transport-ws, acknowledged."""
    async with upgraded(target) as wire:
        payload = {"Authorization": target.token(name, *groups)}
        await wire.send(frame({"type": "connection_init", "payload": payload}))
        assert b"connection_ack" in await wire.until(b"}", within=10)
        yield wire
