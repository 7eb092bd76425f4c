"""`make demo`: plays the story against a running server, or against one that it starts and stops itself."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
from rich.console import Console
from rich.table import Table

from tests.story.client import Client, RefusedError
from tests.story.play import Actor, Figures, Story

SERVER = Path(__file__).parents[2] / "server.py"
# A first start deploys everything; later ones take a few seconds.
LONGEST_START_SECONDS = 90
COLOURS = {"alice": "magenta", "bob": "cyan"}


class Theatre:
    """Tells the story on a terminal, in colour where there is one."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._begun = time.monotonic()
        self._shown: tuple[str, str] | None = None

    def _time(self) -> str:
        return f"[dim]{time.monotonic() - self._begun:5.2f}s[/]"

    def says(self, who: str, text: str) -> None:
        """Print what somebody does."""
        self._console.print(f"{self._time()}  [bold {COLOURS[who]}]{who}[/] {text}")

    def sees(self, event: dict[str, Any]) -> None:
        """Print a pushed status once, as a progress bar."""
        shown = (event["status"], event["currentStep"])
        if shown == self._shown:
            return
        self._shown = shown
        steps = "".join("●" if step["state"] == "DONE" else "○" for step in event["steps"])
        self._console.print(
            f"{self._time()}      [green]{steps}[/] [bold]{event['status']:<18}[/] [dim]{event['currentStep']}[/]"
        )

    def counts(self, when: str, hours: dict[str, Figures]) -> None:
        """Print everybody's hours."""
        table = Table(title=f"Hours {when}", title_justify="left", title_style="bold", padding=(0, 2))
        for column in ("", "available", "held", "total"):
            table.add_column(column, justify="left" if not column else "right")
        for name, figures in hours.items():
            row = (f"{figures.available:g}", f"{figures.escrowed:g}", f"{figures.total:g}")
            table.add_row(f"[{COLOURS[name]}]{name}[/]", *row)
        self._console.print(table)


def is_ready(base_url: str) -> bool:
    """Tell whether a server answers there and is ready."""
    try:
        return httpx.get(f"{base_url}/readyz", timeout=5).is_success
    except httpx.HTTPError:
        return False


@contextmanager
def running_server(base_url: str) -> Iterator[None]:
    """Use the server that runs there, or start one and stop it in the end."""
    if is_ready(base_url):
        yield
        return
    print("No server is running: starting one …", flush=True)  # noqa: T201 — this is a program
    server = subprocess.Popen([sys.executable, SERVER, "serve"], stdout=subprocess.DEVNULL)  # noqa: S603 — our own
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


async def _actor(name: str, base_url: str, http: httpx.AsyncClient) -> Actor:
    response = await http.get(f"{base_url}/local/token/{name}")
    if not response.is_success:
        raise SystemExit(f"{base_url} gives no token for {name}: the demo needs a local server.")
    token = response.json()["token"]
    claims = jwt.decode(token, options={"verify_signature": False})  # as an app does, to learn who it is
    return Actor(name, claims["sub"], Client(base_url, token, http))


async def perform(base_url: str) -> str:
    """Play the story on the terminal and return its last status."""
    async with httpx.AsyncClient(timeout=30) as http:
        alice, bob = await asyncio.gather(_actor("alice", base_url, http), _actor("bob", base_url, http))
        return await Story(alice, bob, Theatre()).play()


def main() -> None:
    """Play the story; exit 1 if it does not end in PAID."""
    base_url = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
    with running_server(base_url):
        try:
            last = asyncio.run(perform(base_url))
        except (RefusedError, TimeoutError) as error:
            raise SystemExit(f"The story broke off: {error or 'nothing was pushed for too long'}") from error
    if last != "PAID":
        raise SystemExit(f"The story ended in {last}.")


if __name__ == "__main__":
    main()
