"""An id for each request and each socket, in every line of the log and in the answer."""

import os
import re
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from models.correlation import correlate
from models.log_lines import REQUEST
from resolvers.security_log import ADDRESS

# AppSync's name for it, in which clients look for it.
HEADER = "x-amzn-RequestId"
# The keys in structlog's context, beside the request's.
CONNECTION, OPERATION = "connection_id", "operation_id"

_HEADER = HEADER.lower().encode()
# What proxies and load balancers in front of us have named the request, the first before the second.
_REQUEST, _TRACE = b"x-request-id", b"x-amzn-trace-id"
_GIVEN = (_REQUEST, _TRACE)
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
        given, trace = _given(scope["headers"])
        name = given or _new_id()
        correlate(name, trace)
        bound = {REQUEST if scope["type"] == "http" else CONNECTION: name}
        if (client := scope.get("client")) is not None:
            bound[ADDRESS] = client[0]
        bind_contextvars(**bound)
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
    name = _new_id()
    correlate(name)
    bind_contextvars(**{REQUEST: name})
    if _VALID.fullmatch(operation.encode(errors="replace")):
        bind_contextvars(**{OPERATION: operation})


def _given(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str | None, str | None]:
    """Return the id that a proxy has given a request, and X-Ray's header; None where there is no valid one."""
    found = {name: value.decode() for name, value in headers if name in _GIVEN and _VALID.fullmatch(value)}
    if not found:
        return None, None
    trace = found.get(_TRACE)
    return found.get(_REQUEST, trace), trace


class _RandomBytes:
    """The system's random bytes, drawn for many ids at a time, because each draw costs more than an id."""

    _DRAWN = 4_096

    def __init__(self) -> None:
        self._left = b""

    def take(self, count: int) -> bytes:
        if len(self._left) < count:
            self._left = os.urandom(self._DRAWN)
        taken, self._left = self._left[:count], self._left[count:]
        return taken


_random = _RandomBytes()


def _new_id() -> str:
    """Return a random id in the form of a UUID, at a third of the cost of `uuid4`."""
    digits = _random.take(16).hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
