"""Which changes a subscriber may want at all, and an index of the subscribers by it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from models.changes import ChangeKind
from models.storage.store import Item
from resolvers.feed.row_changes import RowChange
from schema.amplify.wire import OWNER_SEPARATOR

_T = TypeVar("_T")
Pin = tuple[str, str]  # a field, and the text that it must hold
ALL_KINDS = frozenset(ChangeKind)


@dataclass(frozen=True, slots=True)
class Interest:
    """What a change must be like for a subscriber to want it; whether they get it is decided by more than that.

    Args:
        kinds: what may have happened to the row.
        pins: fields and texts, of which the row must have at least one; None if any row is of interest. Where a
            row holds an owner as `sub::username`, the part after the colons counts, too.
    """

    kinds: frozenset[ChangeKind] = ALL_KINDS
    pins: Collection[Pin] | None = None


ANY_CHANGE = Interest()


class SubscriberIndex(Generic[_T]):
    """An index of subscribers by what they pin: a change costs one look-up for each pinned field."""

    def __init__(self) -> None:
        self._interests: dict[_T, Interest] = {}
        self._unpinned: dict[ChangeKind, dict[_T, None]] = {kind: {} for kind in ChangeKind}
        self._pinned: dict[ChangeKind, dict[str, dict[str, dict[_T, None]]]] = {kind: {} for kind in ChangeKind}

    def __len__(self) -> int:
        return len(self._interests)

    def __iter__(self) -> Iterator[_T]:
        return iter(self._interests)

    def add(self, subscriber: _T, interest: Interest) -> None:
        """Add a subscriber."""
        self._interests[subscriber] = interest
        for kind in interest.kinds:
            if interest.pins is None:
                self._unpinned[kind][subscriber] = None
            for field, text in interest.pins or ():
                self._pinned[kind].setdefault(field, {}).setdefault(text, {})[subscriber] = None

    def discard(self, subscriber: _T) -> None:
        """Remove a subscriber, if they are there."""
        interest = self._interests.pop(subscriber, None)
        if interest is None:
            return
        for kind in interest.kinds:
            self._unpinned[kind].pop(subscriber, None)
            for field, text in interest.pins or ():
                _remove(self._pinned[kind], field, text, subscriber)

    def of(self, change: RowChange) -> Collection[_T]:
        """Return the subscribers who may want a change, in the order in which they came for one field."""
        found = dict(self._unpinned[change.kind])
        for field, subscribers in self._pinned[change.kind].items():
            for text in _texts(change.item, field):
                found.update(subscribers.get(text, {}))
        return found.keys()


def _texts(item: Item, field: str) -> Iterator[str]:
    text = item.get(field, {}).get("S")
    if text is not None:
        yield text
        if OWNER_SEPARATOR in text:
            yield text.rpartition(OWNER_SEPARATOR)[2]


def _remove(pinned: dict[str, dict[str, dict[_T, None]]], field: str, text: str, subscriber: _T) -> None:
    """Remove a subscriber from a field's text, and what is empty then."""
    texts = pinned.get(field, {})
    subscribers = texts.get(text, {})
    subscribers.pop(subscriber, None)
    if not subscribers:
        texts.pop(text, None)
    if not texts:
        pinned.pop(field, None)
