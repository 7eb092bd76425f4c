"""Turns changes of rows, and what they write beside them, into the parts of one transaction."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import Any, Never

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from models.constraints.declared import OnDelete
from models.constraints.planning import Check, Guard, ParentChange, Place, Plan, RowChange, Share
from models.constraints.refusals import (
    departing_refusal,
    duplicate_refusal,
    reference_refusal,
    referenced_refusal,
    sum_refusal,
)
from models.constraints.ruled import Row, RuledType
from models.errors import Refusal
from models.integrity.judged_writing import Judge, JudgedWriting, OvertakenError, stale
from models.integrity.ruled_tables import DEPARTING, GUARDS, UNIQUE, RuledTables, tally_key
from models.storage.store import ConditionFailedError, Item, key_of

# The hash key under which all unfinished deletions are.
DEPARTURES = ".departures"
# Of GraphQL's Int.
LARGEST_INT = Decimal(2**31 - 1)


@dataclass(frozen=True, slots=True)
class RowWrite:
    """A row that a client, or a rule, changes.

    Args:
        change: the change.
        changes: the attributes that change, None for one that is removed; of a new row, all.
        condition: what else must be true of the stored row.
        judge: what it means if that is not so.
    """

    change: RowChange
    changes: Mapping[str, Any]
    condition: Condition | None
    judge: Judge


@dataclass(slots=True)
class Figures:
    """What was read of parents, to decide what is written.

    Args:
        tallies: their tallies; a parent may have none.
        gone: those that did not exist at the last attempt.
        departed: the one whose rows are let go, if any.
    """

    tallies: dict[Place, Item] = field(default_factory=dict)
    gone: set[Place] = field(default_factory=set)
    departed: Place | None = None

    def is_gone(self, place: Place) -> bool:
        """Return whether a parent does not exist any more."""
        return place in self.gone or place == self.departed


def failed(item: Item | None) -> Refusal:
    """Judge that a client's condition does not hold, or that a row exists or does not.

    Raises:
        ConditionFailedError: always.
    """
    raise ConditionFailedError(item)


def overtaken(_: Item | None) -> Never:
    """Judge that a row that follows another has changed.

    Raises:
        OvertakenError: always.
    """
    raise OvertakenError("rows that refer to the deleted one have changed since they were read")


class Composition:
    """Adds changes to a transaction.

    Args:
        writing: the transaction.
        tables: the app's types and tables.
        figures: what was read of parents.
    """

    def __init__(self, writing: JudgedWriting, tables: RuledTables, figures: Figures) -> None:
        self._writing = writing
        self._tables = tables
        self._figures = figures

    def row(self, write: RowWrite) -> None:
        """Add a row that is created, changed or deleted."""
        change = write.change
        table = self._tables.tables[change.kind.name]
        key = change.place[1]
        # In PynamoDB, `None & condition` is the condition.
        if change.before is None:
            is_new = write.condition & key_of(table).does_not_exist()
            self._writing.put(table, dict(write.changes), is_new)
        elif change.after is None:
            self._writing.remove(table, key, write.condition & row_condition(change, table))
        else:
            condition = write.condition & row_condition(change, table)
            self._writing.update(table, key, actions_of(write.changes), condition)
        self._writing.judged_by(write.judge)
        if change.before is None and change.kind.followed:
            self._writing.check(GUARDS, tally_key(change.place), Path([DEPARTING]).does_not_exist())
            self._writing.judged_by(lambda _: departing_refusal(change.kind))

    def beside(self, plan: Plan) -> None:
        """Add what is written beside the rows."""
        for key, guard in plan.claimed.items():
            item = {"id": {"S": key}, "kind": {"S": UNIQUE}, "holder": {"S": guard.holder}}
            self._writing.put(GUARDS, item, _free_or_held_by(guard.holder))
            self._writing.judged_by(partial(_taken, guard))
        for key, guard in plan.freed.items():
            self._writing.remove(GUARDS, (key, UNIQUE), _free_or_held_by(guard.holder))
            self._writing.judged_by(stale)
        for place, parent in plan.parents.items():
            self._tally(place, parent)
            self._parent(place, parent)

    def leave(self, change: RowChange, counts: Mapping[str, int], *, departing: bool) -> None:
        """Add what the deletion of a row does to its tally.

        Args:
            change: the deletion.
            counts: how many rows follow in the same transaction, by the reference's counter.
            departing: whether rows that follow are left for later, which the tally remembers.
        """
        kind = change.kind
        if not kind.incoming:
            return
        key = tally_key(change.place)
        if not departing:
            condition = _counted({one.counter: counts.get(one.counter, 0) for one in kind.incoming})
            self._writing.remove(GUARDS, key, condition)
        else:
            kept = [one.counter for one in kind.incoming if one.reference.on_delete is OnDelete.RESTRICT]
            none_kept = _counted(dict.fromkeys(kept, 0)) if kept else None
            self._writing.update(GUARDS, key, [Path([DEPARTING]).set({"BOOL": True})], none_kept)
        self._writing.judged_by(lambda item: _refused_deletion(kind, item))
        if departing:
            self._writing.put(GUARDS, departure(change))
            self._writing.judged_by(stale)

    def _tally(self, place: Place, parent: ParentChange) -> None:
        """Add the change of a parent's tally, on which nothing depends but its averages."""
        actions = [_added(counter, Decimal(delta)) for counter, delta in parent.counts.items()]
        condition: Condition | None = None
        for into, share in parent.shares.items():
            actions += [_added(_sum_of(into), share.sum), _added(_count_of(into), Decimal(share.count))]
            for name in (_sum_of(into), _count_of(into)):
                condition &= _as_read(self._figures.tallies.get(place, {}), name)
        is_departed = place == self._figures.departed
        if is_departed:
            condition &= Path([DEPARTING]).exists()
        if actions:
            self._writing.update(GUARDS, tally_key(place), actions, condition)
            self._writing.judged_by(overtaken if is_departed else stale)

    def _parent(self, place: Place, parent: ParentChange) -> None:
        table, key = self._tables.tables[place[0]], place[1]
        actions = [_added(into, delta) for into, delta in parent.sums.items()]
        actions += [_action(into, self._average(place, into, share)) for into, share in parent.shares.items()]
        if not actions and not parent.checks:
            return
        if self._figures.is_gone(place):
            self._writing.check(table, key, key_of(table).does_not_exist())
            self._writing.judged_by(lambda item: self._is_there_again(place, item))
            return
        condition: Condition = key_of(table).exists()
        for check in parent.checks:
            condition = check_condition(check) & condition
        for into, delta in self._bounded(place, parent):
            condition &= _stays_whole(into, delta)
        if actions:
            self._writing.update(table, key, actions, condition)
        else:
            self._writing.check(table, key, condition)
        self._writing.judged_by(lambda item: self._unmet(place, parent, item))

    def _bounded(self, place: Place, parent: ParentChange) -> Iterator[tuple[str, Decimal]]:
        """Yield the sums that must stay within an Int's bounds, with their changes.

        Rows that follow a deleted one are let go whatever they add up to.
        """
        if self._figures.departed is None:
            whole = {total.into for total in self._tables.types[place[0]].totals if total.is_whole}
            yield from ((into, delta) for into, delta in parent.sums.items() if into in whole)

    def _average(self, place: Place, into: str, share: Share) -> dict[str, str] | None:
        """Return the average that a parent has afterwards; 0 of no rows, because the field may be required."""
        tally = self._figures.tallies.get(place, {})
        total = Decimal(tally.get(_sum_of(into), {"N": "0"})["N"]) + share.sum
        count = int(tally.get(_count_of(into), {"N": "0"})["N"]) + share.count
        return {"N": _spelled(Decimal(repr(float(total / count))))} if count else {"N": "0"}

    def _unmet(self, place: Place, parent: ParentChange, item: Item | None) -> Refusal:
        """Judge a parent that is missing, is not as a check wants it, or would have too large a sum."""
        unmet = next((one for one in parent.checks if item is None or not is_met(one, item)), None)
        if unmet is not None:
            return reference_refusal(unmet.reference)
        if item is None:
            self._figures.gone.add(place)
            stale(item)
        return sum_refusal(place[0], [into for into, _ in self._bounded(place, parent)])

    def _is_there_again(self, place: Place, item: Item | None) -> Never:
        """Judge that a parent that did not exist has been created since."""
        self._figures.gone.discard(place)
        stale(item)


