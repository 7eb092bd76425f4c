"""A server for the demo: the running one, or one that is started and stopped."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import httpx

SERVER = Path(__file__).parents[2] / "server.py"
# A first start deploys everything; later ones take a few seconds.
LONGEST_START_SECONDS = 90


def is_ready(base_url: str) -> bool:
    """Return whether a server answers there and is ready."""
    try:
        return httpx.get(f"{base_url}/readyz", timeout=5).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def running_server(base_url: str, environment: Mapping[str, str] = MappingProxyType({})) -> Iterator[None]:
    """Use the server that runs there, or start one with these further variables and stop it at the end."""
    if is_ready(base_url):
        yield
        return
    print("No server is running: starting one …", flush=True)  # noqa: T201 — this is a program
    variables = {**os.environ, "PORT": base_url.rpartition(":")[2], **environment}
    quiet = subprocess.DEVNULL
    server = subprocess.Popen([sys.executable, SERVER, "serve"], stdout=quiet, stderr=quiet, env=variables)  # noqa: S603 — our own
    try:
        _await_ready(server, base_url)
        yield
    finally:
        server.terminate()
        server.wait(timeout=30)


def _await_ready(server: subprocess.Popen[bytes], base_url: str) -> None:
    deadline = time.monotonic() + LONGEST_START_SECONDS
    while not is_ready(base_url):
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("The server did not start; `make run` says why.")
        time.sleep(0.2)
