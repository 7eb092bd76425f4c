"""Which changes were passed on already: a message comes again, for instance, if its deletion was not heard."""

from collections import OrderedDict

from models.changes import Change

# Rows that are remembered, some 2 MB. A message that comes again comes within seconds.
_MOST_ROWS = 10_000


class LastChanges:
    """The last change of each row that was passed on, for the rows that changed last.

    Args:
        most: how many rows are remembered.
    """

    def __init__(self, most: int = _MOST_ROWS) -> None:
        self._most = most
        # A table that is made anew has another stream, whose sequence numbers may be smaller.
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()

    def has(self, change: Change) -> bool:
        """Return whether a change, or a later one of its row, was passed on."""
        return change.sequence <= self._last.get((change.row_id, change.stream), -1)

    def note(self, change: Change) -> None:
        """Take note that a change was passed on."""
        row = change.row_id, change.stream
        self._last[row] = max(change.sequence, self._last.get(row, -1))
        self._last.move_to_end(row)
        if len(self._last) > self._most:
            self._last.popitem(last=False)
