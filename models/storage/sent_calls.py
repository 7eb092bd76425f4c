"""What an operation has sent to AWS: how many calls, and whether a write.

From a write on nobody may be told that nothing was done.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class _Sent:
    """Shared by an operation's tasks, each of which has a copy of its context."""

    write: bool = False


class CallCount:
    """The number of calls so far; shared as `_Sent` is."""

    calls = 0


_sent: ContextVar[_Sent | None] = ContextVar("sent writes", default=None)
_counted: ContextVar[CallCount | None] = ContextVar("counted calls", default=None)


@contextmanager
def watched_writes() -> Iterator[None]:
    """Watch the writes of an operation until the context ends."""
    before = _sent.set(_Sent())
    try:
        yield
    finally:
        _sent.reset(before)


def note_write() -> None:
    """Note that a write was sent which may have been carried out, whatever its answer was."""
    if (sent := _sent.get()) is not None:
        sent.write = True


def was_any_sent() -> bool:
    """Return whether the operation that is watched has sent a write; False outside of any."""
    sent = _sent.get()
    return sent is not None and sent.write


def count_calls(count: CallCount) -> None:
    """Count the calls that this task or thread makes from now on, with the tasks that it begins."""
    _counted.set(count)


def note_call() -> None:
    """Count a call."""
    if (count := _counted.get()) is not None:
        count.calls += 1
