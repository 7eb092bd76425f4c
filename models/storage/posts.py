"""POSTs over aiohttp's open connections, without what its session does around each of them.

That takes twice as long as the exchange itself, because URL, headers, cookies and time-outs are prepared anew.
Here the request's bytes are written to an open connection, and aiohttp's parser reads the answer. aiohttp opens
the connections, with its time-outs, TLS and proxies, and sends what finds none open.
"""

from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from models.storage.json_calls import request_of

_Answer = tuple[int, Mapping[str, str], bytes]
_INTERIM = frozenset(range(100, 200)) - {101}


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
        protocol, seconds = connection.protocol, self._session.timeout.sock_read
        protocol.set_response_params(read_timeout=seconds, read_until_eof=True, auto_decompress=False)
        connection.transport.write(request)
        protocol.start_timeout()
        try:
            message, payload = await protocol.read()
            while message.code in _INTERIM:
                protocol.start_timeout()
                message, payload = await protocol.read()
        except HttpProcessingError as error:
            raise aiohttp.ClientPayloadError(error.message) from error
        return message.code, message.headers, await _whole(payload)


async def _whole(answer: aiohttp.ClientResponse | aiohttp.StreamReader) -> bytes:
    """Return an answer's body; nothing of one that broke off, so that it cannot be read as an answer."""
    try:
        return await answer.read()
    except aiohttp.ClientPayloadError:
        return b""
