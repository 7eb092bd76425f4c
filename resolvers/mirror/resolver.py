"""The answers to everything that is derived from the mirrored types, each from the module that knows it."""

from collections.abc import AsyncIterator, Awaitable, Mapping
from typing import Any, Protocol

from models.storage.store import Item
from resolvers.mirror.mutations import Writes
from resolvers.mirror.queries import Rows
from resolvers.mirror.relations import COMPUTED, key_of_relation, related_row
from schema.amplify.declaration import MODELS, Model, Relation
from schema.amplify.fields import Arguments
from schema.amplify.resolver import AnyInfo, Connection
from schema.amplify.rules import Operation


class Subscriber(Protocol):
    """Where events come from."""

    def subscribe(
        self, model: Model, operation: Operation, info: AnyInfo, arguments: Mapping[str, Any]
    ) -> AsyncIterator[Item]:
        """Yield the rows that an operation touches, as long as the subscription lasts."""


class Mirror:
    """Implements `schema.amplify.resolver.MirrorResolver`.

    Args:
        rows: answers queries.
        writes: answers mutations.
        subscriber: answers subscriptions.
    """

    def __init__(self, rows: Rows, writes: Writes, subscriber: Subscriber) -> None:
        self._rows = rows
        self.get = rows.get
        self.list = rows.list
        self.by_index = rows.by_index
        self.create = writes.create
        self.update = writes.update
        self.delete = writes.delete
        self.subscribe = subscriber.subscribe

    def one(self, model: Model, relation: Relation, info: AnyInfo, source: Item) -> Awaitable[Item | None] | None:
        """Answer a relation to one row."""
        key = key_of_relation(model, relation, source)
        return None if key is None else related_row(MODELS[relation.target], info, key)

    async def many(
        self, model: Model, relation: Relation, info: AnyInfo, source: Item, arguments: Arguments
    ) -> Connection:
        """Answer a relation to many rows."""
        key = key_of_relation(model, relation, source)
        return await self._rows.related(MODELS[relation.target], relation, info, key or "", arguments)

    def computed(self, model: Model, field: str, info: AnyInfo, source: Item) -> Awaitable[Any]:
        """Answer a field that is not shown as it is stored."""
        return COMPUTED[model.name, field](info, source)