def row_condition(change: RowChange, table: Any) -> Condition:
    """Return the condition that a row exists, and that what its rules look at is as it was read, if they must."""
    condition: Condition = key_of(table).exists()
    before, after = change.before or {}, change.after
    judged = change.kind.judged
    if after is not None and all(before.get(name) == after.get(name) for name in judged):
        return condition
    for name in sorted(judged):
        condition &= _as_read(before, name)
    return condition


def _stays_whole(into: str, delta: Decimal) -> Condition:
    """Return the condition that a sum has no more than the 32 bits of GraphQL's Int after a change."""
    path = Path([into])
    most, least = {"N": _spelled(LARGEST_INT - delta)}, {"N": _spelled(-LARGEST_INT - 1 - delta)}
    fits: Condition = path.does_not_exist() | (path <= most if delta > 0 else path >= least)
    return fits


def actions_of(changes: Mapping[str, Any]) -> list[Action]:
    """Return the actions that change attributes."""
    return [_action(name, value) for name, value in changes.items()]


def departure(change: RowChange) -> Item:
    """Return the row that remembers that rows are still to follow a deleted one."""
    row = change.before or {}
    return {
        "id": {"S": DEPARTURES},
        "kind": {"S": tally_key(change.place)[0]},
        "type": {"S": change.kind.name},
        "key": {"M": {name: dict(row[name]) for name in change.kind.key}},
    }


