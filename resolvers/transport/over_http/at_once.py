"""Answers without a task: where a request is all there, and nothing has to be waited for.

An ASGI application may be a plain function that returns what is to be awaited. Our server calls it as soon as the
whole request is there, and makes a task only if what it returns is not `DONE`, which saves a tenth of what a short
operation costs.
"""

from collections.abc import Awaitable, Generator
from typing import Any

from starlette.responses import Response
from starlette.types import Message, Scope, Send

from resolvers.transport.over_http.bodies import BODY_BYTES

# The extension of ASGI under which our server gives the body of a request that is all there.
EXTENSION = "hourbank.body"
_BODY = "body"


class _Done:
    """The type of `DONE`."""

    __slots__ = ()

    def __await__(self) -> Generator[Any, Any, None]:
        yield from ()


# What an application or a `send` returns if nothing is left to be awaited; check for it with `is`. A `send` also
# returns it for an answer's start, which it keeps until the body comes. Anything else must be awaited, or what it
# was to do is lost.
DONE: Awaitable[None] = _Done()


def give_body(scope: Scope, body: bytes) -> None:
    """Put the whole body of a request into its scope, as the only extension there, unless it is too large."""
    if len(body) <= BODY_BYTES:
        scope["extensions"] = {EXTENSION: {_BODY: body}}


def take_body_back(scope: Scope) -> None:
    """Take the body out of a request's scope again, so that nothing keeps it in memory."""
    scope.pop("extensions", None)


def body_at_hand(scope: Scope) -> bytes | None:
    """Return the body of a request that is all there; None if it is to be received."""
    given = scope.get("extensions", {}).get(EXTENSION)
    return None if given is None else given[_BODY]


def send_response(response: Response, send: Send) -> Awaitable[None]:
    """Send an answer, at once if the server can; return what is left to be awaited, or `DONE`.

    Args:
        response: an answer that is no stream, and has nothing to do in the background.
        send: the server's, or a middleware's.
    """
    body = {"type": "http.response.body", "body": response.body}
    starting = send(
        {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
    )
    return send(body) if starting is DONE else _send_later(starting, body, send)


async def _send_later(starting: Awaitable[None], body: Message, send: Send) -> None:
    await starting
    await send(body)
