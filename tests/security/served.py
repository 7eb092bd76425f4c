"""A server in a process of its own, over tables in memory: what is sent to it below GraphQL, and what that costs.

`python -m tests.security.served [--uvloop]` serves; its limits come from `HOURBANK_CONNECTIONS_*`.
"""

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvloop import run as uvloop_run

from resolvers.hosting.listener import listening
from resolvers.hosting.logs import configure_logging
from resolvers.hosting.settings import ServerSettings
from schema.build import build_schema
from schema.types import CATALOGUE
from tests.security.measuring import WAIT_LIMIT
from tests.unit.realtime import MemoryServer
from workflows.console.exits import clean_exit

if TYPE_CHECKING:
    from schema.amplify.resolver import MirrorResolver

HOUSE = Path(__file__).parents[2]
CPU_SECONDS = 0.05  # what a refused attack may cost the server
WAIT_SECONDS = WAIT_LIMIT  # what 99 of 100 others may wait meanwhile
SLOW_SECONDS = 0.6
LARGE_BYTES = 5_000_000
_CPU_CLOCK = 2  # Linux's CPUCLOCK_SCHED: the time for which a process has run, in nanoseconds
_POLL_SECONDS = 0.01
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: server\r\n\r\n"
UPGRADE = (
    b"GET /graphql HTTP/1.1\r\nHost: server\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Protocol: graphql-transport-ws\r\n"
)


@dataclass
class Cost:
    """What an attack has cost.

    Args:
        cpu: seconds of the server's.
        waits: seconds that others waited for each answer.
    """

    cpu: float = 0
    waits: list[float] = field(default_factory=list)

    def check(self) -> None:
        """Fail if the server, or others, have paid more than they should."""
        assert self.cpu < CPU_SECONDS, self.cpu
        assert self.waits
        assert sorted(self.waits)[int(len(self.waits) * 0.99)] < WAIT_SECONDS, max(self.waits)


class Served:
    """A running server.

    Args:
        process: its process.
        port: where it listens on this machine.
        log: the file that it logs to.
    """

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
        self.process = process
        self.port = port
        self._log = log

    def cpu(self) -> float:
        """Return the CPU seconds that the server has used."""
        return time.clock_gettime((~self.process.pid << 3) | _CPU_CLOCK)

    def memory(self) -> int:
        """Return the server's resident bytes."""
        statm = Path(f"/proc/{self.process.pid}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGESIZE")

    def descriptors(self) -> int:
        """Return how many files and sockets the server has open."""
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def log(self) -> str:
        """Return what the server has logged."""
        return self._log.read_text()

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """Open a connection, which must be answered within five seconds."""
        opened = socket.create_connection(("127.0.0.1", self.port), timeout=5, source_address=(source, 0))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return opened

    def exchange(self, *parts: bytes) -> bytes:
        """Send parts on a connection of their own, and return all that comes until the server closes it."""
        with self.connect() as opened:
            return exchanged(opened, *parts)

    def healthy(self) -> float:
        """Return how many seconds a new client waits for an answer; the connection is closed then."""
        began = time.perf_counter()
        with self.connect() as opened:
            opened.sendall(HEALTH)
            assert opened.recv(4096).startswith(b"HTTP/1.1 200"), self.log()
        return time.perf_counter() - began

    def accepted_socket(self) -> socket.socket:
        """Open a socket, on which nothing has been sent yet."""
        opened = self.connect()
        opened.sendall(UPGRADE + b"\r\n")
        assert until(opened, b"\r\n\r\n").startswith(b"HTTP/1.1 101")
        return opened

    def member(self) -> socket.socket:
        """Open a member's socket, whose connection_init is accepted."""
        opened = self.accepted_socket()
        opened.sendall(frame(b'{"type":"connection_init","payload":{"Authorization":"alice"}}'))
        assert b"connection_ack" in until(opened, b"}")
        return opened

    @contextmanager
    def attacked(self) -> Iterator[Cost]:
        """Measure what this costs the server, beside its answers to another client, and what that client waits."""
        idle, idle_waits = self.cpu(), self._poll_for(0.3)
        each = (self.cpu() - idle) / len(idle_waits)
        cost, done = Cost(), threading.Event()
        polling = threading.Thread(target=self._poll, args=(done, cost.waits))
        before = self.cpu()
        polling.start()
        try:
            yield cost
        finally:
            time.sleep(0.1)
            done.set()
            polling.join()
            cost.cpu = self.cpu() - before - each * len(cost.waits)

    def _poll_for(self, seconds: float) -> list[float]:
        waits: list[float] = []
        done = threading.Event()
        threading.Timer(seconds, done.set).start()
        self._poll(done, waits)
        return waits

    def _poll(self, done: threading.Event, waits: list[float]) -> None:
        with self.connect() as opened:
            while not done.wait(_POLL_SECONDS):
                began = time.perf_counter()
                opened.sendall(HEALTH)
                until(opened, b"alive")
                waits.append(time.perf_counter() - began)


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True) -> bytes:
    """Return a client's frame, masked with zeros."""
    first = bytes([opcode | (0x80 if fin else 0)])
    if len(payload) < 126:
        return first + bytes([0x80 | len(payload)]) + bytes(4) + payload
    if len(payload) < 1 << 16:
        return first + b"\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload
    return first + b"\xff" + len(payload).to_bytes(8, "big") + bytes(4) + payload


