"""An app's types as one value: its schema, its tables and its resolvers are made from it.

Two catalogues in one process have nothing in common, even if both have a type `User`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Self

from models.integrity.ruled_tables import GUARDS, RuledTables
from models.tables import Table
from schema.amplify.declaration import Model
from schema.amplify.rules import AuthRule, Public, claims_of
from schema.amplify.stored_fields import Field, Nested


class RootType(StrEnum):
    """A root type."""

    QUERY = "Query"
    MUTATION = "Mutation"
    SUBSCRIPTION = "Subscription"


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a root field, or a field of an input type.

    Args:
        type: its type, as GraphQL writes it.
        default: its default, as GraphQL writes it; None if there is none.
    """

    type: str
    default: str | None = None


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function that answers a field.

    Args:
        name: the function's name.
        is_event: whether nobody waits for its answer.
    """

    name: str
    is_event: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class OwnField:
    """A root field of an app's own.

    Args:
        root: its root type.
        name: its name.
        arguments: its arguments, by name.
        type: what it answers, as GraphQL writes it.
        functions: the functions that answer it; each gets the answer of the one before.
        mutations: for a subscription, the mutations whose answers it delivers.
        rules: who may ask for it.
    """

    root: RootType
    name: str
    arguments: Mapping[str, Argument] = field(default_factory=dict)
    type: str = "String"
    functions: tuple[FunctionCall, ...] = ()
    mutations: tuple[str, ...] = ()
    rules: tuple[AuthRule, ...] = ()

    @property
    def type_name(self) -> str:
        """Return the name of the type that it answers, or of its elements."""
        return self.type.strip("[]!")


Inputs = Mapping[str, Mapping[str, Argument]]


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The types of an app.

    Args:
        models: the types whose rows are stored, by their names.
        nested: the object types that are stored inside rows, by their names.
        enums: the enums, by their names in GraphQL; each is registered by `strawberry.enum` under that name.
        alone: the mutations of which an operation may hold only one: they do more than write a row.
        own: the root fields that the app has beside the derived ones.
        inputs: the input types of their arguments, by name.
        unserved: why fields are not there that the app's clients know, such as `Query.searchPosts`.
    """

    models: Mapping[str, Model]
    nested: Mapping[str, Nested]
    enums: Mapping[str, type[StrEnum]]
    alone: frozenset[str] = frozenset()
    own: tuple[OwnField, ...] = ()
    inputs: Inputs = field(default_factory=dict)
    unserved: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, models: Iterable[Model], alone: Collection[str] = (), unused: Iterable[Nested] = ()) -> Self:
        """Return the catalogue of some types, and of the enums and object types of their fields.

        Args:
            models: the types whose rows are stored.
            alone: the mutations of which an operation may hold only one.
            unused: object types that no field has; clients see them all the same.

        Raises:
            TypeError: two types have one name, or a relation leads nowhere.
        """
        by_name: dict[str, Model] = {}
        enums: dict[str, type[StrEnum]] = {}
        nested: dict[str, Nested] = {}
        for model in models:
            if model.name in by_name:
                raise TypeError(f"two types are called {model.name}")
            by_name[model.name] = model
            _add_types(model.name, model.fields, nested, enums)
        for one in unused:
            if nested.setdefault(one.name, one) is not one:
                raise TypeError(f"two object types are called {one.name}")
            _add_types(one.name, one.fields, nested, enums)
        for model in by_name.values():
            _check_relations(model, by_name)
        return cls(by_name, nested, enums, frozenset(alone))

    @property
    def tables(self) -> tuple[type[Table], ...]:
        """Return the tables of all types, and the house's own table if rules need one."""
        tables = tuple(model.table for model in self.models.values())
        return tables if self.ruled is None else (*tables, GUARDS)

    @property
    def ruled(self) -> RuledTables | None:
        """Return the types with the rules beside the schema; None if there are no such rules."""
        return next((model.ruled for model in self.models.values() if model.ruled is not None), None)

    @property
    def claims(self) -> frozenset[str]:
        """Return the claims of tokens that the app's rules name, for `Identity` to keep."""
        return frozenset(claim for rule in self._rules() for claim in claims_of(rule))

    @property
    def has_guests(self) -> bool:
        """Return whether a rule admits applications, which have an API key."""
        return any(isinstance(rule, Public) for rule in self._rules())

    def _rules(self) -> Iterator[AuthRule]:
        """Yield the rules of types, of the parts of their objects, and of root fields."""
        for model in self.models.values():
            yield from model.rules
        for nested in self.nested.values():
            yield from chain.from_iterable(nested.rules.values())
        for own in self.own:
            yield from own.rules


def _add_types(
    of: str, fields: Mapping[str, Field], nested: dict[str, Nested], enums: dict[str, type[StrEnum]]
) -> None:
    """Add the enums and object types of some fields, and of the fields of those."""
    for one in fields.values():
        if one.enum is not None and enums.setdefault(one.type, one.enum) is not one.enum:
            raise TypeError(f"two enums are called {one.type}; one of them is {of}.{one.name}")
        inner = one.nested
        if inner is None:
            continue
        if inner.name not in nested:
            nested[inner.name] = inner
            _add_types(inner.name, inner.fields, nested, enums)
        elif nested[inner.name] is not inner:
            raise TypeError(f"two object types are called {inner.name}; one of them is {of}.{one.name}")


def _check_relations(model: Model, models: Mapping[str, Model]) -> None:
    for name, relation in model.relations.items():
        if relation.target not in models:
            raise TypeError(f"{model.name}.{name} leads to {relation.target}, which is no type")
        if relation.index is not None and relation.index not in models[relation.target].finders:
            raise TypeError(f"{model.name}.{name}: {relation.target} has no index {relation.index}")
