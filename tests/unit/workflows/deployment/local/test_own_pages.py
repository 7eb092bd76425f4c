"""The local cloud answers programs and this machine's pages, and no others."""

from typing import Any

import pytest

from workflows.deployment.local.own_pages import allowed_origins, for_own_pages

APP = "https://app.example.org"


async def status(host: str | None, origin: str | None, kind: str = "http") -> int:
    """Return the status with which a request is answered."""
    sent: list[Any] = []

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"status": 200})

    async def send(message: Any) -> None:
        sent.append(message)

    named = {b"host": host, b"origin": origin}
    headers = [(name, value.encode()) for name, value in named.items() if value is not None]
    receive: Any = None
    await for_own_pages(application, {APP})({"type": kind, "headers": headers}, receive, send)
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:4566", None),
        (None, None),
        ("[::1]:4566", None),
        ("bucket.localhost:4566", None),
        ("127.0.0.1:4566", "http://localhost:4200"),
        ("127.0.0.1:4566", "http://127.0.0.1:4200"),
        ("127.0.0.1:4566", "https://localhost"),
        ("127.0.0.1:4566", "capacitor://localhost"),
        ("127.0.0.1:4566", APP),
    ],
)
async def test_own_pages_are_answered(host: str | None, origin: str | None) -> None:
    assert await status(host, origin) == 200


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:4566", "https://elsewhere.example"),
        ("127.0.0.1:4566", "http://localhost.elsewhere.example"),
        ("127.0.0.1:4566", "null"),
        ("127.0.0.1:4566", "http://[nonsense"),
        ("rebound.example:4566", None),
        ("rebound.example:4566", "http://rebound.example:4566"),
        ("", None),
    ],
)
async def test_others_are_not(host: str, origin: str | None) -> None:
    assert await status(host, origin) == 403


async def test_the_start_of_the_process_is_none_of_its_business() -> None:
    assert await status("elsewhere.example", None, "lifespan") == 200


def test_the_servers_setting_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOURBANK_ALLOWED_ORIGINS", f" {APP}, ,http://other.example")
    assert allowed_origins() == {APP, "http://other.example"}
    monkeypatch.delenv("HOURBANK_ALLOWED_ORIGINS")
    assert allowed_origins() == frozenset()
