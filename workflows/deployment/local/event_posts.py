"""The HTTP by which the local cloud posts events to the functions' host, and no more than that.

A general server does for each request what no workflow ever needs. Here a request is a POST with a length to one
path, and each has a connection of its own, as MiniStack opens one for each; anything else is refused.
"""

import socket
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

_LONGEST_HEAD = 65_536
_PART = 65_536
_MOST_DIGITS = 9  # of a length; `int` raises an error for thousands of digits
# For all of a request, and for all of an answer.
_SECONDS = 10.0
_END_OF_HEAD = b"\r\n\r\n"


class EventPost(NamedTuple):
    """An event that was posted: the request's headers, by their names in lower case, and its body."""

    headers: Mapping[str, str]
    body: bytes


class PostRefusedError(Exception):
    """A request posts no event, or one that is too large.

    Attributes:
        status: of the answer.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


def read_post(connection: socket.socket, path: str, most_bytes: int) -> EventPost:
    """Read the request of a connection.

    Args:
        connection: the connection.
        path: the only path that there is.
        most_bytes: of an event.

    Raises:
        PostRefusedError: the request posts no event, or one that is too large.
        OSError: the client has left, or does not send the rest in time.
    """
    until = time.monotonic() + _SECONDS
    received = b""
    while (end := received.find(_END_OF_HEAD)) < 0:
        if len(received) > _LONGEST_HEAD:
            raise ConnectionAbortedError
        received += _next_part(connection, until)
    first, *lines = received[:end].decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    declared = headers.get("content-length", "")
    if first != f"POST {path} HTTP/1.1" or not declared.isdecimal():
        raise PostRefusedError(_refusal(first, path))
    if len(declared) > _MOST_DIGITS or (length := int(declared)) > most_bytes:
        raise PostRefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    parts = [received[end + len(_END_OF_HEAD) :]]
    missing = length - len(parts[0])
    while missing > 0:
        parts.append(_next_part(connection, until))
        missing -= len(parts[-1])
    return EventPost(headers, b"".join(parts)[:length])


def send_answer(connection: socket.socket, status: int, body: bytes) -> None:
    """Send the answer to an event; nothing is sent after it.

    Raises:
        OSError: the client has left, or does not read in time.
    """
    connection.settimeout(_SECONDS)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    connection.sendall(head.encode("latin-1") + body)


def _next_part(connection: socket.socket, until: float) -> bytes:
    if (left := until - time.monotonic()) <= 0:
        raise TimeoutError
    connection.settimeout(left)
    if not (part := connection.recv(_PART)):
        raise ConnectionResetError
    return part


def _refusal(first: str, path: str) -> HTTPStatus:
    """Return the status for a request that is no event, by its first line."""
    match first.split(" "):
        case [_, other, spoken] if spoken.startswith("HTTP/") and other != path:
            return HTTPStatus.NOT_FOUND
        case [method, _, "HTTP/1.1"]:
            return HTTPStatus.METHOD_NOT_ALLOWED if method != "POST" else HTTPStatus.LENGTH_REQUIRED
    return HTTPStatus.BAD_REQUEST
