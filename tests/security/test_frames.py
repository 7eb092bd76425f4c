"""Frames that cost more than they say: counted, and answered with the end of the socket."""

import os
import socket
import time
import zlib
from collections.abc import Iterator

import pytest

from tests.security.served import UPGRADE, Served, exchanged, frame, serving, until

MEGABYTES = 12
CONTINUED = frame(b"", 0, fin=False)


@pytest.fixture(scope="module")
def served(loop: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with the limits that are the default."""
    options = ["--uvloop"] if loop == "uvloop" else []
    with serving(tmp_path_factory.mktemp("served") / "log", *options, limits={"close_seconds": 0.4}) as running:
        yield running
        assert running.process.poll() is None
        assert "Traceback" not in running.log()


def _deflated(payload: bytes) -> bytes:
    packing = zlib.compressobj(wbits=-12)
    packed = (packing.compress(payload) + packing.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")
    sent = bytearray(frame(packed))
    sent[0] |= 0x40
    return bytes(sent)


# The first frame, and what follows it again and again.
FLOODS = {
    "empty continuations": (frame(b"", fin=False), CONTINUED),
    "continuations of a byte": (frame(b"a", fin=False), frame(b"a", 0, fin=False)),
    "continuations of binary": (frame(b"", 2, fin=False), CONTINUED),
    "empty pings": (b"", frame(b"", 9)),
    "pings": (b"", frame(b"p" * 125, 9)),
    "unasked pongs": (b"", frame(b"", 10)),
    "pings between fragments": (frame(b"a", fin=False), frame(b"", 9) + CONTINUED),
    "empty texts": (b"", frame(b"")),
    "empty binaries": (b"", frame(b"", 2)),
    "messages of two bytes": (b"", frame(b"{}")),
    "fragments of 1 KB": (frame(b"a", fin=False), frame(b"a" * 1024, 0, fin=False)),
}


@pytest.mark.parametrize("kind", FLOODS)
@pytest.mark.parametrize("who", ["nobody", "a member"])
def test_a_flood_of_frames_costs_little(served: Served, kind: str, who: str) -> None:
    first, again = FLOODS[kind]
    flood = first + again * (MEGABYTES * 1_000_000 // len(again))
    with served.member() if who == "a member" else served.accepted_socket() as opened, served.attacked() as cost:
        exchanged(opened, flood)
    cost.check()


def test_why_a_socket_is_closed_is_told(served: Served) -> None:
    with served.accepted_socket() as opened:
        assert b"\x03\xf0Too many frames" in exchanged(opened, frame(b"", 9) * 20)


@pytest.mark.parametrize("payload", [b"a" * 990_000, b"[" * 990_000, b"\0" * 990_000, b'{"type":"ping"}' * 60_000])
def test_what_unpacks_to_much_counts_as_much(served: Served, payload: bytes) -> None:
    upgrade = UPGRADE + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    with served.connect() as opened, served.attacked() as cost:
        opened.sendall(upgrade)
        until(opened, b"\r\n\r\n")
        exchanged(opened, _deflated(payload) * 200)
    cost.check()


INVALID = {
    "no text": frame(b"\xff\xfe"),
    "half a character": frame(b"\xc3"),
    "a reserved opcode": frame(b"", 3),
    "a long ping": frame(b"a" * 200, 9),
    "an unmasked frame": b"\x81\x02{}",
    "a continuation of nothing": frame(b"", 0),
    "a fragmented ping": frame(b"", 9, fin=False),
    "a close of one byte": frame(b"a", 8),
    "a close with an invalid code": frame(b"\x03\xee", 8),
    "deflated without an agreement": b"\xc1\x80\0\0\0\0",
    "17 TB": b"\x81\xff\0\0\x0f\xff\xff\xff\xff\xff\0\0\0\0",
    "noise": b"\xf3" + os.urandom(300),
}


@pytest.mark.parametrize("kind", INVALID)
def test_an_invalid_frame_ends_its_socket_and_nothing_is_logged(served: Served, kind: str) -> None:
    with served.accepted_socket() as opened:
        exchanged(opened, INVALID[kind])
    assert served.log() == ""


def test_a_member_may_send_much_at_once(served: Served) -> None:
    """A client that reconnects starts all its subscriptions at once."""
    with served.member() as opened:
        for number in range(100):
            query = "subscription { onCreateService { id } }" + " " * 5000
            opened.sendall(
                frame(f'{{"id":"{number}","type":"subscribe","payload":{{"query":"{query}"}}}}'.encode())
            )
        opened.sendall(frame(b'{"type":"ping"}'))
        assert b"pong" in until(opened, b"pong")
        opened.sendall(frame(b" " * 900_000 + b'{"type":"ping"}'))
        assert b"pong" in until(opened, b"pong")


def _deaf(opened: socket.socket) -> socket.socket:
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    return opened


@pytest.mark.parametrize("size", [0, 1, 60, 125])
def test_pings_of_who_never_reads_leave_no_memory(served: Served, size: int) -> None:
    memory, descriptors = served.memory(), served.descriptors()
    opened = [_deaf(served.member()) for _ in range(20)]
    with served.attacked() as cost:
        for one in opened:
            one.settimeout(0)
        for _ in range(10):
            for one in opened:
                try:
                    one.send(frame(b"p" * size, 9) * 40)
                except OSError:
                    continue
            time.sleep(0.1)
    # 8,000 pings within the limits.
    assert cost.cpu < 2
    assert served.memory() < memory + 10_000_000
    for one in opened:
        one.close()
    time.sleep(0.5)
    assert served.descriptors() < descriptors + 5


def test_who_is_closed_and_never_reads_is_forgotten_after_a_second(served: Served) -> None:
    served.healthy()
    descriptors = served.descriptors()
    opened = [_deaf(served.accepted_socket()) for _ in range(20)]
    for one in opened:
        one.sendall(frame(b"not JSON"))
    time.sleep(2.5)
    assert served.descriptors() < descriptors + 5
    for one in opened:
        one.close()


def test_the_init_is_waited_for_five_seconds(served: Served) -> None:
    with served.accepted_socket() as opened:
        opened.settimeout(8)
        began = time.monotonic()
        assert b"\x11\x38" in opened.recv(200)  # 4408
        assert 4.5 < time.monotonic() - began < 7
