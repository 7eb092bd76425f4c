"""An AWS that answers as a test tells it, and all of our ways to call it."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from models.storage import calls
from models.storage.async_calls import AsyncCalls
from models.storage.calls import BlockingCalls, drive


def http(status: int, body: Any, *headers: str, length: int | None = None) -> bytes:
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = len(sent) if length is None else length
    lines = [
        f"HTTP/1.1 {status} x",
        f"Content-Length: {size}",
        "Content-Type: application/x-amz-json-1.0",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + sent


@dataclass(slots=True)
class Aws:
    """An AWS that answers with what a test tells it, one answer after another; None closes the connection."""

    answers: list[bytes | None]
    asked: list[bytes] = field(default_factory=list)
    breaks_off: bool = False  # behind the next answer
    pauses: list[float] = field(default_factory=list)  # of the caller, between its tries

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length")
                )
                self.asked.append(head + await reader.readexactly(length))
                answer = self.answers.pop(0)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if self.breaks_off:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


# In an event loop and in threads, each directly and by the SDK alone.
WAYS = ("direct", "aiobotocore", "blocking", "botocore")
ROWS = "dynamodb"
Call = Callable[..., Coroutine[Any, Any, Any]]


@asynccontextmanager
async def calls_to(
    monkeypatch: pytest.MonkeyPatch, way: str, *answers: bytes | None, service: str = ROWS
) -> AsyncIterator[tuple[Aws, Call]]:
    aws = Aws(list(answers))
    server = await asyncio.start_server(aws.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "unit")
    monkeypatch.setattr(asyncio, "sleep", no_pause(asyncio.sleep, aws.pauses))
    monkeypatch.setattr(time, "sleep", no_pause_of_a_call(time.sleep, aws.pauses))
    monkeypatch.setitem(calls.TIMES, "read_timeout", 0.5)
    async with calling(way, service) as call:
        yield aws, call
    server.close()


@asynccontextmanager
async def calling(way: str, service: str = ROWS) -> AsyncIterator[Call]:
    if way in ("direct", "aiobotocore"):
        async with AsyncCalls([service]) as waiting:
            if way == "aiobotocore":
                waiting._direct.clear()
            yield waiting.call
    else:
        blocking = BlockingCalls()
        blocking._client(service)
        if way == "botocore":
            blocking._direct.clear()

        async def call(of: str, operation: str, **params: Any) -> Any:
            return await asyncio.to_thread(lambda: drive(blocking.call(of, operation, **params)))

        yield call
        for client in blocking._clients.values():
            client.close()


def no_pause(sleep: Callable[[float], Any], pauses: list[float]) -> Callable[[float], Any]:
    """Return what notes how long somebody would sleep instead of sleeping."""

    def noted(seconds: float) -> Any:
        if seconds:
            pauses.append(seconds)
        return sleep(0)

    return noted


def no_pause_of_a_call(sleep: Callable[[float], None], pauses: list[float]) -> Callable[[float], None]:
    """Return the same for threads that begin later, as those of calls do; MiniStack's own sleeps as ever."""
    others = set(threading.enumerate())

    def noted(seconds: float) -> None:
        if threading.current_thread() in others:
            sleep(seconds)
        else:
            pauses.append(seconds)

    return noted
