"""A server that is told to stop answers what it has been asked, whoever else is connected."""

import signal
import socket
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.security.served import HEALTH, LARGE_BYTES, UPGRADE, Served, frame, serving, until
from tests.security.test_connections import OVERSIZED, UNFINISHED, UPGRADES

IN_FLIGHT = 25
SLOW = b"GET /slow HTTP/1.1\r\nHost: server\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: server\r\n\r\n"


def _unfinished(served: Served, _number: int) -> list[socket.socket]:
    opened = []
    for sent, _ in UNFINISHED.values():
        opened.append(served.connect())
        opened[-1].sendall(sent)
    return opened


def _idle(served: Served, _number: int) -> list[socket.socket]:
    opened = served.connect()
    opened.sendall(HEALTH)
    until(opened, b"alive")
    return [opened]


def _refused(served: Served, number: int) -> list[socket.socket]:
    opened = served.connect()
    parts, _ = list(OVERSIZED.values())[number % len(OVERSIZED)]
    opened.settimeout(0)
    with suppress(OSError):
        opened.send(parts[0][:100_000])
    return [opened]


def _upgrades(served: Served, number: int) -> list[socket.socket]:
    opened = served.connect()
    sent, _ = list(UPGRADES.values())[number % len(UPGRADES)]
    opened.sendall(sent[:100_000])
    return [opened]


def _sockets(served: Served, _number: int) -> list[socket.socket]:
    flooded = served.accepted_socket()
    flooded.sendall(frame(b"", 9) * 20)
    halfway = served.accepted_socket()
    halfway.sendall(frame(b"a", fin=False))
    closing = served.accepted_socket()
    closing.sendall(frame(b"\x03\xe8", 8))
    return [served.member(), served.accepted_socket(), flooded, halfway, closing]


def _unread(served: Served, _number: int) -> list[socket.socket]:
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    opened.connect(("127.0.0.1", served.port))
    opened.sendall(LARGE)
    return [opened]


HOSTILE = {
    "unfinished": _unfinished,
    "idle": _idle,
    "refused": _refused,
    "upgrades": _upgrades,
    "sockets": _sockets,
    "unread": _unread,
}


@pytest.mark.parametrize("kind", ["all", *(pytest.param(kind, marks=pytest.mark.long) for kind in HOSTILE)])
def test_all_that_is_in_flight_is_answered(tmp_path: Path, kind: str, loop: str) -> None:
    options = ["--uvloop"] if loop == "uvloop" else []
    with serving(tmp_path / "log", *options) as served, ExitStack() as open_:
        for number in range(30):
            for name, hostile in HOSTILE.items():
                if kind in (name, "all"):
                    for one in hostile(served, number):
                        open_.enter_context(one)
        asking = [open_.enter_context(served.connect()) for _ in range(IN_FLIGHT)]
        for one in asking:
            one.sendall(SLOW)
        served.healthy()
        began = time.monotonic()
        served.process.send_signal(signal.SIGTERM)
        answers = [_all(one) for one in asking]
        assert [answer.count(b"HTTP/1.1 200") for answer in answers] == [1] * IN_FLIGHT
        assert all(answer.endswith(b"slow") for answer in answers)
        assert served.process.wait(10) == 0
        assert time.monotonic() - began < 5
        assert served.log() == ""


@pytest.mark.long
@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_pipelined_requests_and_long_answers_are_finished(tmp_path: Path, sign: signal.Signals) -> None:
    with serving(tmp_path / "log") as served, served.connect() as opened, served.connect() as reading:
        opened.sendall(SLOW + HEALTH + SLOW + b"GET /unfinished")
        reading.sendall(LARGE)
        time.sleep(0.2)
        served.process.send_signal(sign)
        received: list[bytes] = []
        thread = threading.Thread(target=lambda: received.append(_all(reading)))
        thread.start()
        assert _all(opened).count(b"HTTP/1.1 200") == 3
        thread.join()
        assert len(received[0]) > LARGE_BYTES
        assert served.process.wait(10) == 0


def test_sockets_are_told_to_connect_elsewhere(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as served, served.member() as member, served.accepted_socket() as silent:
        served.process.send_signal(signal.SIGTERM)
        for one in (member, silent):
            assert b"\x03\xf4" in _all(one)
        assert served.process.wait(10) == 0


@pytest.mark.long
def test_nobody_is_let_in_who_comes_later(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as served, served.connect() as asking:
        asking.sendall(SLOW)
        time.sleep(0.1)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        with pytest.raises(ConnectionError):
            served.connect()
        assert _all(asking).endswith(b"slow")
        assert served.process.wait(10) == 0


@pytest.mark.long
def test_an_upgrade_is_not_left_when_the_server_stops(tmp_path: Path) -> None:
    with serving(tmp_path / "log") as served, served.connect() as opened:
        opened.sendall(UPGRADE)
        time.sleep(0.1)
        served.process.send_signal(signal.SIGTERM)
        assert _all(opened) == b""
        assert served.process.wait(10) == 0


def _all(opened: socket.socket) -> bytes:
    received = b""
    while data := opened.recv(65536):
        received += data
    return received
