"""Answers to what never becomes a request of the app."""

from http import HTTPStatus

import orjson

from schema.errors import MALFORMED_REQUEST, SERVICE_UNAVAILABLE, error_body

_TYPES = {429: "TooManyRequestsException", 503: SERVICE_UNAVAILABLE}
_RETRY_SECONDS = 5
# The method, the version and the spaces of a request's line.
_AROUND_URL = 64


class RequestRefusedError(Exception):
    """A connection or a request is refused before the app sees it.

    Args:
        status: the HTTP status.
        message: what is wrong, and what to do instead.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def answer(self) -> bytes:
        """Return the last answer on a connection, with a body in the shape of GraphQL's errors."""
        error_type = _TYPES.get(self.status, MALFORMED_REQUEST)
        body = orjson.dumps(error_body(error_type, self.message))
        retry = f"retry-after: {_RETRY_SECONDS}\r\n" if self.status in _TYPES else ""
        head = (
            f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase}\r\n"
            f"content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n"
            f"x-amzn-errortype: {error_type}\r\n"
            f"{retry}"
            "connection: close\r\n\r\n"
        )
        return head.encode("ascii") + body


def too_large_head(limit: int, url: bytes) -> RequestRefusedError:
    """Return the refusal of a line or of headers that are too long.

    Args:
        limit: the bytes that they may have.
        url: what has come of the line's URL, if the headers have not ended yet.
    """
    is_line = len(url) > limit - _AROUND_URL
    status, hint = (414, "; send a POST instead") if is_line else (431, "")
    return RequestRefusedError(status, f"A request's line and headers may have {limit} bytes{hint}")


def too_many_pieces() -> RequestRefusedError:
    """Return the refusal of a request that comes in too many packets or chunks."""
    return RequestRefusedError(413, "The request comes in too many parts; send it in fewer and larger ones")


def upgrade_with_body() -> RequestRefusedError:
    """Return the refusal of an upgrade with a body.

    The parser stops at the headers of every upgrade, also to what nobody speaks here, and leaves the body unread.
    """
    return RequestRefusedError(400, "Send a request with a body without the header Upgrade")
