"""The interface of what resolves the derived fields; `resolvers.mirror` implements it."""

from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from strawberry import Info

from models.storage.store import Item
from schema.amplify.declaration import Model, Relation
from schema.amplify.fields import Arguments
from schema.amplify.rules import Operation

AnyInfo = Info[Any, Any]


@dataclass(frozen=True, slots=True)
class Connection:
    """A page of rows, and the opaque token that leads to the next one."""

    items: Sequence[Item]
    next_token: str | None


class MirrorResolver(Protocol):
    """How each derived field is answered. Arguments come by their GraphQL names; absent ones are missing."""

    def get(self, model: Model, info: AnyInfo, arguments: Arguments) -> Awaitable[Item | None]:
        """Answer `getX`."""

    def list(self, model: Model, info: AnyInfo, arguments: Arguments) -> Awaitable[Connection]:
        """Answer `listXs`."""

    def by_index(self, model: Model, field: str, info: AnyInfo, arguments: Arguments) -> Awaitable[Connection]:
        """Answer `xsByField`."""

    def one(self, model: Model, relation: Relation, info: AnyInfo, source: Item) -> Awaitable[Item | None] | None:
        """Answer a relation to one row."""

    def many(
        self, model: Model, relation: Relation, info: AnyInfo, source: Item, arguments: Arguments
    ) -> Awaitable[Connection]:
        """Answer a relation to many rows."""

    def computed(self, model: Model, field: str, info: AnyInfo, source: Item) -> Awaitable[Any]:
        """Answer a field that is not shown as it is stored."""

    def create(self, model: Model, info: AnyInfo, arguments: Arguments) -> Awaitable[Item]:
        """Answer `createX`."""

    def update(self, model: Model, info: AnyInfo, arguments: Arguments) -> Awaitable[Item]:
        """Answer `updateX`."""

    def delete(self, model: Model, info: AnyInfo, arguments: Arguments) -> Awaitable[Item]:
        """Answer `deleteX`."""

    def subscribe(
        self, model: Model, operation: Operation, info: AnyInfo, arguments: Mapping[str, Any]
    ) -> AsyncIterator[Item]:
        """Answer `onCreateX`, `onUpdateX` or `onDeleteX`."""


class HasResolver(Protocol):
    """A schema that carries the resolver of its derived fields."""

    resolver: MirrorResolver


def resolver_of(info: AnyInfo) -> MirrorResolver:
    """Return the resolver of the derived fields of the schema that a field is resolved for."""
    return cast("HasResolver", info.schema).resolver
