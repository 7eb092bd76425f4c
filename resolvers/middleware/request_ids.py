"""An id for each request and each socket, in every line of the log and in the answer."""

import re
from collections.abc import Iterable
from uuid import uuid4

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from resolvers.security_log import ADDRESS

# AppSync's name for it, in which clients look for it.
HEADER = "x-amzn-RequestId"
# The keys in structlog's context.
REQUEST, CONNECTION, OPERATION = "request_id", "connection_id", "operation_id"

_HEADER = HEADER.lower().encode()
# What proxies and load balancers in front of us have named the request, the first before the second.
_GIVEN = (b"x-request-id", b"x-amzn-trace-id")
# No blanks and no control characters, which could forge a line of the log.
_VALID = re.compile(rb"[\w.:;=,@+/-]{1,128}", re.ASCII)
_STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class RequestIds:
    """Gives each request its id, unless a proxy has given it one, and binds it to the log's context.

    Args:
        app: what answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer, and name the id in the answer's `x-amzn-RequestId`."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        found = _given(scope["headers"])
        name = str(uuid4()) if found is None else found.decode()
        bind_contextvars(**{REQUEST if scope["type"] == "http" else CONNECTION: name})
        if (client := scope.get("client")) is not None:
            bind_contextvars(**{ADDRESS: client[0]})
        header = (_HEADER, name.encode())

        async def named(message: Message) -> None:
            if message["type"] in _STARTS:
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        await self._app(scope, receive, named)


def bind_operation(operation: str) -> None:
    """Give one of a socket's operations a request id of its own, for the lines of the task that runs it.

    Args:
        operation: the client's id, which the lines show, too, unless it is anything but an id.
    """
    bind_contextvars(**{REQUEST: str(uuid4())})
    if _VALID.fullmatch(operation.encode(errors="replace")):
        bind_contextvars(**{OPERATION: operation})


def _given(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    found: dict[bytes, bytes] = {name: value for name, value in headers if name in _GIVEN}
    return next((found[name] for name in _GIVEN if name in found and _VALID.fullmatch(found[name])), None)
