"""What subscribers are told of one change, kept with it for as long as it waits for one of them."""

from collections.abc import Hashable
from typing import Any

# Bytes that answers to a change may take, beside four times what its row takes. Further ones are made for each
# subscriber: a change may wait in the queue of one who does not read, where only its row is counted.
_ALLOWED = 16 * 1024
_TIMES = 4


class KeptAnswers:
    """The answers to one change, by what decides them."""

    __slots__ = ("_by_key", "_left")

    def __init__(self, row_size: int) -> None:
        self._by_key: dict[Hashable, Any] = {}
        self._left = _ALLOWED + _TIMES * row_size

    def get(self, key: Hashable) -> Any:
        """Return an answer, None if it is not kept."""
        return self._by_key.get(key)

    def keep(self, key: Hashable, answer: Any, size: int) -> None:
        """Keep an answer, if there is room for so many bytes; else drop what is kept by the same key."""
        if size <= self._left:
            self._left -= size
            self._by_key[key] = answer
        else:
            self._by_key.pop(key, None)
