"""What derived fields do, as values: graphql-core calls them, and plans are made by looking at them."""

from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass
from typing import Any

from models.storage.store import Item
from schema.amplify.declaration import Model, Relation
from schema.amplify.fields import Arguments, Resolve
from schema.amplify.keys import Finder
from schema.amplify.resolver import AnyInfo, Connection, resolver_of
from schema.amplify.rules import AuthRule, Operation


@dataclass(frozen=True, slots=True)
class GetRow:
    """`getX`: the row with a key."""

    model: Model

    def __call__(self, _: None, info: AnyInfo, arguments: Arguments) -> Awaitable[Item | None]:
        """Resolve the field."""
        return resolver_of(info).get(self.model, info, arguments)


@dataclass(frozen=True, slots=True)
class ListRows:
    """`listXs`: a page of all rows."""

    model: Model

    def __call__(self, _: None, info: AnyInfo, arguments: Arguments) -> Awaitable[Connection]:
        """Resolve the field."""
        return resolver_of(info).list(self.model, info, arguments)


@dataclass(frozen=True, slots=True)
class RowsByIndex:
    """`xsByField`: a page of the rows that an index finds."""

    model: Model
    finder: Finder

    def __call__(self, _: None, info: AnyInfo, arguments: Arguments) -> Awaitable[Connection]:
        """Resolve the field."""
        return resolver_of(info).by_index(self.model, self.finder, info, arguments)


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """`onCreateX`, `onUpdateX` and `onDeleteX`: the rows that one of some operations changes."""

    model: Model
    operations: frozenset[Operation]

    def __call__(self, _: None, info: AnyInfo, arguments: Arguments) -> AsyncIterator[Item]:
        """Resolve the field."""
        return resolver_of(info).subscribe(self.model, self.operations, info, arguments)


@dataclass(frozen=True, slots=True)
class RelatedRow:
    """A relation to one row."""

    model: Model
    relation: Relation

    def __call__(self, source: Item, info: AnyInfo, _: Arguments) -> Awaitable[Item | None] | None:
        """Resolve the field."""
        return resolver_of(info).one(self.model, self.relation, info, source)


@dataclass(frozen=True, slots=True)
class FoundRow:
    """A relation to the one row that an index of its type finds."""

    model: Model
    relation: Relation

    def __call__(self, source: Item, info: AnyInfo, _: Arguments) -> Awaitable[Item | None]:
        """Resolve the field."""
        return resolver_of(info).found(self.model, self.relation, info, source)


@dataclass(frozen=True, slots=True)
class RelatedRows:
    """A relation to a page of rows."""

    model: Model
    relation: Relation

    def __call__(self, source: Item, info: AnyInfo, arguments: Arguments) -> Awaitable[Connection]:
        """Resolve the field."""
        if self.relation.limit is not None and arguments.get("limit") is None:
            arguments = {**arguments, "limit": self.relation.limit}
        return resolver_of(info).many(self.model, self.relation, info, source, arguments)


@dataclass(frozen=True, slots=True)
class ComputedField:
    """A field that is not shown as it is stored."""

    model: Model
    field: str

    def __call__(self, source: Item, info: AnyInfo, _: Arguments) -> Awaitable[Any]:
        """Resolve the field."""
        return resolver_of(info).computed(self.model, self.field, info, source)


@dataclass(frozen=True, slots=True)
class GuardedField:
    """A field that not everybody who may read a row may see."""

    model: Model
    field: str

    def __call__(self, source: Item, info: AnyInfo, _: Arguments) -> Any:
        """Resolve the field."""
        return resolver_of(info).guarded(self.model, self.field, info, source)


@dataclass(frozen=True, slots=True)
class RuledRelation:
    """A relation that not everybody who may read a row may follow."""

    model: Model
    name: str
    relation: Resolve

    def __call__(self, source: Item, info: AnyInfo, arguments: Arguments) -> Any:
        """Resolve the field."""
        if not resolver_of(info).shows(self.model, self.name, info, source):
            return None
        return self.relation(source, info, arguments)


@dataclass(frozen=True, slots=True)
class RuledPart:
    """A field of an object in a row that only some callers may read, whatever the row."""

    name: str
    rules: tuple[AuthRule, ...]

    def __call__(self, source: Mapping[str, Any], info: AnyInfo, _: Arguments) -> Any:
        """Resolve the field."""
        return source.get(self.name) if resolver_of(info).shows_part(self.rules, info) else None
