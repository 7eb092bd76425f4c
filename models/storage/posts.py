"""POSTs over aiohttp's open connections, without what its session does around each of them.

That takes twice as long as the exchange itself, because URL, headers, cookies and time-outs are prepared anew.
Here the request's bytes are written to an open connection, and an answer that comes in one piece is taken apart;
aiohttp's parser reads all others. aiohttp opens the connections, with its time-outs, TLS and proxies, and sends
what finds none open.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD
from yarl import URL

from models.storage.json_calls import request_of

_Answer = tuple[int, Mapping[str, str], bytes]
_INTERIM = frozenset(range(100, 200)) - {101}
# Of answers whose body is as long as they say.
_STATUS = re.compile(r"HTTP/1\.1 ([245]\d\d) ")


class Posts:
    """Sends POSTs to the root of one endpoint.

    Args:
        session: aiohttp's session.
        url: the endpoint.
        proxy: the URL of a proxy, with its user and password if it wants them; None without one.
    """

    def __init__(self, session: aiohttp.ClientSession, url: URL, proxy: str | None = None) -> None:
        self._session = session
        self._url = url
        self._proxy = proxy
        self._connector: Any = session.connector
        # With a proxy, aiohttp keeps its connections under another key, and this one never leads to any.
        self._key = aiohttp.ClientRequest("POST", url).connection_key

    async def send(self, headers: Mapping[str, str], body: bytes) -> _Answer:
        """Send a request and return the answer's status, headers and body, which is empty if it broke off.

        Raises:
            ClientError: there was no answer; what aiohttp raises.
        """
        connection: Any = await self._connector._get(self._key, [])  # noqa: SLF001 — it has no public name
        if connection is not None and connection.protocol.should_close:
            connection.close()  # the server has sent something unasked, which must not become an answer
            connection = None
        if connection is None:
            async with self._session.post(self._url, data=body, headers=headers, proxy=self._proxy) as response:
                return response.status, response.headers, await _whole(response)
        try:
            answer = await self._exchange(connection, request_of(headers, body))
        except BaseException:
            connection.close()
            raise
        connection.release()
        return answer

    async def _exchange(self, connection: Any, request: bytes) -> _Answer:
        protocol = connection.protocol
        _Pieces(protocol, self._session.timeout.sock_read).listen()
        connection.transport.write(request)
        try:
            message, payload = await protocol.read()
            while message.code in _INTERIM:
                protocol.start_timeout()
                message, payload = await protocol.read()
        except HttpProcessingError as error:
            raise aiohttp.ClientPayloadError(error.message) from error
        body = message.body if isinstance(message, _Message) else await _whole(payload)
        return message.code, message.headers, body


@dataclass(frozen=True, slots=True)
class _Message:
    """An answer that came in one piece, as aiohttp's protocol takes it; its headers' names are in lower case."""

    code: int
    headers: Mapping[str, str]
    body: bytes
    should_close = False


class _Pieces:
    """Takes the place of aiohttp's parser, which needs twice as long, until a piece comes that is no whole answer.

    Args:
        protocol: aiohttp's, of a connection.
        seconds: the longest time in which nothing comes.
    """

    def __init__(self, protocol: Any, seconds: float | None) -> None:
        self._protocol = protocol
        self._seconds = seconds

    def listen(self) -> None:
        """Wait for the first piece, which ends the time; aiohttp's parser sets it anew for further ones."""
        protocol = self._protocol
        protocol._parser = self  # noqa: SLF001 — it has no public name
        protocol.read_timeout = self._seconds
        protocol.start_timeout()
        protocol.read_timeout = None

    def feed_data(self, piece: bytes) -> Any:
        """Return the messages that a piece completes, whether other protocols follow, and what is left of it."""
        if (message := _message(piece)) is not None:
            return [(message, EMPTY_PAYLOAD)], False, b""
        protocol = self._protocol
        protocol.set_response_params(read_timeout=self._seconds, read_until_eof=True, auto_decompress=False)
        protocol.start_timeout()
        return protocol._parser.feed_data(piece)  # noqa: SLF001

    def feed_eof(self) -> None:
        """Note that nothing more comes."""


def _message(piece: bytes) -> _Message | None:
    """Return the answer that a piece is; None unless it is one of known length, after which others may come."""
    head, _, body = piece.partition(b"\r\n\r\n")
    status, *lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    try:
        headers = {name.lower(): value.strip(" \t") for name, value in (line.split(":", 1) for line in lines)}
    except ValueError:
        return None
    is_plain = (
        len(headers) == len(lines)
        and headers.get("content-length") == str(len(body))
        and "transfer-encoding" not in headers
        and headers.get("connection", "keep-alive") == "keep-alive"
    )
    found = _STATUS.match(status) if is_plain else None
    return None if found is None else _Message(int(found[1]), headers, body)


async def _whole(answer: aiohttp.ClientResponse | aiohttp.StreamReader) -> bytes:
    """Return an answer's body; nothing of one that broke off, so that it cannot be read as an answer."""
    try:
        return await answer.read()
    except aiohttp.ClientPayloadError:
        return b""
