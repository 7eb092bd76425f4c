"""What an attack costs: CPU, memory and descriptors of the server's process, and what its other clients wait.

The server is `python server.py serve --aws` in a process of its own, over the local cloud of another server that
also hosts the functions: whatever CPU it uses, it uses to answer.

Example:
    async def test_a_long_line_is_refused(measured_server: Target) -> None:
        async with measuring(measured_server) as cost:
            answer = await exchange(measured_server, b"GET /" + b"a" * 1_000_000)  # of tests.security.wire
        assert answer.startswith(b"HTTP/1.1 414")
        cost.check()
"""

import asyncio
import math
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson

from resolvers.hosting.demo_data import DEMO_MEMBERS, sub_of
from resolvers.identity.issuer import LocalIssuer
from tests.integration.conftest import PROMPT, Cloud, Server
from tests.security import neighbour as neighbour_program
from tests.unit.processor_time import CROWDED

# What a refused attack may cost the server, and what others may wait meanwhile (99 of 100 polls), in seconds.
CPU_LIMIT = 0.050 * CROWDED
# Where other tests run beside, their work makes others wait, too: more than this is the attack's for certain.
WAIT_LIMIT = 0.250 if CROWDED == 1 else 1.0

_CPU_CLOCK = 2  # Linux's CPUCLOCK_SCHED: the time for which a process has run, in nanoseconds
_CALIBRATION = 0.5  # seconds
_LATEST_ANSWER = 90.0
_OK = 200


class Target:
    """A running server on this machine: where it listens, its process, and tokens for it.

    Args:
        url: such as `http://127.0.0.1:8000`.
        pid: of its process.
        directory: its `.local`, where the key of the tokens is.
        log_file: what it logs to, if that is known.
    """

    def __init__(self, url: str, pid: int, directory: Path, log_file: Path | None = None) -> None:
        self.url = url
        self.pid = pid
        self.directory = directory
        self._log_file = log_file
        self._cpu_of_a_poll: float | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Return the host and the port."""
        parts = urlsplit(self.url)
        assert parts.hostname
        return parts.hostname, parts.port or 80

    def cpu(self) -> float:
        """Return the CPU seconds that the process has used so far, in user mode and in the kernel."""
        # As clock_getcpuclockid does it; /proc counts the same in steps of 10 ms.
        return time.clock_gettime((~self.pid << 3) | _CPU_CLOCK)

    def stall(self, seconds: float) -> None:
        """Let the process stand still."""
        os.kill(self.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.pid, signal.SIGCONT)

    def memory(self) -> int:
        """Return the resident bytes of the process."""
        return int(self._proc("statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    def descriptors(self) -> int:
        """Return how many files and sockets the process has open."""
        return sum(1 for _ in self._proc("fd").iterdir())

    def threads(self) -> int:
        """Return how many threads the process has."""
        return sum(1 for _ in self._proc("task").iterdir())

    def log(self) -> str:
        """Return what it has logged so far."""
        assert self._log_file, "nobody knows where this server logs to"
        return self._log_file.read_text(errors="replace")

    def tracebacks(self) -> int:
        """Return how many tracebacks it has logged so far; 0 if nobody knows where it logs to."""
        return self.log().count("Traceback (most recent call last)") if self._log_file else 0

    def _proc(self, name: str) -> Path:
        return Path("/proc", str(self.pid), name)

    def token(self, name: str, *groups: str) -> str:
        """Return a token for a member; demo members have their own groups, too."""
        known = next((member.groups for member in DEMO_MEMBERS if member.username == name), frozenset())
        return self._issuer.mint(sub_of(name), name, sorted({*known, *groups}))

    @cached_property
    def _issuer(self) -> LocalIssuer:
        return LocalIssuer(self.directory)

    def client(self, token: str = "") -> httpx.AsyncClient:
        """Return an HTTP client, a context to be entered; with a token, a signed-in one."""
        headers = {"Authorization": token} if token else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=_LATEST_ANSWER, trust_env=False)

    async def cpu_of_a_poll(self) -> float:
        """Return the CPU seconds that one of the neighbour's polls costs, as measured once."""
        if self._cpu_of_a_poll is None:
            async with neighbour(self) as waited:
                before = self.cpu()
                await asyncio.sleep(_CALIBRATION)
                used = self.cpu() - before
            self._cpu_of_a_poll = used / max(len(waited.polls), 1)
        return self._cpu_of_a_poll


class _MeasuredServer(Server):
    """A server process of its own over the local cloud of another, with settings of its own."""

    def __init__(self, home: Server, **settings: str) -> None:
        super().__init__(home.directory, **{**PROMPT, **Cloud.of(home.directory).environment, **settings})
        self.log_name = f"server-{self.port}.log"

    def start(self, *arguments: str) -> None:
        """Start it and wait until it is ready."""
        super().start("serve", "--aws", *arguments)


@contextmanager
def serving(home: Server, *arguments: str, **settings: str) -> Iterator[Target]:
    """Run a server to be measured over another server's cloud.

    Args:
        home: the server that runs the cloud and the functions.
        arguments: further ones of `python server.py serve --aws`.
        settings: environment variables, such as `HOURBANK_MAX_DEPTH="5"`.
    """
    server = _MeasuredServer(home, **settings)
    server.start(*arguments)
    assert server.process
    try:
        yield Target(server.url, server.process.pid, server.directory, server.log_file)
    finally:
        if server.process.poll() is None:  # a test may have ended it
            server.end(signal.SIGTERM)


