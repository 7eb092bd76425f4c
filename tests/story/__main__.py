"""`make demo`: plays the story against a running server, or against one that it starts and stops itself."""

import asyncio
import os
import time
from contextlib import suppress
from typing import Any

import httpx
import jwt
from rich.console import Console

from tests.story.client import Client, RefusedError
from tests.story.play import Actor, EndedError, Figures, Story
from tests.story.running import running_server

COLOURS = {"alice": "magenta", "bob": "cyan"}


class Terminal:
    """Prints the story on a terminal, in colour if it has any."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._begun = time.monotonic()
        self._shown: tuple[str, str] | None = None

    def _time(self) -> str:
        return f"[dim]{time.monotonic() - self._begun:5.2f}s[/]"

    def says(self, who: str, text: str) -> None:
        """Print what somebody does."""
        self._console.print(f"{self._time()}  [bold {COLOURS[who]}]{who}[/] {text}")

    def hears(self, who: str, notice: dict[str, Any]) -> None:
        """Print a notice that somebody receives."""
        self._console.print(f"{self._time()}  [{COLOURS[who]}]{who}[/] is told: [italic]{notice['title']}[/]")

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
        """Print everybody's hours in a line."""
        people = (f"[{COLOURS[name]}]{name}[/] {_in_words(figures)}" for name, figures in hours.items())
        self._console.print(f"        [bold]{when}:[/] {' · '.join(people)}")


def _in_words(figures: Figures) -> str:
    held = f" + {figures.escrowed:g} held" if figures.escrowed else ""
    return f"{figures.available:g}{held}"


async def _actor(name: str, base_url: str, http: httpx.AsyncClient) -> Actor:
    response = await http.get(f"{base_url}/local/token/{name}")
    if not response.is_success:
        raise SystemExit(f"{base_url} gives no token for {name}: the demo needs a local server.")
    token = response.json()["token"]
    claims = jwt.decode(token, options={"verify_signature": False})  # as an app does, to find its user's id
    return Actor(name, claims["sub"], Client(base_url, token, http))


async def perform(base_url: str) -> str:
    """Play the story on the terminal and return its last status."""
    async with httpx.AsyncClient(timeout=30) as http:
        alice, bob = await asyncio.gather(_actor("alice", base_url, http), _actor("bob", base_url, http))
        return await Story(alice, bob, Terminal()).play()


def main() -> None:
    """Play the story; exit 1 if it does not end in PAID."""
    base_url = f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
    with running_server(base_url):
        try:
            last = asyncio.run(perform(base_url))
        except (RefusedError, EndedError, TimeoutError) as error:
            reason = str(error) or "nothing was pushed for too long"
            raise SystemExit(f"The story broke off: {reason}") from error
    if last != "PAID":
        raise SystemExit(f"The story ended in {last}.")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
