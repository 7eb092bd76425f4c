"""The types of an app with the rules between their rows, each from both of its sides."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.constraints.declared import Aggregate, Constraints, OnDelete, Reference
from models.errors import ExpectedError

Value = Mapping[str, Any]
Row = Mapping[str, Value]  # as DynamoDB stores it, without nulls
# A row's key as text: of its hash key, or of its hash key and its range key.
Key = str | tuple[str, str]

SEPARATOR = "#"


class ContradictionError(ExpectedError):
    """Rules of an app contradict each other, or ask for what cannot be kept; the message names them."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A reference, from the side of the type that it leads to.

    Args:
        child: the type whose rows hold the reference.
        reference: the reference.
    """

    child: str
    reference: Reference

    @property
    def counter(self) -> str:
        """Return the attribute of a parent's tally that counts the rows which refer to it; it is stored."""
        return f"{self.child}({','.join(self.reference.fields)})"


@dataclass(frozen=True, slots=True, eq=False)
class RuledType:
    """A type with its rules.

    Args:
        name: its name.
        key: the fields of its rows' key.
        constraints: what its rows obey.
        references: the rows that its rows refer to: those that are declared, and those that an aggregate implies.
        incoming: the references that lead to its rows.
        totals: the aggregates that are stored in its rows.
    """

    name: str
    key: tuple[str, ...]
    constraints: Constraints
    references: tuple[Reference, ...]
    incoming: tuple[Incoming, ...]
    totals: tuple[Aggregate, ...]

    @property
    def is_free(self) -> bool:
        """Return whether no rule is about its rows."""
        return self.constraints == Constraints() and not self.incoming

    @property
    def followed(self) -> tuple[Incoming, ...]:
        """Return the references whose rows follow a deleted row: they are deleted, too, or let go of it."""
        return tuple(one for one in self.incoming if one.reference.on_delete is not OnDelete.RESTRICT)

    @property
    def judged(self) -> frozenset[str]:
        """Return the fields that rules look at; a write is conditioned on them as they were read."""
        rules = self.constraints
        named = {name for unique in rules.unique for name in unique.fields}
        named |= {name for reference in self.references for name in (*reference.fields, *reference.same)}
        named |= {name for composite in rules.composites for name in composite.of}
        named |= {aggregate.of for aggregate in rules.aggregates}
        return frozenset(named | {transitions.field for transitions in rules.transitions})

    def key_of(self, row: Row) -> Key:
        """Return the key of a row."""
        return joined_key([text_of(row[name]) for name in self.key])


def ruled_types(
    keys: Mapping[str, tuple[str, ...]], constraints: Mapping[str, Constraints]
) -> dict[str, RuledType]:
    """Return an app's types with their rules.

    Args:
        keys: the fields of the key of each type.
        constraints: what the rows of some types obey.

    Raises:
        ContradictionError: two rules contradict each other.
    """
    given = {name: constraints.get(name, Constraints()) for name in keys}
    references = {name: tuple(_references(rules)) for name, rules in given.items()}
    incoming: dict[str, list[Incoming]] = {name: [] for name in keys}
    totals: dict[str, list[Aggregate]] = {name: [] for name in keys}
    for name, rules in given.items():
        for reference in references[name]:
            incoming[reference.target].append(Incoming(name, reference))
        for aggregate in rules.aggregates:
            totals[aggregate.target].append(aggregate)
    types = {
        name: RuledType(
            name, keys[name], given[name], references[name], tuple(incoming[name]), tuple(totals[name])
        )
        for name in keys
    }
    if problems := [text for one in types.values() for text in _contradictions(one, types)]:
        raise ContradictionError("; ".join(problems))
    return types


def _references(rules: Constraints) -> Iterator[Reference]:
    """Yield the declared references, and one for each aggregate whose row nothing else keeps from deletion."""
    yield from rules.references
    known = {(one.fields, one.target) for one in rules.references}
    for aggregate in rules.aggregates:
        if (aggregate.by, aggregate.target) not in known:
            known.add((aggregate.by, aggregate.target))
            yield Reference(aggregate.by, aggregate.target, OnDelete.RESTRICT, {}, ())


def _contradictions(kind: RuledType, types: Mapping[str, RuledType]) -> Iterator[str]:
    name, rules = kind.name, kind.constraints
    if rules.expires_by is not None and (rules.unique or kind.references or kind.incoming):
        yield f"{name}: DynamoDB deletes rows by @ttl without regard to @unique, @references, @sum and @average"
    yield from _contradictory_fields(kind)
    for counter in _repeated([one.counter for one in kind.incoming]):
        yield f"{counter} refers to {name} by two rules; one can say all"
    for one in kind.followed:
        if one.reference.on_delete is OnDelete.CASCADE and len(types[one.child].followed) < len(
            types[one.child].incoming
        ):
            yield (
                f"{one.counter}: CASCADE from {name} deletes rows of {one.child}, and RESTRICT keeps some; "
                f"let what refers to {one.child} follow it by CASCADE or SET_NULL, or use RESTRICT here, too"
            )


def _contradictory_fields(kind: RuledType) -> Iterator[str]:
    """Yield the fields of a type of which two rules say what cannot both be."""
    name, rules = kind.name, kind.constraints
    totals = [total.into for total in kind.totals]
    joined = [one.field for one in rules.composites]
    for field in _repeated([*totals, *joined]):
        yield f"{name}.{field}: two rules write it"
    for field in sorted(kind.judged.intersection(totals)):
        yield f"{name}.{field} is a total of other rows, and no other rule of {name} would see it change"
    for field in sorted({part for one in rules.composites for part in one.of}.intersection(joined)):
        yield f"{name}.{field} is joined of other fields, and cannot be a part of a joined one"
    stepped = [steps.field for steps in rules.transitions]
    for field in _repeated(stepped):
        yield f"{name}.{field}: two rules say how it changes; one can say all"
    taken = {f for one in kind.references if one.on_delete is OnDelete.SET_NULL for f in one.fields}
    for field in sorted(taken.intersection((*stepped, *rules.fixed))):
        yield f"{name}.{field}: SET_NULL takes it away, and another rule keeps it"


def _repeated(names: list[str]) -> list[str]:
    return sorted({name for name in names if names.count(name) > 1})


def text_of(value: Value) -> str:
    """Return the text of a text or a number that a row stores."""
    (text,) = value.values()
    return str(text)


def joined_key(texts: list[str]) -> Key:
    """Return the key of the texts of its fields; those that sort are stored together."""
    first, *others = texts
    return (first, SEPARATOR.join(others)) if others else first


def referred(fields: tuple[str, ...], row: Row | None) -> Key | None:
    """Return the key that fields of a row hold, None if one of them is empty, or if there is no row."""
    if row is None or any(name not in row for name in fields):
        return None
    return joined_key([text_of(row[name]) for name in fields])


def changed(before: Row, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as it is after a change of attributes, None for one that is removed."""
    return {name: value for name, value in {**before, **changes}.items() if value is not None}


def composed(kind: RuledType, row: Row) -> dict[str, Any]:
    """Return the fields that the server writes from others, None for one of which a part is missing."""
    return {
        one.field: {"S": SEPARATOR.join(text_of(row[name]) for name in one.of)}
        if all(name in row for name in one.of)
        else None
        for one in kind.constraints.composites
    }


def started(kind: RuledType, row: Row) -> dict[str, Any]:
    """Return a new row with all that the server writes: what other fields make, and totals of no rows."""
    totals = {total.into: {"N": "0"} for total in kind.totals}
    return changed({**row, **totals}, composed(kind, row))
