"""Keeps pages from elsewhere out of the local cloud.

MiniStack answers any page that a browser shows, and verifies no signature; so a page from anywhere could read and
write everything on this machine's local cloud while its developer only looks at it.
"""

import os
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


def allowed_origins() -> frozenset[str]:
    """Return the origins whose pages may call the server, and so its cloud, besides those of this machine."""
    return frozenset(filter(None, map(str.strip, os.environ.get("HOURBANK_ALLOWED_ORIGINS", "").split(","))))


def for_own_pages(application: Application, allowed: Collection[str]) -> Application:
    """Return an application that answers programs, and pages of this machine or an allowed origin.

    Args:
        application: which answers them.
        allowed: origins elsewhere, such as `https://app.example.org`.
    """

    async def serve(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _is_welcome(dict(scope["headers"]), allowed):
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send(
                {"type": "http.response.body", "body": b"Pages of this origin may not use the local cloud."}
            )
            return
        await application(scope, receive, send)

    return serve


def _is_welcome(headers: dict[bytes, bytes], allowed: Collection[str]) -> bool:
    # A page from elsewhere may give its own host name this machine's address; browsers then send no Origin.
    if b"host" in headers and not _is_here(f"//{headers[b'host'].decode('latin-1')}"):
        return False
    origin = headers.get(b"origin", b"").decode("latin-1")
    return not origin or origin in allowed or _is_here(origin)


def _is_here(address: str) -> bool:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    return host in _THIS_MACHINE or host.endswith(".localhost")
