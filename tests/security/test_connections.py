"""Connections that never end, and floods of bytes before and beside a request: closed, and cheap to close."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.security.served import HEALTH, LARGE_BYTES, UPGRADE, Served, exchanged, serving, until

SHORT = {
    "header_seconds": 0.6,
    "body_seconds": 0.6,
    "idle_seconds": 0.6,
    "write_seconds": 0.8,
    "handshake_seconds": 0.6,
    "close_seconds": 0.4,
}
POST = b"POST /echo HTTP/1.1\r\nHost: server\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
MANY = 300


@pytest.fixture(scope="module")
def served(loop: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with the limits that are the default."""
    options = ["--uvloop"] if loop == "uvloop" else []
    with serving(tmp_path_factory.mktemp("served") / "log", *options, limits={"close_seconds": 0.4}) as running:
        yield running
        assert running.process.poll() is None
        assert "Traceback" not in running.log()


@pytest.fixture(scope="module")
def impatient(loop: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with deadlines that a test can wait for."""
    options = ["--uvloop"] if loop == "uvloop" else []
    with serving(tmp_path_factory.mktemp("impatient") / "log", *options, limits=SHORT) as running:
        yield running
        assert running.process.poll() is None
        assert "Traceback" not in running.log()


UNFINISHED = {
    "silent": (b"", b""),
    "one byte": (b"P", b"408"),
    "half a line": (b"POST /graphql HT", b"408"),
    "half a method": (b"OPTI", b"408"),
    "half of the headers": (b"POST /graphql HTTP/1.1\r\nHost: server\r\nAuthorization: ali", b"408"),
    "headers without their end": (b"GET /healthz HTTP/1.1\r\nHost: server\r\n", b"408"),
    "empty lines": (b"\r\n\r\n\r\n", b""),
    "no body": (POST + b"Authorization: alice\r\nContent-Length: 5\r\n\r\n", b"408"),
    "half a body": (
        (
            b"POST /graphql HTTP/1.1\r\nHost: server\r\nAuthorization: alice\r\nContent-Type: application/json\r\n"
            b'Content-Length: 99\r\n\r\n{"query": "{__ty'
        ),
        b"408",
    ),
    "half a chunk": (CHUNKED + b"5\r\nab", b"408"),
    "chunks without their end": (CHUNKED + b"1\r\na\r\n", b"408"),
    "half a trailer": (CHUNKED + b"1\r\na\r\n0\r\nX-Si", b"408"),
    "half a socket handshake": (UPGRADE, b"408"),
    "a request, and half of the next": (HEALTH + b"GET /heal", b"408"),
}


@pytest.mark.parametrize("kind", UNFINISHED)
def test_what_is_never_finished_is_ended(impatient: Served, kind: str) -> None:
    sent, status = UNFINISHED[kind]
    began = time.monotonic()
    received = impatient.exchange(sent)
    assert 0.3 < time.monotonic() - began < 3
    if status:
        head, _, body = received.rpartition(b"\r\n\r\n")
        assert head.rpartition(b"HTTP/1.1 ")[2].startswith(status)
        told = json.loads(body)
        assert told["errors"][0]["message"] == told["message"]
    else:
        assert received == b""


def test_who_trickles_is_not_given_more_time(impatient: Served) -> None:
    for sent in (b"GET /" + b"a" * 200, POST + b"Content-Length: 999\r\n\r\n" + b"a" * 200):
        with impatient.connect() as opened:
            opened.sendall(sent[:-200])
            ends = time.monotonic() + 3
            with pytest.raises(OSError, match=r"Broken pipe|reset"):
                _trickle(opened, ends)


def _trickle(opened: socket.socket, ends: float) -> None:
    while time.monotonic() < ends:
        opened.sendall(b"a")
        time.sleep(0.05)


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(impatient: Served) -> None:
    with impatient.connect() as opened:
        for _ in range(4):
            opened.sendall(HEALTH)
            until(opened, b"alive")
            time.sleep(0.2)
        opened.sendall(b"GET /slow HTTP/1.1\r\nHost: server\r\n\r\n")
        until(opened, b"slow")
        began = time.monotonic()
        assert opened.recv(1) == b""
        assert 0.3 < time.monotonic() - began < 3


@pytest.mark.parametrize("close", [b"", b"Connection: close\r\n"])
def test_an_answer_that_nobody_reads_is_thrown_away(impatient: Served, close: bytes, *, long: bool) -> None:
    impatient.healthy()
    descriptors, memory = impatient.descriptors(), impatient.memory()
    with ExitStack() as open_:
        rounds = 8 if long else 3
        for _ in range(rounds):
            for _ in range(10):
                opened = open_.enter_context(socket.socket())
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                opened.connect(("127.0.0.1", impatient.port))
                opened.sendall(b"GET /large HTTP/1.1\r\nHost: server\r\n" + close + b"\r\n")
            time.sleep(2.5)
            impatient.healthy()
            assert impatient.descriptors() < descriptors + 5
        # Of 10 large answers a round, the allocator keeps some of the memory for the next.
        assert impatient.memory() < memory + 20 * LARGE_BYTES + (rounds - 3) * 2 * LARGE_BYTES


def test_an_answer_that_is_read_slowly_arrives(impatient: Served) -> None:
    with impatient.connect() as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        opened.sendall(b"GET /large HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n")
        size, began = 0, time.monotonic()
        while data := opened.recv(40_000):
            size += len(data)
            time.sleep(0.012)
        assert size > LARGE_BYTES
        assert time.monotonic() - began > 1.2


def test_silent_connections_leave_nothing(impatient: Served) -> None:
    impatient.healthy()
    before = impatient.descriptors()
    with ExitStack() as open_:
        for _ in range(MANY):
            open_.enter_context(impatient.connect())
        assert impatient.healthy() < 1
        time.sleep(2)
        assert impatient.descriptors() < before + 5


MEGABYTE = 1_000_000
OVERSIZED = {
    "a line": ([b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n"], b"414"),
    "100 MB of a line": ([b"GET /", *[b"a" * MEGABYTE] * 100], b"414"),
    "a query": ([b"GET /graphql?query=" + b"%20" * 20_000 + b" HTTP/1.1\r\n\r\n"], b"414"),
    "a header": ([b"GET / HTTP/1.1\r\nX: " + b"a" * 33_000 + b"\r\n\r\n"], b"431"),
    "64 MB of a header": ([b"GET / HTTP/1.1\r\nX: ", *[b"a" * MEGABYTE] * 64], b"431"),
    "64 MB of a header's name": ([b"GET / HTTP/1.1\r\n", *[b"a" * MEGABYTE] * 64], b"431"),
    "129 headers": ([b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 129 + b"\r\n"], b"431"),
    "a million headers": ([b"GET / HTTP/1.1\r\n", *[b"a:\r\n" * 250_000] * 4], b"431"),
    "folded headers": ([b"GET / HTTP/1.1\r\nX: a\r\n", *[b" a\r\n" * 250_000] * 4], b"4"),
    "empty lines": ([b"\r\n" * MEGABYTE], b"431"),
    "headers of a second request": ([HEALTH + b"GET / HTTP/1.1\r\n", *[b"a:\r\n" * 250_000] * 4], b"431"),
    "a body in tiny chunks": ([CHUNKED, *[b"1\r\na\r\n" * 100_000] * 10], b"413"),
    "a chunk's extension": ([CHUNKED + b"1;a=", *[b"b" * MEGABYTE] * 64], b"413"),
    "a chunk's extensions": ([CHUNKED + b"1", *[b";a=b" * 250_000] * 20], b"413"),
    "leading zeros of a chunk": ([CHUNKED, *[b"0" * MEGABYTE] * 20], b"4"),
    "trailers": ([CHUNKED + b"0\r\n", *[b"a: b\r\n" * 100_000] * 10], b"431"),
    "a body": ([CHUNKED, *[b"f4240\r\n" + b"a" * MEGABYTE + b"\r\n"] * 100], b"413"),
    "a declared body": ([POST + b"Content-Length: 100000000\r\n\r\n", *[b"a" * MEGABYTE] * 100], b"413"),
    "a body that nobody asked for": (
        [b"GET /healthz HTTP/1.1\r\nContent-Length: 100000000\r\n\r\n", *[b"a" * MEGABYTE] * 100],
        b"200",
    ),
    "pipelined requests": ([b"GET /slow HTTP/1.1\r\n\r\n", *[HEALTH * 20_000] * 10], b"200"),
    "no HTTP": ([bytes(range(256)) * 4000, *[b"\0" * MEGABYTE] * 20], b"400"),
}


@pytest.mark.parametrize("kind", OVERSIZED)
def test_a_flood_of_bytes_costs_little(served: Served, kind: str) -> None:
    parts, status = OVERSIZED[kind]
    memory = served.memory()
    with served.attacked() as cost, served.connect() as opened:
        received = exchanged(opened, *parts)
    cost.check()
    assert served.memory() < memory + 12 * MEGABYTE
    # A client that goes on sending may be cut off before it reads why.
    if received:
        last = received[received.rindex(b"HTTP/1.1 ") + 9 :]
        assert received[9:12].startswith(status) or last.startswith(status), received[:300]


def test_why_it_is_refused_is_told(served: Served) -> None:
    for kind in ("a line", "a header", "129 headers"):
        parts, status = OVERSIZED[kind]
        head, _, body = served.exchange(*parts).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + status)
        assert b"content-type: application/json" in head
        assert b"connection: close" in head
        assert set(json.loads(body)) == {"message", "errors"}


def test_what_is_within_the_limits_is_answered(served: Served) -> None:
    answered = served.exchange(b"GET /healthz HTTP/1.1\r\nConnection: close\r\nX: " + b"a" * 32_000 + b"\r\n\r\n")
    assert answered.endswith(b"alive")
    many = b"".join(b"x-%d: y\r\n" % number for number in range(126))
    assert served.exchange(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n" + many + b"\r\n").endswith(b"alive")
    chunks = b"a\r\n0123456789\r\n" * 4000 + b"0\r\nX-Trailer: y\r\n\r\n"
    ending = b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert served.exchange(POST + ending, chunks).endswith(b"40000")
    with served.connect() as opened:
        opened.sendall(HEALTH * 40)
        received = b""
        while received.count(b"alive") < 40:
            received += opened.recv(65536)


def test_requests_that_are_sent_before_the_flood_are_answered(served: Served) -> None:
    received = served.exchange(b"GET /slow HTTP/1.1\r\n\r\n" + HEALTH * 2 + b"GET /" + b"a" * 40_000)
    assert [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"200", b"414"]


UPGRADES = {
    "a long line": (UPGRADE.replace(b"/graphql", b"/graphql?" + b"a" * 9000) + b"\r\n", b"414"),
    "a long header": (UPGRADE + b"X: " + b"a" * 9000 + b"\r\n\r\n", b"431"),
    "a body": (UPGRADE + b"Content-Length: 5\r\n\r\nhello", b"400"),
    "a long body": (UPGRADE + b"Content-Length: 500000\r\n\r\n" + b"a" * 500_000, b"400"),
    "a chunked body": (UPGRADE + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"400"),
    "many headers": (UPGRADE + b"a: b\r\n" * 125 + b"\r\n", b"431"),
    "a POST": (UPGRADE.replace(b"GET", b"POST") + b"\r\n", b"405"),
    "an unknown method": (UPGRADE.replace(b"GET", b"BREW") + b"\r\n", b"400"),
    "HTTP/1.0": (UPGRADE.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Connection: upgrade\r\n\r\n", b""),
    "no key": (UPGRADE.replace(b"-Key", b"-Kay") + b"\r\n", b"400"),
    "a bad key": (UPGRADE.replace(b"dGhl", b"####") + b"\r\n", b"400"),
    "an old version": (UPGRADE.replace(b"Version: 13", b"Version: 7") + b"\r\n", b"4"),
    "another path": (UPGRADE.replace(b"/graphql", b"/nowhere") + b"\r\n", b"4"),
    "another protocol": (UPGRADE.replace(b"websocket", b"h2c").replace(b"graphql ", b"nowhere "), b""),
    "behind a request": (
        b"GET /slow HTTP/1.1\r\nHost: server\r\n\r\n" + UPGRADE + b"\r\n",
        b"400",
    ),
}


@pytest.mark.parametrize("kind", UPGRADES)
def test_an_upgrade_that_cannot_be_is_answered_and_closed(impatient: Served, kind: str) -> None:
    sent, status = UPGRADES[kind]
    received = impatient.exchange(sent)
    last = received[received.rindex(b"HTTP/1.1 ") + 9 :] if received else b""
    assert last.startswith(status)
    impatient.healthy()


@pytest.fixture(scope="module")
def small(loop: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with few descriptors."""
    options = ["--uvloop"] if loop == "uvloop" else []
    with serving(tmp_path_factory.mktemp("small") / "log", *options, files=256) as running:
        yield running
        assert running.process.poll() is None


class TestPressure:
    """There are more connections than there is room for."""

    @pytest.mark.parametrize("kind", ["silent", "half a line", "half a body", "half a socket handshake"])
    def test_silent_ones_keep_nobody_out(self, small: Served, kind: str) -> None:
        sent, _ = UNFINISHED[kind]
        with ExitStack() as open_:
            for _ in range(400):
                open_.enter_context(small.connect()).sendall(sent)
            with small.attacked() as cost:
                assert max(small.healthy() for _ in range(20)) < 3
                time.sleep(1)
        cost.check()
        assert small.descriptors() < 256
        assert len(small.log()) < 4000, small.log()

    def test_sockets_that_prove_nothing_keep_nobody_out(self, small: Served) -> None:
        with ExitStack() as open_:
            for _ in range(300):
                open_.enter_context(small.connect()).sendall(UPGRADE + b"\r\n")
            assert max(small.healthy() for _ in range(20)) < 3

    def test_who_is_known_or_is_being_answered_stays(self, small: Served) -> None:
        with ExitStack() as open_, small.member() as member, small.connect() as asking:
            asking.sendall(b"GET /slow HTTP/1.1\r\nHost: server\r\n\r\n")
            for _ in range(250):
                open_.enter_context(small.connect())
            until(asking, b"slow")
            member.sendall(b'\x81\x8f\0\0\0\0{"type":"ping"}')
            assert b"pong" in until(member, b"}")

    def test_beyond_the_limit_of_an_address_others_are_served(self, tmp_path: Path) -> None:
        with serving(tmp_path / "log", limits={"by_address": 8}) as running, ExitStack() as open_:
            for _ in range(8):
                open_.enter_context(running.member())
            answered = running.exchange(b"")
            assert answered.startswith(b"HTTP/1.1 503")
            assert b"retry-after" in answered
            with running.connect("127.0.0.2") as other:
                other.sendall(HEALTH)
                until(other, b"alive")

    def test_a_trusted_proxy_names_the_client(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOURBANK_TRUSTED_PROXIES", "127.0.0.1")
        with serving(tmp_path / "log", limits={"by_address": 4}) as running, ExitStack() as open_:
            request = b"GET /client HTTP/1.1\r\nHost: server\r\nX-Forwarded-For: %b\r\n\r\n"
            for _ in range(4):
                opened = open_.enter_context(running.connect())
                opened.sendall(request % b"10.0.0.9, 192.0.2.1")
                until(opened, b"192.0.2.1")
            assert running.exchange(request % b"192.0.2.1").startswith(b"HTTP/1.1 503")
            with running.connect() as opened:
                opened.sendall(request % b"192.0.2.2")
                until(opened, b"192.0.2.2")
            with running.connect("127.0.0.5") as untrusted:
                untrusted.sendall(request % b"192.0.2.2")
                until(untrusted, b"127.0.0.5")
