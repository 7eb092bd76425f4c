"""POSTs over the open connections of botocore's pool, without what urllib3 and http.client do around each of them.

They take ten times as long as the exchange itself, because they read headers as those of an e-mail. Here only
bytes are exchanged: botocore opens the connections, with its time-outs, TLS and proxies, and whatever is out of
the ordinary is left to it or to http.client.
"""

import io
import socket
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from queue import Empty
from typing import Any, cast

from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from urllib3.util.connection import is_connection_dropped

from models.storage.json_calls import request_of

_ANSWER = tuple[int, Mapping[str, str], bytes]
_PART = 65_536
_LONGEST_HEAD = 65_536


class BlockingPosts:
    """Sends POSTs to the root of one endpoint. Threads may share it.

    Args:
        session: botocore's HTTP session.
        url: the endpoint.
    """

    def __init__(self, session: Any, url: str) -> None:
        self._session = session
        self._url = url
        # With a proxy, botocore keeps its connections in another pool, and this one stays empty.
        self._pool: Any = session._get_connection_manager(url).connection_from_url(url)  # noqa: SLF001 — it has no public name

    def send(self, headers: Mapping[str, str], body: bytes) -> _ANSWER:
        """Send a request and return the answer's status, headers and body; the names of headers are in lower case.

        Raises:
            HTTPClientError: there was no answer; what botocore raises.
        """
        connection = self._open_connection()
        if connection is None:
            request = AWSPreparedRequest("POST", self._url, cast("Any", headers), body, stream_output=False)
            answer = self._session.send(request)
            return (
                answer.status_code,
                {name.lower(): value for name, value in answer.headers.items()},
                answer.content,
            )
        is_kept = False
        try:
            connection.sock.sendall(request_of(headers, body))
            status, received, content = _read(connection.sock)
            is_kept = received.get("connection", "").lower() != "close"
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=self._url) from error
        except (OSError, HTTPException) as error:
            raise ConnectionClosedError(endpoint_url=self._url) from error
        finally:
            if not is_kept:
                connection.close()
            self._pool._put_conn(connection)  # noqa: SLF001
        return status, received, content

    def _open_connection(self) -> Any:
        """Take an open connection out of the pool, and return it; None if the pool has no open one."""
        try:
            connection = self._pool.pool.get(block=False)
        except Empty:
            return None
        if connection is None or is_connection_dropped(connection):
            self._pool._put_conn(connection)  # noqa: SLF001
            return None
        return connection


def _read(connection: socket.socket) -> _ANSWER:
    """Read an answer.

    Raises:
        HTTPException: what came is no answer in HTTP.
        ConnectionError: the connection was closed before the head of an answer had come.
    """
    received = b""
    while (end := received.find(b"\r\n\r\n")) < 0:
        if not (part := connection.recv(_PART)) or len(received) > _LONGEST_HEAD:
            raise ConnectionError("the connection was closed before the answer came")
        received += part
    first, *lines = received[:end].decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    length = headers.get("content-length", "")
    if not (first.startswith(("HTTP/1.1 2", "HTTP/1.1 4", "HTTP/1.1 5")) and length.isdecimal()):
        return _read_by_http_client(received, connection)
    body = received[end + 4 :]
    parts = [body]
    missing = int(length) - len(body)
    while missing > 0 and (part := connection.recv(_PART)):
        parts.append(part)
        missing -= len(part)
    if missing:  # it broke off, or there is more than it says: nothing else can be read from this connection
        headers["connection"] = "close"
    return int(first[9:12]), headers, b"".join(parts)[: int(length)]


class _Begun(io.RawIOBase):
    """A connection of which some bytes have been read; they are read once more."""

    def __init__(self, received: bytes, connection: socket.socket) -> None:
        self._received = io.BytesIO(received)
        self._connection = connection

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer and return how many bytes; 0 at the end."""
        return self._received.readinto(buffer) or self._connection.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a buffered reader, as of a socket."""
        return io.BufferedReader(self)


def _read_by_http_client(received: bytes, connection: socket.socket) -> _ANSWER:
    """Read an answer whose beginning was received, of any kind that there is."""
    answer = HTTPResponse(cast("socket.socket", _Begun(received, connection)))
    answer.begin()
    body = answer.read()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return answer.status, {**headers, "connection": "close"}, body
