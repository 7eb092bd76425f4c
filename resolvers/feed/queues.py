"""What waits for one subscriber: a bounded queue of changes.

FeedClosedError
└── LaggingSubscriberError  this subscriber fell behind; the others are not affected
"""

from collections import deque

from resolvers.feed.limits import SubscriptionLimits
from resolvers.feed.row_changes import RowChange


class FeedClosedError(Exception):
    """This subscriber receives no further change; the message says why."""


class LaggingSubscriberError(FeedClosedError):
    """The subscriber's queue was full."""


class ChangeQueue:
    """Changes in the order of the stream; one that waits for nothing takes hardly any memory.

    Args:
        limits: the longest queue; one more change drops them all. A single change that is larger than the queue
            may be is still queued.
    """

    __slots__ = ("_bytes", "_changes", "_limits")

    def __init__(self, limits: SubscriptionLimits) -> None:
        self._limits = limits
        self._bytes = 0
        self._changes: deque[RowChange] | None = None

    def __len__(self) -> int:
        return len(self._changes) if self._changes is not None else 0

    def put(self, change: RowChange) -> None:
        """Queue a change.

        Raises:
            LaggingSubscriberError: it is one too many, or too large; none is left in the queue.
        """
        limits = self._limits
        if self._changes is None:
            self._changes = deque()
        elif len(self._changes) >= limits.queue:
            raise self._overflow(f"over {limits.queue} changes")
        elif self._bytes + change.size > limits.queue_bytes:
            raise self._overflow(f"over {limits.queue_bytes} bytes of changes")
        self._changes.append(change)
        self._bytes += change.size

    def pop(self) -> RowChange:
        """Return the oldest change; there must be one."""
        assert self._changes is not None  # noqa: S101 — see above
        change = self._changes.popleft()
        self._bytes -= change.size
        if not self._changes:
            self._changes = None
        return change

    def _overflow(self, excess: str) -> LaggingSubscriberError:
        self._changes, self._bytes = None, 0
        return LaggingSubscriberError(f"Closed: {excess} were waiting to be read")
