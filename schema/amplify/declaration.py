"""A mirrored type's declaration: its fields, its relations, and who may do what with its rows."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pynamodb.indexes import Index
from strawberry import ID

from models.storage.store import index_keys
from models.tables import Table
from schema.amplify import names
from schema.amplify.bounds import Bound, usual_bound
from schema.amplify.rules import OPEN, AuthRule, Groups, Operation, Owner, Private, Public
from schema.amplify.wire import Decoder, decoder
from schema.strawberry_internals import enum_name

EnumClass = type[StrEnum]

_SCALARS: dict[Any, str] = {ID: "ID", str: "String", int: "Int", float: "Float", bool: "Boolean"}


@dataclass(frozen=True, slots=True)
class Field:
    """A stored field.

    Args:
        name: its name, in GraphQL as in the table.
        type: the GraphQL name of its type; for a list, of its elements' type.
        required: whether it is never null.
        is_list: whether it is a list, of required elements.
        enum: its type, if that is an enum, registered by `strawberry.enum` under its name in GraphQL.
        decode: decodes it from a row; an absent attribute is the default.
        default: its value if a client creates a row without it; None if there is none.
    """

    name: str
    type: str
    required: bool
    is_list: bool
    enum: EnumClass | None
    decode: Decoder
    default: Any = None

    @property
    def is_enum(self) -> bool:
        """Return whether its type is an enum."""
        return self.enum is not None

    @property
    def optional_type(self) -> str:
        """Return its GraphQL type as a nullable one."""
        return f"[{self.type}!]" if self.is_list else self.type

    @property
    def graphql_type(self) -> str:
        """Return its GraphQL type."""
        return self.optional_type + "!" * self.required


@dataclass(frozen=True, slots=True)
class Relation:
    """A field that leads to one other row by its key, or to a page of rows by an index.

    Args:
        target: the type of those rows.
        key: the field of this row whose value is the target's key, or its index's hash key.
        index: the target's index, for a relation to many rows.
    """

    target: str
    key: str
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Protection:
    """A field that clients may repeat but not set: the initial value on create, the stored one on update.

    Args:
        use: the operation to use instead, for the refusal.
        initial: the only value stored on create, beside an absent one; `...` stores any.
        groups: members of these groups may set it.
        accepts: what a create may say, where clients must send more than the initial value; it is not stored.
        is_ignored: the server sets it, whatever an input says.
    """

    use: str
    initial: Any = None
    groups: frozenset[str] = frozenset()
    accepts: Bound | None = None
    is_ignored: bool = False


# A field that no input decides, and for which no input is refused.
SET_BY_SERVER = Protection(use="nothing: the server sets it", is_ignored=True)


@dataclass(frozen=True, slots=True)
class Model:
    """A mirrored type, as declared.

    Args:
        name: its name.
        table: the table of its rows.
        rules: its `@auth` rules.
        fields: its stored fields, by their names.
        relations: the fields that lead to other rows.
        computed: fields whose value a resolver computes, each with the query that filters by that value.
        unwritable: fields that no input has.
        protected: fields that clients may repeat but not set.
        bounds: limits on fields' values.
        ordered: pairs of fields; where a row has both, the first is at most the second.
        key: the field that rows are found by.
        indexes: the table's indexes on fields, by field.
        fixed: the fields that no update changes.
        declared: the class that stands for the type in Python; None if nothing but its name does.
    """

    name: str
    table: type[Table]
    rules: tuple[AuthRule, ...]
    fields: Mapping[str, Field]
    relations: Mapping[str, Relation]
    computed: Mapping[str, str]
    unwritable: frozenset[str]
    protected: Mapping[str, Protection]
    bounds: Mapping[str, Bound]
    ordered: tuple[tuple[str, str], ...]
    key: str
    indexes: Mapping[str, Index[Any]] = field(repr=False)
    fixed: frozenset[str] = frozenset()
    declared: type | None = None

    def owner_fields(self, operation: Operation) -> tuple[str, ...]:
        """Return the fields that name a member to whom a rule allows an operation."""
        return tuple(rule.field for rule in self.rules if isinstance(rule, Owner) and operation in rule.operations)

    def is_private(self, operation: Operation) -> bool:
        """Return whether a rule allows an operation to every member, or to everybody."""
        return any(isinstance(rule, OPEN) and operation in rule.operations for rule in self.rules)

    def hidden_by(self, operation: Operation) -> str | None:
        """Return the field that, when true, hides a row from those to whom neither owner nor groups allow it."""
        found = (rule.unless for rule in self.rules if isinstance(rule, OPEN) and operation in rule.operations)
        return next(found, None)

    def groups(self, operation: Operation) -> frozenset[str]:
        """Return the groups to which a rule allows an operation."""
        admitted = (r.groups for r in self.rules if isinstance(r, Groups) and operation in r.operations)
        return frozenset().union(*admitted)

    @property
    def ignored(self) -> frozenset[str]:
        """Return the fields that the server sets, whatever an input says."""
        return frozenset(name for name, protection in self.protected.items() if protection.is_ignored)

    @property
    def hidden_fields(self) -> Mapping[str, Any]:
        """Return the fields that are hidden from members whom only `private` admits, and what they see instead."""
        return next((rule.instead for rule in self.rules if isinstance(rule, Private)), {})

    @property
    def unpublished_fields(self) -> frozenset[str]:
        """Return the fields that are refused to those whom only `public` admits."""
        published = next((rule.fields for rule in self.rules if isinstance(rule, Public)), None)
        return frozenset() if published is None else frozenset(self.fields.keys() - published)

    def pairs_of(self, changed: Collection[str]) -> list[tuple[str, str]]:
        """Return the ordered pairs that contain one of the changed fields."""
        return [pair for pair in self.ordered if not set(pair).isdisjoint(changed)]

    @property
    def plural(self) -> str:
        """Return the type's plural."""
        return names.plural(self.name)


