"""Resolves everything that is derived from the mirrored types, each by the module that implements it."""

from collections.abc import AsyncIterator, Awaitable, Collection, Mapping, Sequence
from typing import Any, Protocol

from models.storage.store import Item
from resolvers.context import caller_of
from resolvers.identity.callers import Standing
from resolvers.mirror.authorization import concealed_fields, may_call, shows_all
from resolvers.mirror.field_rules import sees
from resolvers.mirror.mutations import Mutations
from resolvers.mirror.queries import Queries
from resolvers.mirror.relations import COMPUTED, key_of_relation, related_row, texts_of_relation
from schema.amplify.catalogue import Catalogue, OwnField
from schema.amplify.declaration import Model, Relation
from schema.amplify.fields import Arguments
from schema.amplify.resolver import AnyInfo, Connection
from schema.amplify.rules import AuthRule, Operation
from schema.errors import NotServedError, UnauthorizedError
from schema.strawberry_internals import is_event

# Marks a row that a mutation answers, whose guarded fields are null; Amplify marks it so, too.
_ANSWERED: Item = {"__operation": {"S": "Mutation"}}


def _answered(model: Model, item: Item) -> Item:
    return item | _ANSWERED if model.guarded and model.tells_subscribers else item


class SubscriptionResolver(Protocol):
    """Answers subscriptions; `Subscriptions` in production."""

    def subscribe(
        self, model: Model, operations: Collection[Operation], info: AnyInfo, arguments: Mapping[str, Any]
    ) -> AsyncIterator[Item]:
        """Yield the rows that one of some operations changes, for as long as the subscription lasts."""


class OwnResolver(Protocol):
    """Answers the root fields that an app has beside the derived ones."""

    def call(self, own: OwnField, info: AnyInfo, arguments: Arguments) -> Awaitable[Any]:
        """Answer a query or a mutation."""

    def listen(self, own: OwnField, info: AnyInfo, arguments: Arguments) -> AsyncIterator[Any]:
        """Yield what a subscription delivers, for as long as it lasts."""


class Unanswered:
    """Answers of no root field: every one is refused."""

    async def call(self, own: OwnField, _info: AnyInfo, _arguments: Arguments) -> Any:
        """Refuse a query or a mutation."""
        raise NotServedError(own.name, "nothing answers it here")

    def listen(self, own: OwnField, _info: AnyInfo, _arguments: Arguments) -> AsyncIterator[Any]:
        """Refuse a subscription."""
        raise NotServedError(own.name, "nothing answers it here")


class Mirror:
    """Implements `schema.amplify.resolver.MirrorResolver`.

    Args:
        catalogue: the app's types.
        queries: answers queries.
        mutations: answers mutations.
        subscriptions: answers subscriptions.
        own: answers the root fields that the app has beside the derived ones.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        queries: Queries,
        mutations: Mutations,
        subscriptions: SubscriptionResolver,
        own: OwnResolver | None = None,
    ) -> None:
        self._models = catalogue.models
        self._queries = queries
        self.get = queries.get
        self.list = queries.list
        self.by_index = queries.by_index
        self._mutations = mutations
        self.subscriptions = subscriptions
        self.subscribe = subscriptions.subscribe
        own = own or Unanswered()
        self.call = own.call
        self.listen = own.listen

    async def create(self, model: Model, info: AnyInfo, arguments: Arguments) -> Item:
        """Answer `createX`."""
        return _answered(model, await self._mutations.create(model, info, arguments))

    async def update(self, model: Model, info: AnyInfo, arguments: Arguments) -> Item:
        """Answer `updateX`."""
        return _answered(model, await self._mutations.update(model, info, arguments))

    async def delete(self, model: Model, info: AnyInfo, arguments: Arguments) -> Item:
        """Answer `deleteX`."""
        return _answered(model, await self._mutations.delete(model, info, arguments))

    def one(self, model: Model, relation: Relation, info: AnyInfo, source: Item) -> Awaitable[Item | None] | None:
        """Answer a relation to one row."""
        key = key_of_relation(model, relation, source)
        return None if key is None else related_row(self._models[relation.target], info, key)

    async def found(self, model: Model, relation: Relation, info: AnyInfo, source: Item) -> Item | None:
        """Answer a relation to the one row that an index of its type finds."""
        key = texts_of_relation(model, relation, source)
        if not key:
            return None
        page = await self._queries.related(self._models[relation.target], relation, info, key, {"limit": 1})
        return next(iter(page.items), None)

    async def many(
        self, model: Model, relation: Relation, info: AnyInfo, source: Item, arguments: Arguments
    ) -> Connection:
        """Answer a relation to many rows."""
        key = texts_of_relation(model, relation, source)
        return await self._queries.related(self._models[relation.target], relation, info, key, arguments)

    def guarded(self, model: Model, field: str, info: AnyInfo, source: Item) -> Any:
        """Answer a field that not everybody who may read a row may see.

        Raises:
            UnauthorizedError: the caller is not a member, and the field is not public; or its rules refuse it.
        """
        caller = caller_of(info)
        if field in model.guarded:
            is_shown = self.shows(model, field, info, source)
            return model.fields[field].decode(source.get(field)) if is_shown else None
        if not shows_all(caller, model, source) and field in concealed_fields(caller, model):
            if caller.standing is not Standing.MEMBER:
                raise UnauthorizedError.of(info)
            return model.hidden_fields[field]
        if field in model.computed:
            return self.computed(model, field, info, source)
        return model.fields[field].decode(source.get(field))

    def shows(self, model: Model, name: str, info: AnyInfo, source: Item) -> bool:
        """Return whether a field or relation with rules is shown, in neither events nor what mutations answer.

        As Amplify has it: there it is null for everybody, as what a mutation answers goes to subscribers.

        Raises:
            UnauthorizedError: its rules do not let the caller read it in this row.
        """
        if is_event(info):
            return False
        if not sees(caller_of(info), model, name, source):
            raise UnauthorizedError.of(info)
        return not source.keys() >= _ANSWERED.keys()

    def shows_part(self, rules: Sequence[AuthRule], info: AnyInfo) -> bool:
        """Return whether a field of an object in a row is shown, in no event.

        Raises:
            UnauthorizedError: its rules do not let the caller read it.
        """
        if is_event(info):
            return False
        if not may_call(caller_of(info), rules):
            raise UnauthorizedError.of(info)
        return True

    def computed(self, model: Model, field: str, info: AnyInfo, source: Item) -> Awaitable[Any]:
        """Answer a field that is not shown as it is stored."""
        return COMPUTED[model.name, field](info, source)
