"""The decorator that mirrors a type: it derives the object type, its pages and its inputs from a declaration.

Example:
    >>> @mirrored(table=tables.Service, rules=[owner("userId"), private({READ}), groups("admin")])
    ... class Service:
    ...     id: ID
    ...     userId: ID
    ...     tags: list[str]
    ...     user = belongs_to("User", "userId")
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar, get_type_hints

from models.storage.store import key_of
from models.tables import Table
from schema.amplify.bounds import Bound
from schema.amplify.declaration import (
    MODELS,
    Field,
    Model,
    Protection,
    Relation,
    bounds_of,
    check,
    field_of,
    indexes_of,
)
from schema.amplify.inputs import define_inputs
from schema.amplify.objects import define_objects
from schema.amplify.rules import AuthRule, Owner

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
        fields = _fields_of(cls, rules, defaults or {})
        indexes = indexes_of(table, fields)
        model = Model(
            name=cls.__name__,
            table=table,
            rules=tuple(rules),
            fields=fields,
            relations={name: value for name, value in vars(cls).items() if isinstance(value, Relation)},
            computed=computed or {},
            unwritable=frozenset(unwritable),
            protected=protected or {},
            bounds=bounds_of(fields, indexes, bounds or {}),
            ordered=tuple(ordered),
            key=key_of(table).attr_name,
            indexes=indexes,
        )
        _define(cls, model)
        return cls

    return declare


def _fields_of(cls: type, rules: Sequence[AuthRule], defaults: Mapping[str, Any]) -> dict[str, Field]:
    """Return the fields that a class declares by its annotations."""
    owners = {rule.field for rule in rules if isinstance(rule, Owner)}
    hints = get_type_hints(cls)
    return {name: field_of(name, hint, owners, defaults.get(name)) for name, hint in hints.items()}


def _define(cls: type, model: Model) -> None:
    """Check a declared type, and define what is derived from it."""
    check(model)
    MODELS[model.name] = model
    define_objects(cls, model)
    define_inputs(model)
