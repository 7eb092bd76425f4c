"""The interface of the resolver of the derived fields; `resolvers.mirror` implements it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from strawberry import Info

from models.storage.store import Item
from schema.amplify.catalogue import OwnField
from schema.amplify.declaration import Model, Relation
from schema.amplify.fields import Arguments
from schema.amplify.keys import Finder
from schema.amplify.rules import AuthRule, Operation

AnyInfo = Info[Any, Any]


@dataclass(frozen=True, slots=True)
class Connection:
    """A page of rows.

    Args:
        items: the rows.
        seal: makes the opaque token of the next page; None on the last one.
    """

    items: Sequence[Item]
    seal: Callable[[], str] | None

    @property
    def next_token(self) -> str | None:
        """Return the token of the next page, None on the last one."""
        return None if self.seal is None else self.seal()


class MirrorResolver(Protocol):
    """Resolves the derived fields; arguments come by their GraphQL names, without those that were left out."""

    def get(self, model: Model, info: AnyInfo, arguments: Arguments) -> Awaitable[Item | None]:
        """Resolve `getX`."""

    def list(self, model: Model, info: AnyInfo, arguments: Arguments) -> Awaitable[Connection]:
        """Resolve `listXs`."""

    def by_index(self, model: Model, finder: Finder, info: AnyInfo, arguments: Arguments) -> Awaitable[Connection]:
        """Resolve `xsByField`."""

    def one(self, model: Model, relation: Relation, info: AnyInfo, source: Item) -> Awaitable[Item | None] | None:
        """Resolve a relation to one row."""

    def found(self, model: Model, relation: Relation, info: AnyInfo, source: Item) -> Awaitable[Item | None]:
        """Resolve a relation to the one row that an index of its type finds."""

    def many(
        self, model: Model, relation: Relation, info: AnyInfo, source: Item, arguments: Arguments
    ) -> Awaitable[Connection]:
        """Resolve a relation to many rows."""

    def computed(self, model: Model, field: str, info: AnyInfo, source: Item) -> Awaitable[Any]:
        """Resolve a computed field, which is not shown as it is stored."""

    def guarded(self, model: Model, field: str, info: AnyInfo, source: Item) -> Any:
        """Resolve a field that not everybody who may read a row may see."""

    def shows(self, model: Model, name: str, info: AnyInfo, source: Item) -> bool:
        """Return whether a field or relation with rules is shown; raise UnauthorizedError if it is refused."""

    def shows_part(self, rules: Sequence[AuthRule], info: AnyInfo) -> bool:
        """Return whether a field of an object in a row is shown; raise UnauthorizedError if it is refused."""

    def create(self, model: Model, info: AnyInfo, arguments: Arguments) -> Awaitable[Item]:
        """Resolve `createX`."""

    def update(self, model: Model, info: AnyInfo, arguments: Arguments) -> Awaitable[Item]:
        """Resolve `updateX`."""

    def delete(self, model: Model, info: AnyInfo, arguments: Arguments) -> Awaitable[Item]:
        """Resolve `deleteX`."""

    def subscribe(
        self, model: Model, operations: Collection[Operation], info: AnyInfo, arguments: Mapping[str, Any]
    ) -> AsyncIterator[Item]:
        """Resolve `onCreateX`, `onUpdateX` or `onDeleteX`."""

    def call(self, own: OwnField, info: AnyInfo, arguments: Arguments) -> Awaitable[Any]:
        """Resolve a query or mutation of the app's own."""

    def listen(self, own: OwnField, info: AnyInfo, arguments: Arguments) -> AsyncIterator[Any]:
        """Resolve a subscription of the app's own."""


class HasResolver(Protocol):
    """A schema that carries the resolver of its derived fields."""

    resolver: MirrorResolver


def resolver_of(info: AnyInfo) -> MirrorResolver:
    """Return the resolver of the derived fields of the schema that a field is resolved for."""
    return cast("HasResolver", info.schema).resolver
