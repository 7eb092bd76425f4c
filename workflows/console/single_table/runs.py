"""A run: all rows are copied, page by page, and then the single table's stream is followed.

It may be killed anywhere: what is done is settled row by row, and the position is stored after each page.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from models.clock import to_text
from models.constraints.planning import Place
from models.migration.former import Oddity
from models.single_table.entities import MOVED_FROM, TYPES, key_text, origin_of, type_of
from models.storage.store import Item
from workflows.console.migration.progress import Steps
from workflows.console.single_table.position import PHASES, LeftOvers, Phase, Position, Positions
from workflows.console.single_table.settling import Settling
from workflows.console.single_table.streams import Changed, MissedChangesError, StreamOfTable
from workflows.console.single_table.tables import Sides, SingleTableError

# A stream is read up to a moment when so many reads of all shards in a row found nothing older; seconds between
# two reads.
_QUIET_READS, _PAUSE = 6, 0.5
# Of a run that follows a stream in which nothing happens, and of one that copies: a stream keeps a day.
_SAVED_EVERY, _READ_EVERY = timedelta(minutes=1), timedelta(hours=1)
# Copies of everything in one run: one, and another if the stream has lost records meanwhile.
_MOST_COPIES = 2
_COPIED_IN = {"Expense": Phase.EXPENSES, "Work": Phase.WORKS}


@dataclass
class RunOutcome:
    """What a run has done.

    Attributes:
        written: how many rows were created, changed or deleted in the app's tables.
        left: what stays in the single table, or could not go.
        is_followed: whether what is written meanwhile comes, too.
    """

    written: int
    left: list[Oddity] = field(default_factory=list)
    is_followed: bool = True


@dataclass(slots=True)
class Run:
    """A run.

    Args:
        sides: the single table and the app's tables.
        positions: stores how far it is.
        position: how far it is.
        settling: settles rows.
        steps: shows how far it is.
    """

    sides: Sides
    positions: Positions
    position: Position
    settling: Settling
    steps: Steps

    @classmethod
    async def begun(cls, sides: Sides, steps: Steps, *, again: bool, nobody_writes: bool) -> "Run":
        """Return a run that goes on where the last one has stopped.

        Args:
            sides: the single table and the app's tables.
            steps: shows how far it is.
            again: whether everything is compared again.
            nobody_writes: whether the single table needs no stream, because nobody writes to it.

        Raises:
            SingleTableError: the app has taken over already, or the single table has no stream that it needs.
        """
        name = sides.single.name
        if sides.stream is None and not nobody_writes:
            raise SingleTableError(
                f"{name} has no stream with NEW_AND_OLD_IMAGES, so what is written to it meanwhile would not "
                "come. Switch its stream on, or stop all who write to it and say --nobody-writes."
            )
        positions = Positions(sides.here, name)
        position = await positions.claimed()
        refuse_switched(name, position)
        is_unfollowed = sides.stream is None and position.phase is Phase.FOLLOWING
        if again or is_unfollowed or position.has_missed_changes(sides.stream, sides.now()):
            position = position.restarted(sides.stream, sides.now())
            await positions.save(position)
        left = await LeftOvers.of(sides.here, name)
        return cls(sides, positions, position, Settling(sides, left), steps)

    async def ended(self, *, follow: bool = False) -> RunOutcome:
        """Copy what is not copied yet, and read the stream to its end.

        Args:
            follow: whether to go on reading until the app takes over, or until somebody ends this process.

        Raises:
            SingleTableError: the stream cannot be read, or the app has taken over meanwhile.
        """
        for _ in range(_MOST_COPIES):
            try:
                await self._copy()
                if self.sides.stream is not None:
                    await self.catch_up(follow=follow)
            except MissedChangesError:
                self.position = self.position.restarted(self.sides.stream, self.sides.now())
                await self.positions.save(self.position)
            else:
                left = self.settling.left.oddities
                return RunOutcome(self.settling.written, left, self.sides.stream is not None)
        raise SingleTableError(
            f"The stream of {self.sides.single.name} cannot be read, or loses records before they are read; see "
            "whether it is still switched on, and run again."
        )

    async def _copy(self) -> None:
        for phase in PHASES[PHASES.index(self.position.phase) : -1]:
            if phase is Phase.GONE:
                await self._drop_gone()
            else:
                await self._copy_types(phase)
            # A row may have waited for one of a later page.
            await self.settling.again()
            self.position.phase, self.position.after = PHASES[PHASES.index(phase) + 1], None
            await self.positions.save(self.position)

    async def _copy_types(self, phase: Phase) -> None:
        advance = self.steps.begin(f"{phase}: rows read", await self.sides.count_there())
        range_key = self.sides.single.range_key
        async for page in self.sides.pages_there(self.position.after):
            await self.positions.check()
            due = [
                row for row in page.items if _COPIED_IN.get(type_of(row, range_key) or "", Phase.FIRST) is phase
            ]
            await self.settling.all(_keys(self.sides, due))
            self.position.phase, self.position.after = phase, page.last_key
            await self.positions.save(self.position)
            advance(page.read)
            if self.sides.stream is not None and self._is_due(_READ_EVERY):
                await self.catch_up()

    async def _drop_gone(self) -> None:
        """Delete rows of the app's tables whose rows are gone from the single one; those that refer first."""
        advance = self.steps.begin(f"{Phase.GONE}: rows read", None)
        sides = self.sides
        for name in reversed(TYPES):
            kind = sides.rows.tables.types[name]
            async for page in sides.pages_here(name):
                moved = [row for row in page if MOVED_FROM in row]
                keys = [(sides.table, sides.key_there(origin_of(row))) for row in moved]
                found = await sides.there.batch_get(keys, consistent=True)
                gone: dict[str, tuple[Item, Sequence[Place]]] = {
                    key_text(origin_of(row)): (origin_of(row), [(name, kind.key_of(row))])
                    for row, there in zip(moved, found, strict=True)
                    if there is None or sides.place_of(there) != (name, kind.key_of(row))
                }
                await self.positions.check()
                await self.settling.all(gone)
                advance(len(page))

    async def catch_up(self, *, follow: bool = False) -> None:
        """Read the stream up to this moment.

        Args:
            follow: whether to go on reading until the app takes over.

        Raises:
            MissedChangesError: the stream has records no more that were not read.
        """
        advance = self.steps.begin("changes of the stream", None)
        stream = StreamOfTable(self.sides.there.calls, self.position)
        quiet, began = 0, self.sides.now()
        while quiet < _QUIET_READS or follow:
            found = await self._read(stream)
            quiet = 0 if stream.is_behind or any(one.at < began for one in found) else quiet + 1
            advance(len(found))
            is_due = quiet == _QUIET_READS or self._is_due(_SAVED_EVERY)
            if is_due:
                await self.settling.again()
            if found or is_due:
                self.position.read_at = self.sides.now()
                await self.positions.save(self.position)
            if not found:
                await self.sides.there.calls.pause(_PAUSE)

    async def _read(self, stream: StreamOfTable) -> list[Changed]:
        """Settle what the next page of each shard says, and return it."""
        found: list[Changed] = []
        async for changes in stream.read():
            if changes:
                await self.positions.check()
                await self.settling.all(_places(self.sides, changes))
                found += changes
        return found

    def _is_due(self, every: timedelta) -> bool:
        read_at = self.position.read_at
        return read_at is None or self.sides.now() - read_at > every


def refuse_switched(name: str, position: Position) -> None:
    """Refuse to write to tables that the app has taken over.

    Raises:
        SingleTableError: it has.
    """
    if position.switched is not None:
        raise SingleTableError(
            f"The app has taken over the rows of {name} on {to_text(position.switched)}, so a run could undo what "
            "it has written since. `verify` says what the single table has got since then; `back` goes back."
        )


def _keys(sides: Sides, rows: Iterable[Item]) -> dict[str, tuple[Item, Sequence[Place]]]:
    """Return rows of the single table as they are settled."""
    keys = (sides.single.key_of(row) for row in rows)
    return {key_text(key): (key, ()) for key in keys}


def _places(sides: Sides, changes: Iterable[Changed]) -> dict[str, tuple[Item, Sequence[Place]]]:
    """Return changed rows as they are settled, each with all places where it was."""
    found: dict[str, tuple[Item, Sequence[Place]]] = {}
    for one in changes:
        # A stream tells the parts of a key in any order.
        key = sides.single.key_of(one.key)
        _, places = found.get(text := key_text(key), (key, ()))
        place = None if one.before is None else sides.place_of(one.before)
        found[text] = (key, places if place is None else (*places, place))
    return found
