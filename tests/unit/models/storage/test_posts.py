"""POSTs over aiohttp's pool: on connections that are open, and otherwise as aiohttp sends them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from yarl import URL

from models.storage.posts import Posts

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Amz-Sum: 1\r\n\r\n{}"
HEADERS = {"Host": "unit", "X-Amz-Target": "Unit.Ask"}
CLOSE = b""  # closes the connection
SILENCE = b"-"  # nothing more comes


@dataclass(slots=True)
class Server:
    """A server that answers with what a test tells it, in the given parts."""

    answers: list[list[bytes]]
    asked: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while True:
                self.asked.append(await reader.readuntil(b"body"))
                for part in self.answers.pop(0):
                    if part == SILENCE:
                        await asyncio.sleep(60)
                    if part == CLOSE:
                        return
                    writer.write(part)
                    await asyncio.sleep(0.01)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def served(*answers: bytes | list[bytes], proxy: bool = False) -> AsyncIterator[tuple[Server, Posts]]:
    """Run a server whose first answer has opened a connection already."""
    server = Server([[OK], *(one if isinstance(one, list) else [one] for one in answers)])
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
    timeout = aiohttp.ClientTimeout(sock_connect=1, sock_read=0.2)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        posts = Posts(session, URL("http://dynamodb.example/"), url) if proxy else Posts(session, URL(url))
        assert await ask(posts) == (200, "1", b"{}")
        yield server, posts
    listener.close()


async def ask(posts: Posts) -> tuple[int, str | None, bytes]:
    status, headers, body = await posts.send(HEADERS, b"body")
    assert isinstance(headers, Mapping)
    return status, headers.get("x-amz-sum"), body


async def test_the_first_opens_a_connection_and_the_others_use_it() -> None:
    async with served(OK, OK) as (server, posts):
        for _ in range(2):
            assert await ask(posts) == (200, "1", b"{}")
    assert len(server.writers) == 1
    assert server.asked[1] == server.asked[2]
    assert server.asked[2] == (
        b"POST / HTTP/1.1\r\nHost: unit\r\nX-Amz-Target: Unit.Ask\r\nContent-Length: 4\r\n\r\nbody"
    )


@pytest.mark.parametrize("at", [1, 20, len(OK) - 3, len(OK) - 1])
async def test_an_answer_may_come_in_parts(at: int) -> None:
    async with served([OK[:at], OK[at:]], OK) as (server, posts):
        for _ in range(2):
            assert await ask(posts) == (200, "1", b"{}")
    assert len(server.writers) == 1


@pytest.mark.parametrize(
    "answer",
    [
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Amz-Sum: 1\r\n\r\n2\r\n{}\r\n0\r\n\r\n"],
        [b"HTTP/1.1 100 Continue\r\n\r\n" + OK],
        [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n", OK],
        [b"HTTP/1.1 200 OK\r\nX-Amz-Sum: 1\r\n\r\n{}", CLOSE],
        [b"HTTP/1.0 200 OK\r\nX-Amz-Sum: 1\r\n\r\n{", b"}", CLOSE],
    ],
)
async def test_whatever_http_allows_is_an_answer(answer: list[bytes]) -> None:
    async with served(answer, OK) as (_, posts):
        for _ in range(2):
            assert await ask(posts) == (200, "1", b"{}")


@pytest.mark.parametrize("status", [204, 400, 500])
async def test_a_refusal_is_an_answer(status: int) -> None:
    async with served(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status) as (_, posts):
        assert await ask(posts) == (status, None, b"")


async def test_a_connection_that_the_server_wants_closed_is_not_used_again() -> None:
    closing = OK.replace(b"X-Amz", b"Connection: close\r\nX-Amz")
    async with served(closing, OK) as (server, posts):
        for _ in range(2):
            assert await ask(posts) == (200, "1", b"{}")
        assert len(server.writers) == 2


async def test_a_connection_that_was_closed_meanwhile_is_opened_anew() -> None:
    async with served(OK) as (server, posts):
        server.writers[0].close()
        await asyncio.sleep(0.02)
        assert await ask(posts) == (200, "1", b"{}")
        assert len(server.writers) == 2


@pytest.mark.parametrize(
    "answer",
    [[CLOSE], [SILENCE], [b"HTTP/1.1 2", CLOSE], [b"no HTTP\r\n\r\n"], [b"HTTP/1.1 200 OK\r\nX", SILENCE]],
)
async def test_a_lost_answer_is_an_error_of_aiohttps(answer: list[bytes]) -> None:
    async with served(answer, OK) as (server, posts):
        with pytest.raises(aiohttp.ClientError):
            await ask(posts)
        assert await ask(posts) == (200, "1", b"{}")
        assert len(server.writers) == 2


async def test_an_answer_that_broke_off_is_none_and_the_connection_is_not_used_again() -> None:
    async with served([OK[:-1], CLOSE], OK) as (server, posts):
        assert await ask(posts) == (200, "1", b"")
        assert await ask(posts) == (200, "1", b"{}")
        assert len(server.writers) == 2


async def test_whoever_leaves_takes_the_connection_along() -> None:
    async with served([SILENCE], OK) as (server, posts):
        asking = asyncio.create_task(ask(posts))
        await asyncio.sleep(0.05)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await ask(posts) == (200, "1", b"{}")
        assert len(server.writers) == 2


async def test_nothing_is_unpacked_that_nobody_asked_to_be_packed() -> None:
    packed = OK.replace(b"X-Amz", b"Content-Encoding: gzip\r\nX-Amz")
    async with served(packed) as (_, posts):
        assert await ask(posts) == (200, "1", b"{}")


async def test_what_comes_unasked_is_nobodys_answer() -> None:
    async with served(OK + OK, OK) as (_, posts):
        for _ in range(2):
            assert await ask(posts) == (200, "1", b"{}")


async def test_what_comes_unasked_and_late_is_nobodys_answer() -> None:
    async with served(OK) as (server, posts):
        server.writers[0].write(OK.replace(b"{}", b"[]"))
        await asyncio.sleep(0.05)
        assert await ask(posts) == (200, "1", b"{}")
        assert len(server.writers) == 2


async def test_an_interim_answer_and_then_nothing_is_an_error_of_aiohttps() -> None:
    async with served([b"HTTP/1.1 100 Continue\r\n\r\n", SILENCE]) as (_, posts):
        with pytest.raises(aiohttp.ClientError):
            await asyncio.wait_for(ask(posts), 2)


async def test_a_proxy_is_left_to_aiohttp() -> None:
    async with served(OK, proxy=True) as (server, posts):
        assert await ask(posts) == (200, "1", b"{}")
    for asked in server.asked:
        assert asked.startswith(b"POST http://dynamodb.example/ HTTP/1.1\r\n")


async def test_where_nobody_listens_is_an_error_of_aiohttps() -> None:
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await ask(Posts(session, URL("http://127.0.0.1:9/")))