def exchanged(opened: socket.socket, *parts: bytes) -> bytes:
    """Send parts, as far as they are taken, and return all that comes until the server closes the connection."""
    received = b""
    opened.settimeout(0)
    ends = time.monotonic() + 8
    waiting = [memoryview(part) for part in parts]
    while time.monotonic() < ends:
        with suppress(BlockingIOError):
            try:
                if waiting:
                    sent = opened.send(waiting[0][:1_000_000])
                    waiting[0] = waiting[0][sent:]
                    if not waiting[0]:
                        waiting.pop(0)
            except ConnectionError:
                waiting.clear()
        try:
            data = opened.recv(65536)
        except BlockingIOError:
            time.sleep(0.001)
            continue
        except ConnectionError:
            return received
        if not data:
            return received
        received += data
    raise AssertionError(f"The connection is still open after 8 s; it got {received[:200]!r}")


def until(opened: socket.socket, end: bytes) -> bytes:
    """Receive until something has come."""
    received = b""
    while end not in received:
        data = opened.recv(65536)
        assert data, received
        received += data
    return received


@contextmanager
def serving(
    log: Path, *options: str, files: int | None = None, limits: Mapping[str, float] | None = None
) -> Iterator[Served]:
    """Serve, from `with` to its end.

    Args:
        log: a file to log to.
        options: of the program.
        files: how many files the process may open.
        limits: of connections, by their names.
    """

    def bounded() -> None:
        if files is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))

    settings = {f"HOURBANK_CONNECTIONS_{name.upper()}": str(value) for name, value in (limits or {}).items()}
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603 — our own program
            [sys.executable, "-m", "tests.security.served", *options],
            cwd=HOUSE,
            env={**os.environ, **settings},
            stdout=subprocess.PIPE,
            stderr=errors,
            preexec_fn=bounded,  # noqa: PLW1509 — no thread of this process holds a lock that the child needs
        )
    assert process.stdout is not None
    with process:
        try:
            line = process.stdout.readline()
            assert line, log.read_text()
            yield Served(process, int(line), log)
        finally:
            process.send_signal(signal.SIGKILL)


async def _alive(_request: Request) -> Response:
    return PlainTextResponse("alive")


async def _slow(_request: Request) -> Response:
    await asyncio.sleep(SLOW_SECONDS)
    return PlainTextResponse("slow")


async def _large(_request: Request) -> Response:
    return Response(bytes(LARGE_BYTES))


async def _echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _client(request: Request) -> Response:
    return PlainTextResponse(request.client.host if request.client else "")


async def _serve() -> None:
    settings = ServerSettings()
    app = MemoryServer(build_schema(CATALOGUE, cast("MirrorResolver", None))).app
    app.router.routes += [
        Route("/healthz", _alive),
        Route("/slow", _slow, methods=["GET", "POST"]),
        Route("/large", _large),
        Route("/echo", _echo, methods=["POST"]),
        Route("/client", _client),
    ]
    with listening("127.0.0.1", 0, None, settings.connections, settings.trusted_proxies) as listener:
        await listener.serve(app, lambda: typer.echo(listener.socket.getsockname()[1]))


def _main(*, uvloop: bool = False) -> None:
    configure_logging()
    with clean_exit():
        if uvloop:
            uvloop_run(_serve())
        else:
            asyncio.run(_serve())


if __name__ == "__main__":
    typer.run(_main)