def count_in(tally: Item | None, counter: str) -> int:
    """Return how many rows refer to another by a reference."""
    return int((tally or {}).get(counter, {"N": "0"})["N"])


def check_condition(check: Check) -> Condition | None:
    """Return what must be true of a parent's row, beside its being there."""
    condition: Condition | None = None
    for name, value in _wanted(check):
        condition &= Path([name]).does_not_exist() if value is None else Path([name]) == value
    return condition


def is_met(check: Check, item: Item) -> bool:
    """Return whether a parent's row is as a check wants it."""
    return all(item.get(name) == value for name, value in _wanted(check))


def _wanted(check: Check) -> Iterable[tuple[str, Any]]:
    """Yield the fields of a parent that a check looks at, with the value that each must have."""
    for name, value in check.reference.where.items():
        yield name, _wire(value)
    yield from check.same.items()


def _wire(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"S": value} if isinstance(value, str) else {"N": _spelled(Decimal(repr(value)))}


def _taken(guard: Guard, _: Item | None) -> Refusal:
    """Judge that another row has unique values."""
    return duplicate_refusal(guard.kind, guard.unique)


def _refused_deletion(kind: RuledType, item: Item | None) -> Refusal:
    """Judge that others refer to a row: some that keep it, or some that follow it and were not seen.

    Raises:
        OvertakenError: none of them keeps it.
    """
    kept = [
        one
        for one in kind.incoming
        if one.reference.on_delete is OnDelete.RESTRICT and count_in(item, one.counter) > 0
    ]
    return referenced_refusal(kind, kept) if kept else overtaken(item)


def _free_or_held_by(holder: str) -> Condition:
    condition: Condition = Path(["id"]).does_not_exist() | (Path(["holder"]) == {"S": holder})
    return condition


def none_left(kind: RuledType) -> Condition:
    """Return the condition on a tally that no row refers to its row."""
    return _counted({one.counter: 0 for one in kind.incoming})


def _counted(counts: Mapping[str, int]) -> Condition:
    """Return the condition that as many rows refer to another by each reference."""
    condition: Condition | None = None
    for counter, count in counts.items():
        path = Path([counter])
        condition &= path == {"N": str(count)} if count else path.does_not_exist() | (path <= {"N": "0"})
    assert condition is not None, "nothing refers to the row"  # noqa: S101 — a caller's mistake
    return condition


def _as_read(item: Row, name: str) -> Condition:
    path = Path([name])
    condition: Condition = path == item[name] if name in item else path.does_not_exist()
    return condition


def _action(name: str, value: Any) -> Action:
    return Path([name]).remove() if value is None else Path([name]).set(value)


def _added(name: str, delta: Decimal) -> Action:
    return Path([name]).add({"N": _spelled(delta)})


def _spelled(number: Decimal) -> str:
    return f"{number.normalize() + 0:f}"


def _sum_of(into: str) -> str:
    return f"{into}.sum"


def _count_of(into: str) -> str:
    return f"{into}.count"
