"""A server that opens sockets and does nothing with them: the least memory that a socket takes under uvicorn.

`python -m tests.benchmarks.bare PORT`, with the settings that our own server has.
"""

import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from tests.integration.conftest import free_port
from tests.security.measuring import Target

_START_SECONDS = 20.0


async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    """Accept a socket, and wait until it is closed."""
    if scope["type"] != "websocket":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        return
    await receive()
    await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][0]})
    while (await receive())["type"] != "websocket.disconnect":
        pass


@contextmanager
def bare_server() -> Iterator[Target]:
    """Run it in a process of its own."""
    port = free_port()
    with subprocess.Popen([sys.executable, "-m", __name__, str(port)]) as process:  # noqa: S603 — our own
        try:
            target = Target(f"http://127.0.0.1:{port}", process.pid, Path())
            _wait_for(target)
            yield target
        finally:
            process.terminate()


def _wait_for(target: Target) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            httpx.get(target.url)
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        lifespan="off",
        access_log=False,
        log_config=None,
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=1,
    )
