"""An AWS between a server and its local cloud, which fails as a test tells it: a proxy in a thread of its own."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from enum import StrEnum
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from tests.integration.conftest import free_port

_CHUNK = 256 * 1024


class Mode(StrEnum):
    """What it does to each request."""

    ANSWERS = "passes it on"
    SILENT = "takes it, and passes it on only when it answers again"
    REFUSED = "accepts no connection"
    RESET = "resets the connection"
    ERRORS = "answers 500 in DynamoDB's own form"
    GATEWAY = "answers 503 with a page, as a proxy does"
    GARBAGE = "answers 200 with what is no JSON"
    EMPTY = "answers 200 with nothing"
    NOISE = "answers what is no HTTP"
    HALF = "answers half, and closes the connection"
    TRICKLE = "answers half, and nothing more"
    THROTTLED = "answers that it has no capacity"
    DEAF = "carries transactions out and loses their answers"


FAILURES = [mode for mode in Mode if mode not in {Mode.ANSWERS, Mode.DEAF}]


def _http(status: str, body: bytes, *, length: int | None = None) -> bytes:
    sent = len(body) if length is None else length
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {sent}\r\n\r\n".encode()
        + body
    )


_ANSWERS = {
    Mode.ERRORS: _http("500 Internal Server Error", b'{"__type":"x#InternalServerError","message":"x"}'),
    Mode.GATEWAY: _http("503 Service Unavailable", b"<html>Service Unavailable</html>"),
    Mode.GARBAGE: _http("200 OK", b"<html>Sign in to this network</html>"),
    Mode.EMPTY: _http("200 OK", b""),
    Mode.NOISE: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n",
    Mode.HALF: _http("200 OK", b'{"Item": {"id', length=500),
    Mode.TRICKLE: _http("200 OK", b'{"Item": {"id', length=500),
    Mode.THROTTLED: _http("400 Bad Request", b'{"__type":"x#ThrottlingException","message":"x"}'),
}


class FlakyAws:
    """The proxy, a context.

    Args:
        endpoint: the local cloud's.
    """

    def __init__(self, endpoint: str) -> None:
        there = urlsplit(endpoint)
        self._there = (there.hostname or "", there.port or 0)
        self._port = free_port()
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self.mode = Mode.ANSWERS
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passed: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._listen)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self._run(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        asyncio.run_coroutine_threadsafe(work(), self._loop).result(10)

    async def _end(self) -> None:
        await self._close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in self._passed:
            writer.transport.abort()
        await asyncio.sleep(0.1)

    def turn(self, mode: Mode) -> None:
        """Change what happens to requests from now on; connections that are open feel it, too."""

        async def turn() -> None:
            self.mode = mode
            if mode is Mode.REFUSED:
                await self._close()
            elif self._server is None:
                await self._listen()
            if mode is Mode.RESET:
                self._abort()
            self._changed.set()
            self._changed = asyncio.Event()

        self._run(turn)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=_CHUNK)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self._abort()

    def _abort(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        passed: asyncio.StreamWriter | None = None
        back: asyncio.Task[None] | None = None
        try:
            while request := await reader.read(_CHUNK):
                while self.mode is Mode.SILENT:
                    await self._changed.wait()
                if self.mode in {Mode.ANSWERS, Mode.DEAF}:
                    if passed is None:
                        there, passed = await asyncio.open_connection(*self._there, limit=_CHUNK)
                        self._passed.add(passed)
                        back = asyncio.create_task(self._answer(there, writer))
                    if self.mode is Mode.DEAF and back is not None and b"TransactWriteItems" in request:
                        back.cancel()  # it is done, and nobody hears of it
                    passed.write(request)
                    await passed.drain()
                elif self.mode in {Mode.RESET, Mode.REFUSED}:
                    writer.transport.abort()
                else:
                    writer.write(_ANSWERS[self.mode])
                    await writer.drain()
                    if self.mode in {Mode.HALF, Mode.NOISE}:
                        return
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()
            if passed is not None:
                passed.write_eof()  # what was late is carried out all the same

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while answer := await reader.read(_CHUNK):
                while self.mode is Mode.SILENT:
                    await self._changed.wait()
                writer.write(answer)
                await writer.drain()
        writer.close()