@dataclass(slots=True)
class Waited:
    """What another client waited; complete when its context has ended.

    Attributes:
        polls: for each of its requests: when it began by the monotonic clock, how many seconds it took, and the
            status of the answer, 0 if there was none.
    """

    polls: list[tuple[float, float, int]] = field(default_factory=list)

    @property
    def waits(self) -> list[float]:
        """Return what it waited, in seconds, in ascending order.

        An answer that came late also counts for the requests that were due meanwhile: they would have waited for
        the rest of the time.
        """
        steps = ((took, range(max(1, math.ceil(took / neighbour_program.EVERY)))) for _, took, _ in self.polls)
        return sorted(took - step * neighbour_program.EVERY for took, due in steps for step in due)

    @property
    def refused(self) -> int:
        """Return how many requests were answered by another status than 200."""
        return sum(status not in (0, _OK) for _, _, status in self.polls)

    @property
    def lost(self) -> int:
        """Return how many requests were not answered."""
        return sum(status == 0 for _, _, status in self.polls)

    def between(self, begin: float, end: float) -> "Waited":
        """Return what it waited at any time between two of the monotonic clock."""
        return Waited([poll for poll in self.polls if poll[0] < end and begin < poll[0] + poll[1]])

    @property
    def p50(self) -> float:
        """Return what half of the waits do not exceed."""
        return self._at(0.5)

    @property
    def p99(self) -> float:
        """Return what 99 of 100 waits do not exceed."""
        return self._at(0.99)

    @property
    def longest(self) -> float:
        """Return the longest wait."""
        return self._at(1)

    def _at(self, share: float) -> float:
        waits = self.waits
        return waits[min(int(share * len(waits)), len(waits) - 1)] if waits else 0.0


@asynccontextmanager
async def neighbour(target: Target) -> AsyncIterator[Waited]:
    """Let another client poll the server's health every 20 ms while the context is entered."""
    host, port = target.address
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        neighbour_program.__file__,
        host,
        str(port),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    waited = Waited()
    try:
        assert await process.stdout.readline() == b"ready\n", "the server does not answer other clients"
        yield waited
        process.stdin.close()
        seen = orjson.loads(await asyncio.wait_for(process.stdout.read(), _LATEST_ANSWER))
    except BaseException:
        process.kill()
        raise
    finally:
        await process.wait()
        # Python 3.11 closes the pipe's transport only when it is collected, which pytest reports.
        process._transport.close()  # type: ignore[attr-defined]
    waited.polls = [(begun, took, status) for begun, took, status in seen]


@dataclass(slots=True)
class Cost:
    """What something cost the server and its other clients; complete when its context has ended.

    Attributes:
        cpu: seconds of the server's process, without those for the neighbour's polls.
        memory: by how many bytes the process grew.
        seconds: how long it took.
        others: what another client waited meanwhile.
    """

    cpu: float = 0.0
    memory: int = 0
    seconds: float = 0.0
    others: Waited = field(default_factory=Waited)

    def __str__(self) -> str:
        waits = ", ".join(
            f"{name} {1000 * wait:.0f} ms"
            for name, wait in (("p50", self.others.p50), ("p99", self.others.p99), ("max", self.others.longest))
        )
        return f"CPU {1000 * self.cpu:.0f} ms in {self.seconds:.2f} s; others waited {waits}"

    def is_within(self, *, cpu: float = CPU_LIMIT, wait: float = WAIT_LIMIT) -> bool:
        """Return whether it cost no more than this and everybody else was answered."""
        return self.cpu <= cpu and self.others.p99 <= wait and not self.others.lost + self.others.refused

    def check(self, *, cpu: float = CPU_LIMIT, wait: float = WAIT_LIMIT) -> None:
        """Assert that it cost no more than this and everybody else was answered.

        Args:
            cpu: seconds of CPU; several times the default if several inputs were sent.
            wait: what others may wait, in seconds, 99 times of 100.
        """
        assert self.is_within(cpu=cpu, wait=wait), (
            f"{self}, {self.others.lost} of their requests lost, {self.others.refused} refused"
        )


@asynccontextmanager
async def measuring(target: Target) -> AsyncIterator[Cost]:
    """Measure what the body of the context costs the server, and what another client waits meanwhile."""
    async with watching(target) as watch:
        with watch.costing() as cost:
            yield cost


class Watch:
    """Measures one thing after another, while the same client polls the server.

    Args:
        target: the server.
        polls: what the client waits.
        of_a_poll: CPU seconds of each poll.
    """

    def __init__(self, target: Target, polls: Waited, of_a_poll: float) -> None:
        self._target = target
        self._polls = polls
        self._of_a_poll = of_a_poll
        self._costs: list[tuple[Cost, float, float]] = []

    @contextmanager
    def costing(self) -> Iterator[Cost]:
        """Measure what the body of the context costs; complete when the watch has ended."""
        cost = Cost()
        begin, cpu, memory = time.monotonic(), self._target.cpu(), self._target.memory()
        yield cost
        end = time.monotonic()
        cost.seconds = end - begin
        cost.cpu = self._target.cpu() - cpu
        cost.memory = self._target.memory() - memory
        self._costs.append((cost, begin, end))

    def complete(self) -> None:
        """Add to all costs what the client waited, and subtract what its polls cost."""
        for cost, begin, end in self._costs:
            cost.others = self._polls.between(begin, end)
            cost.cpu = max(0.0, cost.cpu - len(cost.others.polls) * self._of_a_poll)


@asynccontextmanager
async def watching(target: Target) -> AsyncIterator[Watch]:
    """Let another client poll a server while several things are measured."""
    of_a_poll = await target.cpu_of_a_poll()
    async with neighbour(target) as polls:
        watch = Watch(target, polls, of_a_poll)
        yield watch
    watch.complete()
