"""Load from wrk, and what it costs a server's process."""

import os
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import orjson

CONNECTIONS = 8
_SCRIPT = Path(__file__).with_name("wrk.lua")
_CPU_CLOCK = 2  # Linux's CPUCLOCK_SCHED: the time for which a process has run, in nanoseconds


@dataclass(frozen=True, slots=True)
class Measure:
    """What a server did under load.

    Attributes:
        rate: requests a second.
        cpu: milliseconds of the server's process for a request.
        p50: milliseconds that half of the requests took at most.
        p99: the same for 99 of 100.
        bytes: of an answer, its head included.
    """

    rate: float
    cpu: float
    p50: float
    p99: float
    bytes: float


def cpu_of(pid: int) -> float:
    """Return the seconds of CPU that a process has used so far, with all of its threads."""
    return time.clock_gettime((~pid << 3) | _CPU_CLOCK)


def measured(url: str, pid: int, requests: Sequence[tuple[str, bytes]], seconds: float) -> Measure:
    """Send requests over eight connections and return what they took.

    Args:
        url: the server's, without a path.
        pid: of its process.
        requests: tokens and bodies, sent in turn.
        seconds: for how long.

    Raises:
        RuntimeError: wrk is not installed, or an answer was none.
    """
    wrk = which("wrk")
    if wrk is None:
        raise RuntimeError("wrk is not installed (Debian: apt-get install wrk)")
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        lines = ",\n".join(f"{{{_lua(token)}, {_lua(body.decode())}}}" for token, body in requests)
        file.write(f"return {{{lines}}}")
        file.flush()
        command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(_SCRIPT), f"{url}/graphql"]
        before = cpu_of(pid)
        ran = subprocess.run(  # noqa: S603 — wrk, with our own script
            command, env={**os.environ, "BENCH_REQUESTS_FILE": file.name}, capture_output=True, check=True
        )
        used = cpu_of(pid) - before
    found = orjson.loads(ran.stdout.splitlines()[-1])
    if found["errors"]:
        raise RuntimeError(f"{found['errors']} of {found['requests']} requests failed")
    count = max(1, found["requests"])
    rate = count / found["seconds"]
    return Measure(rate, 1000 * used / count, found["p50"], found["p99"], found["bytes"] / count)


def _lua(text: str) -> str:
    """Return a text as a literal of Lua, whose escapes are a subset of JSON's for what is printable."""
    return orjson.dumps(text).decode()
