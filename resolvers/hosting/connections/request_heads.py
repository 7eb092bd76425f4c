"""The line and the headers of a request."""

from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote

import httptools

Headers = Iterable[tuple[bytes, bytes]]  # names in lower case, and values


@lru_cache(maxsize=64)  # most requests are for a few
def parts_of(url: bytes) -> tuple[str, bytes, bytes]:
    """Return what ASGI's scope says of a URL: the path, decoded and as it was sent, and the query.

    Raises:
        HttpParserInvalidURLError: it is no URL.
        AttributeError: it has no path.
    """
    parsed = httptools.parse_url(url)
    path = parsed.path.decode("ascii")
    return unquote(path) if "%" in path else path, parsed.path, parsed.query or b""


def size_of(url: bytes, headers: Headers) -> int:
    """Return about how many bytes a request's line and headers took."""
    return len(url) + sum(len(name) + len(value) + len(": \r\n") for name, value in headers)


def has_body(headers: Headers) -> bool:
    """Return whether a request says that it has a body; an empty one does not count."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0 "))
        for name, value in headers
    )


def as_sent(method: str, url: bytes, headers: Headers) -> bytes:
    """Return a request's line and headers as they were sent."""
    lines = [b"%b %b HTTP/1.1\r\n" % (method.encode(), url), *(b"%b: %b\r\n" % header for header in headers)]
    return b"".join((*lines, b"\r\n"))
