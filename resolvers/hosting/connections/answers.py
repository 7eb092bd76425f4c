"""Answers to what never becomes a request of the app."""

from http import HTTPStatus

import orjson

from schema.errors import MALFORMED_REQUEST, SERVICE_UNAVAILABLE, error_body

_TYPES = {429: "TooManyRequestsException", 503: SERVICE_UNAVAILABLE}
_RETRY_SECONDS = 5


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
