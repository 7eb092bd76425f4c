"""An app's types as one value: its schema, its tables and its resolvers are made from it.

Two catalogues in one process have nothing in common, even if both have a type `User`.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from models.integrity.ruled_tables import GUARDS
from models.tables import Table
from schema.amplify.declaration import Model
from schema.amplify.rules import claims_of
from schema.amplify.stored_fields import Field, Nested


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The types of an app.

    Args:
        models: the types whose rows are stored, by their names.
        nested: the object types that are stored inside rows, by their names.
        enums: the enums, by their names in GraphQL; each is registered by `strawberry.enum` under that name.
        alone: the derived mutations of which an operation may hold only one: they do more than write a row.
    """

    models: Mapping[str, Model]
    nested: Mapping[str, Nested]
    enums: Mapping[str, type[StrEnum]]
    alone: frozenset[str] = frozenset()

    @classmethod
    def of(cls, models: Iterable[Model], alone: Collection[str] = (), unused: Iterable[Nested] = ()) -> Self:
        """Return the catalogue of some types, and of the enums and object types of their fields.

        Args:
            models: the types whose rows are stored.
            alone: the derived mutations of which an operation may hold only one.
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
        ours = (GUARDS,) if any(model.ruled is not None for model in self.models.values()) else ()
        return (*(model.table for model in self.models.values()), *ours)

    @property
    def claims(self) -> frozenset[str]:
        """Return the claims of tokens that the types' rules name, for `Identity` to keep."""
        return frozenset(
            claim for model in self.models.values() for rule in model.rules for claim in claims_of(rule)
        )


def _add_types(
    of: str, fields: Mapping[str, Field], nested: dict[str, Nested], enums: dict[str, type[StrEnum]]
) -> None:
    """Add the enums and object types of some fields, and of the fields of those."""
    for field in fields.values():
        if field.enum is not None and enums.setdefault(field.type, field.enum) is not field.enum:
            raise TypeError(f"two enums are called {field.type}; one of them is {of}.{field.name}")
        inner = field.nested
        if inner is None:
            continue
        if inner.name not in nested:
            nested[inner.name] = inner
            _add_types(inner.name, inner.fields, nested, enums)
        elif nested[inner.name] is not inner:
            raise TypeError(f"two object types are called {inner.name}; one of them is {of}.{field.name}")


def _check_relations(model: Model, models: Mapping[str, Model]) -> None:
    for name, relation in model.relations.items():
        if relation.target not in models:
            raise TypeError(f"{model.name}.{name} leads to {relation.target}, which is no type")
        if relation.index is not None and relation.index not in models[relation.target].finders:
            raise TypeError(f"{model.name}.{name}: {relation.target} has no index {relation.index}")