def belongs_to(target: str, key: str) -> Relation:
    """`@belongsTo(fields: [key])`: the row whose key this row's `key` holds."""
    return Relation(target, key)


def has_one(target: str, key: str) -> Relation:
    """`@hasOne(fields: [key])`: the row whose key this row's `key` holds."""
    return Relation(target, key)


def has_many(target: str, index: str, key: str = "id") -> Relation:
    """`@hasMany(indexName: index, fields: [key])`: the rows that the target's index finds for `key`."""
    return Relation(target, key, index)


def field_of(name: str, hint: Any, owners: Collection[str], default: Any) -> Field:
    """Return the field that a class declares by an annotation such as `list[str]` or `AWSDateTime | None`."""
    required = True
    if get_origin(hint) in {Union, UnionType}:
        (hint,) = (option for option in get_args(hint) if option is not type(None))
        required = False
    is_list = get_origin(hint) is list
    if is_list:
        (hint,) = get_args(hint)
    enum = hint if isinstance(hint, type) and issubclass(hint, StrEnum) else None
    type_name = _SCALARS.get(hint, hint.__name__) if enum is None else enum_name(enum)
    return Field(
        name=name,
        type=type_name,
        required=required,
        is_list=is_list,
        enum=enum,
        decode=decoder(type_name, is_list=is_list, is_owner=name in owners, default=default),
        default=default,
    )


def indexes_of(table: type[Table], fields: Mapping[str, Field]) -> dict[str, Index[Any]]:
    """Return the table's indexes on declared fields, by field; the other indexes are internal."""
    found = (value for value in vars(table).values() if isinstance(value, Index))
    by_field = {str(index_keys(index)[0].attr_name): index for index in found}
    return {name: index for name, index in by_field.items() if name in fields}


def bounds_of(
    fields: Mapping[str, Field], indexes: Collection[str], declared: Mapping[str, Bound]
) -> dict[str, Bound]:
    """Return each field's bound: the one that the type declares, else the usual one for such a field."""
    usual = {
        field.name: usual_bound(field.type, is_list=field.is_list, is_indexed=field.name in indexes)
        for field in fields.values()
        if not field.is_enum
    }
    return {name: bound for name, bound in usual.items() if bound is not None} | dict(declared)


def check(model: Model) -> None:
    """Check at import that every name in a declaration exists.

    Raises:
        TypeError: a name is unknown, or owners could not list their rows for lack of an index.
    """
    stored = {attribute.attr_name for attribute in model.table.get_attributes().values()}
    named = {
        *model.fields,
        *model.owner_fields(Operation.READ),
        *(relation.key for relation in model.relations.values()),
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
    }
    if unknown := listed - set(model.fields):
        raise TypeError(f"{model.name} declares no field {', '.join(sorted(unknown))}")
    if not model.is_private(Operation.READ):
        reachable = {model.key, *model.indexes}
        if hidden := set(model.owner_fields(Operation.READ)) - reachable:
            raise TypeError(f"{model.name}'s owners cannot list their rows: no index on {', '.join(hidden)}")
