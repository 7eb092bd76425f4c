"""POSTs over botocore's pool: on connections that are open, and otherwise as botocore sends them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session

from models.storage.posts_blocking import BlockingPosts

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Amz-Sum: 1\r\n\r\n{}"
HEADERS = {"Host": "unit", "X-Amz-Target": "Unit.Ask"}


@dataclass(slots=True)
class Server:
    """A server that answers with what a test tells it, in the given parts; an empty part closes the connection."""

    answers: list[list[bytes]]
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    asked: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        received = b""
        while part := connection.recv(65_536):
            received += part
            if not received.endswith(b"body"):
                continue
            self.asked.append(received)
            received = b""
            for answer in self.answers.pop(0):
                if not answer:
                    return
                connection.sendall(answer)


@contextmanager
def served(*answers: bytes | list[bytes]) -> Iterator[tuple[Server, BlockingPosts]]:
    server = Server([one if isinstance(one, list) else [one] for one in answers])
    thread = threading.Thread(target=server.serve)
    thread.start()
    session = URLLib3Session(timeout=(1, 0.3))  # type: ignore[arg-type]  # urllib3 takes two
    posts = BlockingPosts(session, server.url)
    try:
        yield server, posts
    finally:
        posts._pool.close()
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        thread.join(5)


def ask(posts: BlockingPosts) -> tuple[int, Any, bytes]:
    return posts.send(HEADERS, b"body")


def test_the_first_opens_a_connection_and_the_others_use_it() -> None:
    with served(OK, OK, OK) as (server, posts):
        for _ in range(3):
            status, headers, body = ask(posts)
            assert (status, headers["x-amz-sum"], body) == (200, "1", b"{}")
        assert server.connections == 1
        for asked in server.asked:
            head, _, body = asked.partition(b"\r\n\r\n")
            assert head.startswith(b"POST / HTTP/1.1\r\n")
            assert {b"Host: unit", b"X-Amz-Target: Unit.Ask", b"Content-Length: 4"} <= set(head.split(b"\r\n"))
            assert body == b"body"


def test_an_answer_may_come_in_parts() -> None:
    long = b"x" * 200_000
    head = b"HTTP/1.1 400 Bad\r\nContent-Length: 200000\r\n"
    with served(OK, [head[:20], head[20:], b"\r\n" + long[:10], long[10:]], OK) as (server, posts):
        ask(posts)
        status, _, body = ask(posts)
        assert (status, body) == (400, long)
        assert ask(posts)[0] == 200
        assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        OK.replace(b"1.1", b"1.0"),
    ],
)
def test_what_is_out_of_the_ordinary_is_read_by_http_client(answer: bytes) -> None:
    with served(OK, [answer[:30], answer[30:]], OK) as (server, posts):
        ask(posts)
        status, _, body = ask(posts)
        assert (status, body) == (200, b"{}")
        assert ask(posts)[0] == 200
        assert server.connections == 2


def test_a_connection_that_the_server_wants_closed_is_not_used_again() -> None:
    with served(OK, OK.replace(b"X-Amz-Sum: 1", b"Connection: Close"), OK) as (server, posts):
        assert [ask(posts)[0] for _ in range(3)] == [200, 200, 200]
        assert server.connections == 2


def test_a_connection_that_was_closed_meanwhile_is_opened_anew() -> None:
    with served([OK, b""], OK) as (server, posts):
        ask(posts)
        while (connection := posts._open_connection()) is not None:
            posts._pool._put_conn(connection)
        assert ask(posts)[0] == 200
        assert server.connections == 2


@pytest.mark.parametrize("at", [1, 20, len(OK) - 3, len(OK) - 1])
def test_an_answer_may_come_in_two_parts(at: int) -> None:
    with served(OK, [OK[:at], OK[at:]], OK) as (server, posts):
        assert [ask(posts)[2] for _ in range(3)] == [b"{}"] * 3
        assert server.connections == 1


def test_an_error_of_the_service_leaves_the_connection_open() -> None:
    failure = b"HTTP/1.1 500 Sorry\r\nContent-Length: 0\r\n\r\n"
    with served(OK, failure, OK) as (server, posts):
        assert [ask(posts)[0] for _ in range(3)] == [200, 500, 200]
        assert server.connections == 1


@pytest.mark.parametrize("answer", [[b""], [b"no HTTP\r\n\r\n", b""], [b"x" * 140_000]])
def test_a_lost_answer_is_an_error_of_botocores(answer: list[bytes]) -> None:
    with served(OK, answer, OK) as (_, posts):
        ask(posts)
        with pytest.raises(ConnectionClosedError):
            ask(posts)
        assert ask(posts)[0] == 200


@pytest.mark.parametrize(("answer", "body"), [([OK[:-1], b""], OK[-2:-1]), ([OK + b"more"], OK[-2:])])
def test_of_an_answer_that_broke_off_or_went_on_the_connection_is_not_used_again(
    answer: list[bytes], body: bytes
) -> None:
    with served(OK, answer, OK) as (server, posts):
        ask(posts)
        assert ask(posts)[2] == body
        assert ask(posts)[0] == 200
        assert server.connections == 2


def test_whoever_waits_too_long_is_told_so() -> None:
    with served(OK, [OK[:10]], OK) as (server, posts):
        ask(posts)
        with pytest.raises(ReadTimeoutError):
            ask(posts)
        assert ask(posts)[2] == b"{}"
        # An answer that comes too late can be nobody else's.
        assert server.connections == 2


def test_more_than_the_pool_has_are_sent_all_the_same() -> None:
    with served(OK, OK) as (server, posts):
        taken = [posts._pool.pool.get(block=False) for _ in range(10)]
        assert ask(posts)[0] == 200
        for connection in taken:
            posts._pool._put_conn(connection)
        assert server.connections == 1


def test_a_proxy_is_left_to_botocore() -> None:
    with served(OK, OK) as (proxy, _):
        session = URLLib3Session(proxies={"http": proxy.url}, timeout=1)
        posts = BlockingPosts(session, "http://dynamodb.example")
        assert [ask(posts)[0], ask(posts)[0]] == [200, 200]
        for manager in vars(session)["_proxy_managers"].values():
            manager.clear()
        assert all(asked.startswith(b"POST http://dynamodb.example") for asked in proxy.asked)


def test_where_nobody_listens_is_an_error_of_botocores() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(EndpointConnectionError):
        ask(BlockingPosts(URLLib3Session(timeout=1), url))
