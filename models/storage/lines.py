"""Fair lines for accounts: one piece of work at a time has a key, and callers take turns at it.

- A caller has one place in the lines of another's keys; their further work waits behind it, so that whoever sends
  the most does not come first.
- The owner of a key, whose id it is, waits for one other's turn at most, however many others want it.
- Work gets all of its keys at once or waits for all: nobody holds one account while waiting for another, so that
  nobody can be made to wait for a line in which they do not stand, and there is no deadlock.
- Work that waits for two keys is overtaken a few times at most, by work whose keys are free; then it is pressing,
  and its keys are kept free for it. The first of those that are pressing waits only for who has its keys, and
  whoever has keys waits for nothing.

Nothing here waits: who waits is told by a callback. So the same lines serve an event loop and threads.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import count

from models.errors import ContentionError
from models.limits import LimitSet, limit

# How often work that waits for two keys may be overtaken.
_OVERTAKEN = 4
_Gate = tuple[str, frozenset[str]]


@dataclass(frozen=True, kw_only=True)
class LineLimits(LimitSet):
    """How many may wait for one account."""

    waiting: int = limit(100, "members who wait for one account, its owner not counted", code="CONTENTION")
    waiting_each: int = limit(
        10, "mutations of one member that wait for one account of another member", code="CONTENTION"
    )


@dataclass(eq=False, slots=True)
class Place:
    """A piece of work's place in the lines of its keys.

    Args:
        keys: the keys that it needs.
        by: the caller; None for work of the server's own, which is nobody's.
        on_turn: called when its turn has come.
        rank: the order of the places, across all lines: a place comes before those with a greater rank.
        overtaken: how often work with a greater rank has got a key that this one waits for.
    """

    keys: frozenset[str]
    by: str | None
    on_turn: Callable[[], object]
    has_turn: bool = False
    rank: tuple[int, ...] = ()
    overtaken: int = 0
    gate: _Gate | None = field(init=False)

    def __post_init__(self) -> None:
        others = self.keys - {self.by}
        self.gate = None if self.by is None or not others else (self.by, others)


class Lines:
    """The lines of all keys.

    Args:
        limits: how many may wait; without limits, all may.
    """

    def __init__(self, limits: LineLimits | None) -> None:
        self._limits = limits
        self._taken: set[str] = set()
        self._lines: dict[str, dict[Place, None]] = {}
        self._pressing: set[Place] = set()
        # The work of one caller for the same keys of others, of which only the first piece stands in line.
        self._gates: dict[_Gate, deque[Place]] = {}
        self._numbers = count()

    def __len__(self) -> int:
        """Return how many keys are taken or waited for."""
        return len(self._taken | self._lines.keys())

    def are_free(self, keys: Iterable[str]) -> bool:
        """Return whether nobody has any of the keys or waits for one."""
        return not any(key in self._taken or key in self._lines for key in keys)

    def enter(self, keys: Iterable[str], by: str | None, on_turn: Callable[[], object]) -> Place:
        """Take a place, which `leave` must give back; its turn may have come before this returns.

        Raises:
            ContentionError: too many wait already.
        """
        place = Place(frozenset(keys), by, on_turn)
        self._check_room(place)
        if place.gate is not None:
            gated = self._gates.setdefault(place.gate, deque())
            gated.append(place)
            if len(gated) > 1:
                return place
        self._stand(place)
        self._serve(place.keys)
        return place

    def leave(self, place: Place) -> None:
        """Give a place back: its work is done, or nobody wants it any more."""
        if place.has_turn:
            self._taken -= place.keys
        else:
            self._step_out(place)
        if (follower := self._leave_gate(place)) is not None:
            self._stand(follower)
        # The follower needs the same keys of others, so serving those serves it, too.
        self._serve(place.keys)

    def _check_room(self, place: Place) -> None:
        if self._limits is None:
            return
        if place.gate is not None and (gated := self._gates.get(place.gate)):
            # One of them has its turn or is the first in line.
            if len(gated) > self._limits.waiting_each:
                raise ContentionError("Too many of your changes wait for the same member; wait for their answers.")
            return
        for key in place.keys:
            is_owner = place.by == key
            waiting = sum((one.by == key) is is_owner for one in self._lines.get(key, ()))
            if waiting >= self._limits.waiting:
                raise ContentionError("Too many wait for the same member at the moment; try again in a second.")

    def _leave_gate(self, place: Place) -> Place | None:
        """Take a place from behind its gate, and return the one that is to follow it, if any."""
        if place.gate is None:
            return None
        gated = self._gates[place.gate]
        was_first = gated[0] is place
        gated.remove(place)
        if not gated:
            del self._gates[place.gate]
            return None
        return gated[0] if was_first else None

    def _stand(self, place: Place) -> None:
        """Let a place stand in the lines of its keys: at the end, or as the owner behind the first of others."""
        place.rank = (*self._behind(place), next(self._numbers))
        for key in place.keys:
            self._lines.setdefault(key, {})[place] = None

    def _behind(self, place: Place) -> tuple[int, ...]:
        """Return the rank of whom an owner stands right behind: the owner's own work and others' take turns."""
        if place.by not in place.keys:
            return ()
        line = sorted(self._lines.get(place.by, ()), key=_rank)
        others = [one.rank for one in line if one.by != place.by]
        own = len(line) - len(others)
        return others[own] if own < len(others) else ()

    def _step_out(self, place: Place) -> None:
        """Take a place out of the lines in which it stands."""
        self._pressing.discard(place)
        for key in place.keys:
            line = self._lines.get(key, {})
            line.pop(place, None)
            if not line:
                self._lines.pop(key, None)

    def _serve(self, keys: Iterable[str]) -> None:
        """Give keys that may have become free to those who wait for them, in the order of their ranks."""
        waiting = {place for key in keys if key not in self._taken for place in self._lines.get(key, ())}
        for place in sorted(waiting, key=_rank):
            gives_way = any(self._gives_way(place, to=one) for one in self._pressing)
            if not gives_way and self._taken.isdisjoint(place.keys):
                self._give(place)

    @staticmethod
    def _gives_way(place: Place, *, to: Place) -> bool:
        if place.keys.isdisjoint(to.keys):
            return False
        return place.overtaken < _OVERTAKEN or to.rank < place.rank

    def _give(self, place: Place) -> None:
        self._step_out(place)
        self._taken |= place.keys
        for key in place.keys:
            for one in self._lines.get(key, ()):
                if one.rank < place.rank:
                    one.overtaken += 1
                    if one.overtaken >= _OVERTAKEN:
                        self._pressing.add(one)
        place.has_turn = True
        place.on_turn()


def _rank(place: Place) -> tuple[int, ...]:
    return place.rank
