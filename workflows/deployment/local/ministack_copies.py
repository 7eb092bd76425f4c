"""A faster copy for MiniStack's DynamoDB, which copies each row that it touches.

It used Python's `deepcopy`, which takes three times as long, and took a fifth of the local cloud's time.
"""

import pickle
from types import SimpleNamespace
from typing import Any

from ministack.services import dynamodb


def copied(row: Any) -> Any:
    """Return a copy of a row, or of anything else that MiniStack keeps."""
    return pickle.loads(pickle.dumps(row, pickle.HIGHEST_PROTOCOL))  # noqa: S301 — our own, of a moment ago


def apply() -> None:
    """Let MiniStack copy rows this way, in this process."""
    dynamodb.copy = SimpleNamespace(deepcopy=copied)
