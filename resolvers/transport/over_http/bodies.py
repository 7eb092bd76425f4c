"""The bodies of requests: refused if they say that they are too large, and no error if they break off."""

from cross_web import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from models.limits import fixed_limit
from resolvers.middleware.indexed_headers import IndexedHeaders, request_headers
from schema.errors import MALFORMED_REQUEST, error_body

# The limit of a request's body and of a socket's message: an input may hold a row of up to 400 KB.
BODY_BYTES = fixed_limit(
    1_000_000,
    "bytes of an operation: a request's body, or a socket's message",
    topic="requests and sockets",
    code="413, close code 1009",
)
TOO_LARGE = f"The request is larger than {BODY_BYTES} bytes"


class BoundedBodies:
    """Refuses a request at once, on any path, if its Content-Length is over the limit.

    Args:
        app: what answers the other requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or serve a socket."""
        if scope["type"] == "http" and scope["method"] != "GET" and is_too_large(request_headers(scope)):
            body, headers = error_body(MALFORMED_REQUEST, TOO_LARGE), {"x-amzn-ErrorType": MALFORMED_REQUEST}
            refused = JSONResponse(body, status_code=413, headers=headers)
            await refused(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            # Nobody waits for an answer, and nothing is wrong here that the log should tell.
            return


def is_too_large(headers: IndexedHeaders) -> bool:
    """Return whether a request says that its body is over the limit."""
    declared = headers.first.get(b"content-length", b"")
    return declared.isdigit() and int(declared) > BODY_BYTES


async def read_body(receive: Receive) -> bytes:
    """Return a request's body; one over the limit is refused before it is all in memory.

    Raises:
        HTTPException: it is too large.
        ClientDisconnect: it broke off.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > BODY_BYTES:
            raise HTTPException(413, TOO_LARGE)
        if not message.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else part
