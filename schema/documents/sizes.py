"""About how many bytes names and texts take in an answer, before it is written."""

from collections.abc import Iterable, Sequence

import orjson

# Longer texts are measured as JSON writes them; in a shorter one an escaped character counts as one byte.
_SHORT = 100
# What JSON needs around a name or a text: quotes, a colon or comma.
_AROUND = 4


def size_of_names(names: Iterable[str]) -> int:
    """Return the bytes of an object's names."""
    return sum(len(name) + _AROUND for name in names)


def size_of_texts(texts: Sequence[str]) -> int:
    """Return the bytes of texts."""
    sizes = [len(text) if len(text) <= _SHORT else len(orjson.dumps(text)) for text in texts]
    return _AROUND * len(texts) + sum(sizes)
