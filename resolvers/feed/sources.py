"""Where the feed's changes come from: the port, and who listens behind it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from models.tables import Table
from resolvers.feed.queues import FeedClosedError
from resolvers.feed.row_changes import RowChange


class Listener(Protocol):
    """Whoever passes on the changes of a table."""

    async def publish(self, changes: Sequence[RowChange]) -> None:
        """Pass on changes, those of one row in order."""

    def close(self, reason: FeedClosedError) -> None:
        """Close every subscription that there is now, because changes may have been missed."""


class ChangeSource(Protocol):
    """A source of the changes of all tables, whoever wrote them."""

    @property
    def lag(self) -> float | None:
        """Return for how many seconds the last changes had waited to be read; None if that is not known."""

    async def listen(self, table: type[Table], listener: Listener) -> Callable[[], None]:
        """Tell a listener of a table's changes from now on; return the function that ends it.

        Raises:
            botocore.exceptions.ClientError: AWS refuses it.
            UnavailableError: AWS does not answer.
            LookupError: the table has no stream.
        """

    def expect(self, name: str) -> None:
        """Look for changes soon, because the table of this name was just written to."""

    async def healthy(self) -> bool:
        """Return whether changes can be read now."""

    async def aclose(self) -> None:
        """Read nothing any more, because the server stops."""
