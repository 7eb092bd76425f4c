"""A front of DynamoDB Local, which counts all rows of a table whenever it describes it: here it does so once."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp import web

from tests.integration.conftest import free_port

_FORWARDED = ("Authorization", "Content-Type", "X-Amz-Date", "X-Amz-Target")
_RETURNED = ("Content-Type", "x-amz-crc32", "x-amzn-RequestId")
_LARGEST = 17_000_000


class _Front:
    """Forwards calls.

    Args:
        endpoint: where to.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._described: dict[bytes, web.Response] = {}

    async def serve(self, port: int, ready: threading.Event, over: asyncio.Event) -> None:
        async with aiohttp.ClientSession() as self._http:
            app = web.Application(client_max_size=_LARGEST)
            app.router.add_post("/", self._answer)
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            ready.set()
            await over.wait()
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        if not request.headers["X-Amz-Target"].endswith(".DescribeTable"):
            return await self._forwarded(request, body)
        if body not in self._described:
            self._described[body] = await self._forwarded(request, body)
        known = self._described[body]
        return web.Response(body=known.body, status=known.status, headers={"Content-Type": known.content_type})

    async def _forwarded(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
        async with self._http.post(self._endpoint, data=body, headers=headers) as answer:
            returned = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
            return web.Response(body=await answer.read(), status=answer.status, headers=returned)


@contextmanager
def front_of(endpoint: str) -> Iterator[str]:
    """Run a front of an endpoint in a thread, and yield its own endpoint."""
    port, ready = free_port(), threading.Event()
    loop, over = asyncio.new_event_loop(), asyncio.Event()
    serving = _Front(endpoint).serve(port, ready, over)
    thread = threading.Thread(target=loop.run_until_complete, args=(serving,))
    thread.start()
    ready.wait()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
