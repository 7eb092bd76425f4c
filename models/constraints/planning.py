"""What changes of rows write beside them, so that the rules stay true: one plan is one transaction.

Unique values have a guard row each. A row that others refer to has a tally: how many refer to it, by reference,
and what its averages are made of. Tallies are rows of their own, so that nobody hears of a change of the parent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from json import dumps

from models.constraints.declared import Aggregate, Reference, Unique
from models.constraints.refusals import reference_refusal
from models.constraints.ruled import Incoming, Key, Row, RuledType, Value, referred
from models.errors import Refusal
from models.identifiers import derived

# A row among all rows of an app: its type's name and its key.
Place = tuple[str, Key]


@dataclass(frozen=True, slots=True)
class RowChange:
    """A row that is created, changed or deleted.

    Args:
        kind: its type.
        before: the row as it is stored; None if it is new.
        after: the row as it will be; None if it is deleted.
    """

    kind: RuledType
    before: Row | None
    after: Row | None

    @property
    def place(self) -> Place:
        """Return where the row is."""
        row = self.after if self.before is None else self.before
        assert row is not None, "a row that neither was nor will be"  # noqa: S101 — a caller's mistake
        return self.kind.name, self.kind.key_of(row)


@dataclass(frozen=True, slots=True)
class Guard:
    """A row that keeps others from having the same unique values.

    Args:
        kind: the type.
        unique: the rule.
        holder: the row that has the values, as text.
    """

    kind: RuledType
    unique: Unique
    holder: str


@dataclass(frozen=True, slots=True)
class Check:
    """What must be true of a parent for a row to refer to it.

    Args:
        reference: the reference.
        same: the values that both rows must have.
    """

    reference: Reference
    same: dict[str, Value | None]


@dataclass(slots=True)
class Share:
    """By how much the figures of an average change.

    Args:
        sum: of the values.
        count: of the rows with a value.
    """

    sum: Decimal = Decimal(0)
    count: int = 0


@dataclass(slots=True)
class ParentChange:
    """What rows change of a row that they refer to.

    Args:
        counts: by how much the numbers of referring rows change, by the tally's attribute.
        sums: by how much its sums change, by its fields.
        shares: by how much the figures of its averages change, by its fields.
        checks: what must be true of it.
    """

    counts: dict[str, int] = field(default_factory=dict)
    sums: dict[str, Decimal] = field(default_factory=dict)
    shares: dict[str, Share] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)


@dataclass(slots=True)
class Plan:
    """What is written beside the rows that change.

    Args:
        claimed: the guards that are put, by their ids.
        freed: the guards that are removed, by their ids.
        parents: what changes of the rows that others refer to.
    """

    claimed: dict[str, Guard] = field(default_factory=dict)
    freed: dict[str, Guard] = field(default_factory=dict)
    parents: dict[Place, ParentChange] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is written beside the rows."""
        return not self.claimed and not self.freed and not self.parents


def plan_for(changes: Iterable[RowChange]) -> Plan | Refusal:
    """Return what changes of rows write beside them, or the refusal of a row that would refer to itself.

    What rows change of a parent that is deleted with them is left out.
    """
    changes = list(changes)
    plan = Plan()
    for change in changes:
        _guard(plan, change)
        for reference in change.kind.references:
            if (refusal := _refer(plan, change, reference)) is not None:
                return refusal
        for aggregate in change.kind.constraints.aggregates:
            _total(plan, change, aggregate)
    removed = {change.place for change in changes if change.after is None}
    parents = {place: _real(one) for place, one in plan.parents.items() if place not in removed}
    plan.parents = {place: one for place, one in parents.items() if one != ParentChange()}
    return plan


def _real(parent: ParentChange) -> ParentChange:
    """Return what changes of a parent, without figures that stay as they are."""
    return ParentChange(
        counts={name: delta for name, delta in parent.counts.items() if delta},
        sums={name: delta for name, delta in parent.sums.items() if delta},
        shares={name: share for name, share in parent.shares.items() if share != Share()},
        checks=parent.checks,
    )


def guard_id(kind: RuledType, unique: Unique, row: Row | None) -> str | None:
    """Return the id of the guard of a row's values, which is stored; None if one of them is missing."""
    if row is None or any(name not in row for name in unique.fields):
        return None
    return derived(kind.name, *unique.fields, dumps([row[name] for name in unique.fields], sort_keys=True))


def _guard(plan: Plan, change: RowChange) -> None:
    for unique in change.kind.constraints.unique:
        old, new = (guard_id(change.kind, unique, row) for row in (change.before, change.after))
        if old == new:
            continue
        guard = Guard(change.kind, unique, dumps(change.place[1]))
        if old is not None:
            plan.freed[old] = guard
        if new is not None:
            plan.claimed[new] = guard


def _refer(plan: Plan, change: RowChange, reference: Reference) -> Refusal | None:
    before, after = change.before, change.after
    old, new = referred(reference.fields, before), referred(reference.fields, after)
    if (reference.target, new) == change.place:
        return reference_refusal(reference)
    counter = Incoming(change.kind.name, reference).counter
    for key, one in ((old, -1), (new, 1)):
        if key is not None:
            counts = _parent(plan, reference.target, key).counts
            counts[counter] = counts.get(counter, 0) + one
    if new is not None and after is not None:
        same = {name: after.get(name) for name in reference.same}
        if old != new or any((before or {}).get(name) != value for name, value in same.items()):
            _parent(plan, reference.target, new).checks.append(Check(reference, same))
    return None


def _total(plan: Plan, change: RowChange, aggregate: Aggregate) -> None:
    for key, value, count in _contributions(change, aggregate):
        parent = _parent(plan, aggregate.target, key)
        if aggregate.is_average:
            share = parent.shares.setdefault(aggregate.into, Share())
            share.sum += value
            share.count += count
        else:
            parent.sums[aggregate.into] = parent.sums.get(aggregate.into, Decimal(0)) + value


def _contributions(change: RowChange, aggregate: Aggregate) -> Iterator[tuple[Key, Decimal, int]]:
    """Yield what a row gives to its parents, with the parents' keys: what it gave is taken back."""
    for row, one in ((change.before, -1), (change.after, 1)):
        key = referred(aggregate.by, row)
        if row is not None and key is not None and aggregate.of in row:
            yield key, Decimal(row[aggregate.of]["N"]) * one, one


def _parent(plan: Plan, target: str, key: Key) -> ParentChange:
    return plan.parents.setdefault((target, key), ParentChange())
