"""An id for each request and each socket, in every line of the log and in the answer."""

import os
import re
from collections.abc import Awaitable, Iterable, Iterator

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
_DRAWN = 256  # ids at a time
_STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class RequestIds:
    """Gives each request its id, unless a proxy has given it one, and binds it to the log's context.

    Args:
        app: what answers.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Let the app answer, and name the id in the answer's `x-amzn-RequestId`."""
        if scope["type"] == "lifespan":
            return self._app(scope, receive, send)
        given, trace = _given(scope["headers"])
        name = given or next(_new_ids)
        correlate(name, trace)
        bound = {REQUEST if scope["type"] == "http" else CONNECTION: name}
        if (client := scope.get("client")) is not None:
            bound[ADDRESS] = client[0]
        bind_contextvars(**bound)
        header = (_HEADER, name.encode())

        def named(message: Message) -> Awaitable[None]:
            if message["type"] in _STARTS:
                message["headers"] = [*message.get("headers", ()), header]
            return send(message)

        return self._app(scope, receive, named)


def bind_operation(operation: str) -> None:
    """Give one of a socket's operations a request id of its own, for the lines of the task that runs it.

    Args:
        operation: the client's id, which the lines show, too, unless it is anything but an id.
    """
    name = next(_new_ids)
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


def _random_ids() -> Iterator[str]:
    """Yield random ids in the form of UUIDs, at a fifth of the cost of `uuid4`, which asks the system for each."""
    while True:
        drawn = os.urandom(16 * _DRAWN).hex()
        for digits in (drawn[at : at + 32] for at in range(0, len(drawn), 32)):
            yield f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


_new_ids = _random_ids()
