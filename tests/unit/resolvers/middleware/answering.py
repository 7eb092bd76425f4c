"""A smallest app, and what comes out of the middleware around it."""

from collections.abc import Collection
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resolvers.middleware.allowed_hosts import ANY, AllowedHosts
from resolvers.middleware.gate import Gate
from resolvers.middleware.security_headers import SecurityHeaders

Headers = list[tuple[bytes, bytes]]


def app(*headers: tuple[bytes, bytes]) -> ASGIApp:
    """Return an app that answers 200 with these headers, and accepts every socket with them."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept", "headers": list(headers)})
            return
        await send({"type": "http.response.start", "status": 200, "headers": list(headers)})
        await send({"type": "http.response.body", "body": b"ours"})

    return answer


def gate(
    inner: ASGIApp, hosts: Collection[str] = (ANY,), exempt: Collection[str] = (), strict: int | None = None
) -> Gate:
    """Return an app behind what every request passes."""
    return Gate(inner, AllowedHosts(hosts, exempt), SecurityHeaders(strict))


async def ask(asked: ASGIApp, *headers: tuple[str, str], **scope: Any) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of the answer to a request with these headers."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    given = [(name.encode(), value.encode("latin-1")) for name, value in headers]
    request = {"type": "http", "path": "/graphql", "scheme": "http", "headers": given, **scope}
    await asked(request, receive, send)
    start = sent[0]
    answered = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return start.get("status", 101), answered, b"".join(message.get("body", b"") for message in sent[1:])
