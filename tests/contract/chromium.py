"""A headless Chromium, driven by its own DevTools protocol: no browser driver to install."""

import asyncio
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--window-size=1400,900",
    "--remote-debugging-port=0",
)
_LARGEST_MESSAGE = 64 * 2**20


def executable() -> str | None:
    """Return Chromium's path, None if it is not installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


needed = pytest.mark.skipif(executable() is None and "CI" not in os.environ, reason="chromium is not installed")


class Tab:
    """A page, and all that it requested and complained about."""

    def __init__(self, socket: ClientConnection, session: str) -> None:
        self._socket = socket
        self._session = session
        self._ids = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.requests: list[str] = []
        self.complaints: list[str] = []

    async def send(self, method: str, **params: Any) -> Any:
        """Send a command and return its result."""
        message_id = next(self._ids)
        answer = self._answers[message_id] = asyncio.get_running_loop().create_future()
        message = {"id": message_id, "sessionId": self._session, "method": method, "params": params}
        await self._socket.send(json.dumps(message))
        return await asyncio.wait_for(answer, 20)

    async def evaluate(self, script: str) -> Any:
        """Return the value of a script's last expression in the page."""
        answer = await self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def until(self, script: str, *, seconds: float = 15) -> Any:
        """Return a script's value as soon as it is truthy."""
        async with asyncio.timeout(seconds):
            while not (value := await self.evaluate(script)):  # noqa: ASYNC110 — the page sends no event
                await asyncio.sleep(0.05)
        return value

    async def listen(self) -> None:
        """Dispatch Chromium's messages until it closes the connection."""
        async for message in self._socket:
            self._take(json.loads(message))

    def _take(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case None if message["id"] in self._answers:
                self._answers.pop(message["id"]).set_result(message.get("result"))
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Network.webSocketCreated":
                self.requests.append(params["url"])
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.complaints.append(params["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(params["exceptionDetails"]))


@asynccontextmanager
async def open_tab(url: str, *flags: str) -> AsyncIterator[Tab]:
    """Start Chromium with an empty profile and further flags, and open a page."""
    chromium = executable()
    assert chromium is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            chromium,
            *_FLAGS,
            *flags,
            f"--user-data-dir={profile}",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            address = await _address(Path(profile) / "DevToolsActivePort")
            async with connect(address, max_size=_LARGEST_MESSAGE, proxy=None) as socket:
                tab = Tab(socket, await _attach(socket))
                listening = asyncio.create_task(tab.listen())
                try:
                    for domain in ("Network", "Log", "Runtime", "Page"):
                        await tab.send(f"{domain}.enable")
                    await tab.send("Page.navigate", url=url)
                    yield tab
                finally:
                    listening.cancel()
                    await asyncio.wait([listening])
        finally:
            process.terminate()
            await process.wait()


async def _address(port_file: Path) -> str:
    """Wait for the file in which Chromium writes its address."""
    async with asyncio.timeout(30):
        while len(lines := await asyncio.to_thread(_words, port_file)) < 2:  # noqa: ASYNC110 — only a file shows it
            await asyncio.sleep(0.05)
    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"


def _words(file: Path) -> list[str]:
    return file.read_text().split() if file.exists() else []


async def _attach(socket: ClientConnection) -> str:
    """Open a tab and return its DevTools session."""
    target = await _ask(socket, "Target.createTarget", url="about:blank")
    session = await _ask(socket, "Target.attachToTarget", targetId=target["targetId"], flatten=True)
    return str(session["sessionId"])


async def _ask(socket: ClientConnection, method: str, **params: Any) -> Any:
    await socket.send(json.dumps({"id": 0, "method": method, "params": params}))
    while (message := json.loads(await socket.recv())).get("id") != 0:
        pass
    return message["result"]
