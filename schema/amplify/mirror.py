"""Types that are declared as Python classes: the decorator that mirrors one, and the catalogue of several.

Example:
    >>> @mirrored(table=tables.Service, rules=[owner("userId"), private({READ}), groups("admin")])
    ... class Service:
    ...     id: ID
    ...     userId: ID
    ...     tags: list[str]
    ...     user = belongs_to("User", "userId")
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, get_type_hints

from models.storage.store import key_of
from models.tables import Table
from schema.amplify.bounds import Bound
from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import (
    Model,
    Operations,
    Protection,
    Relation,
    bounds_of,
    finders_of,
)
from schema.amplify.keys import Finder
from schema.amplify.rules import AuthRule, Operation, Owner, Public
from schema.amplify.stored_fields import Field, field_of

_C = TypeVar("_C", bound=type)


def mirrored(
    *,
    table: type[Table],
    rules: Sequence[AuthRule],
    computed: Mapping[str, str] | None = None,
    unwritable: Collection[str] = (),
    protected: Mapping[str, Protection] | None = None,
    bounds: Mapping[str, Bound] | None = None,
    ordered: Sequence[tuple[str, str]] = (),
    defaults: Mapping[str, Any] | None = None,
) -> Callable[[_C], _C]:
    """Declare a mirrored type from a class that names its fields and relations.

    Args:
        table: the table of its rows.
        rules: its `@auth` rules.
        computed: fields whose value a resolver computes, instead of the stored one, each with the query that
            filters by that value.
        unwritable: fields that no input has.
        protected: fields that clients may repeat but not set.
        bounds: limits on fields' values, where the usual ones do not fit.
        ordered: pairs of fields; where a row has both, the first is at most the second.
        defaults: values of required fields that a client may leave out when it creates a row.
    """

    def declare(cls: _C) -> _C:
        fields = _fields_of(cls, table, rules, defaults or {})
        finders = finders_of(cls.__name__, table, fields)
        model = Model(
            name=cls.__name__,
            table=table,
            rules=tuple(rules),
            fields=fields,
            relations={name: value for name, value in vars(cls).items() if isinstance(value, Relation)},
            computed=computed or {},
            unwritable=frozenset(unwritable),
            protected=protected or {},
            bounds=bounds_of(fields, finders, bounds or {}),
            ordered=tuple(ordered),
            primary=Finder.of_table(table),
            operations=Operations.usual(cls.__name__),
            finders=finders,
            lists_by_key=key_of(table).attr_name != "id",
            declared=cls,
        )
        _check(model)
        cls.__mirrored__ = model  # type: ignore[attr-defined]  # `catalogue_of` reads it
        return cls

    return declare


def decided_by_others(*parties: str) -> Callable[[_C], _C]:
    """Declare the fields of a mirrored type that name its parties, who neither change nor remove the row."""

    def declare(cls: _C) -> _C:
        model = replace(vars(cls)["__mirrored__"], parties=parties)
        _check(model)
        cls.__mirrored__ = model  # type: ignore[attr-defined]  # as `mirrored` does
        return cls

    return declare


def _check(model: Model) -> None:
    """Check at import that every name in a declaration exists.

    Raises:
        TypeError: a name is unknown, or owners could not list their rows for lack of an index.
    """
    stored = {attribute.attr_name for attribute in model.table.get_attributes().values()}
    named = {
        *model.fields,
        *model.owner_fields(Operation.READ),
        *(name for relation in model.relations.values() for name in relation.fields),
    }
    if unknown := named - stored:
        raise TypeError(f"{model.name}'s table has no {', '.join(sorted(unknown))}")
    paired = {name for pair in model.ordered for name in pair}
    published = {name for rule in model.rules if isinstance(rule, Public) for name in rule.fields or ()}
    listed = {
        *published,
        *model.computed,
        *model.unwritable,
        *model.hidden_fields,
        *model.protected,
        *model.bounds,
        *paired,
        *model.parties,
    }
    if unknown := listed - set(model.fields):
        raise TypeError(f"{model.name} declares no field {', '.join(sorted(unknown))}")
    if not model.is_private(Operation.READ):
        reachable = {model.keys.hash, *(finder.keys.hash for finder in model.finders.values())}
        if hidden := set(model.owner_fields(Operation.READ)) - reachable:
            raise TypeError(f"{model.name}'s owners cannot list their rows: no index on {', '.join(hidden)}")


def _fields_of(
    cls: type, table: type[Table], rules: Sequence[AuthRule], defaults: Mapping[str, Any]
) -> dict[str, Field]:
    """Return the fields that a class declares by its annotations."""
    owners = {rule.field for rule in rules if isinstance(rule, Owner)}
    hints = get_type_hints(cls)
    if unknown := hints.keys() - table.get_attributes().keys():
        raise TypeError(f"{cls.__name__}'s table has no {', '.join(sorted(unknown))}")
    return {
        name: field_of(name, hint, owners, defaults.get(name), getattr(table, name))
        for name, hint in get_type_hints(cls).items()
    }


def is_mirrored(value: object) -> bool:
    """Return whether something is a class that declares a mirrored type."""
    return isinstance(value, type) and "__mirrored__" in vars(value)


def catalogue_of(classes: Iterable[type], alone: Collection[str] = ()) -> Catalogue:
    """Return the catalogue of declared classes, in which owners and the keys of other rows are fixed.

    Args:
        classes: the classes, each decorated by `mirrored`.
        alone: the derived mutations of which an operation may hold only one.

    Raises:
        TypeError: a class names a type that is not there.
    """
    models: list[Model] = [vars(cls)["__mirrored__"] for cls in classes]
    return Catalogue.of((replace(model, fixed=_fixed(model, models)) for model in models), alone)


def _fixed(model: Model, models: Sequence[Model]) -> frozenset[str]:
    """Return the fields that no update changes: owners, and the keys of other rows that a row belongs to.

    A relation by another field than a key, as from a category's name to its services, fixes nothing.
    """
    owners = {rule.field for rule in model.rules if isinstance(rule, Owner)}
    outgoing = {name for relation in model.relations.values() if not relation.is_many for name in relation.fields}
    incoming = {
        model.finders[relation.index].keys.hash
        for other in models
        for relation in other.relations.values()
        if relation.target == model.name and relation.index is not None and relation.fields == other.keys.fields
    }
    return frozenset(owners | (outgoing - {model.keys.hash}) | incoming)
