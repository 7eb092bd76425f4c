"""The headers of a request or a socket, found by their names."""

from functools import lru_cache
from typing import Any

from starlette.datastructures import Headers
from starlette.types import Scope

Field = tuple[bytes, bytes]  # name and value
_KEY = "indexed_headers"  # in a scope


class IndexedHeaders(Headers):
    """Starlette's headers with an index: Starlette itself goes through all of them for each name.

    Args:
        raw: names, in lower case, and values, in the order in which they were sent.

    Attributes:
        first: the value of each header, by its name; the first, if several have one name.
        has_repeats: whether several have one name.
    """

    def __init__(self, raw: list[Field]) -> None:
        raw = list(raw)  # a copy: the protocol appends trailers, which are no headers, to its own list
        super().__init__(raw=raw)
        self.first = dict(reversed(raw))
        self.has_repeats = len(self.first) < len(raw)

    def only(self, name: bytes) -> str | None:
        """Return the value of a header, named in lower case; None if it is missing, or any name occurs twice."""
        value = None if self.has_repeats else self.first.get(name)
        return None if value is None else value.decode("latin-1")

    def getlist(self, key: str) -> list[str]:
        """Return the values of all headers of a name."""
        if self.has_repeats:
            return super().getlist(key)
        value = self.first.get(_raw(key))
        return [] if value is None else [value.decode("latin-1")]

    def __getitem__(self, key: str) -> str:
        return self.first[_raw(key)].decode("latin-1")

    def __contains__(self, key: Any) -> bool:
        return _raw(key) in self.first


def request_headers(scope: Scope) -> IndexedHeaders:
    """Return the headers of a request or a socket; whoever asks first has them indexed."""
    headers: IndexedHeaders | None = scope.get(_KEY)
    if headers is None:
        headers = scope[_KEY] = IndexedHeaders(scope["headers"])
    return headers


@lru_cache(maxsize=64)  # the server asks for few
def _raw(name: str) -> bytes:
    return name.lower().encode("latin-1")
