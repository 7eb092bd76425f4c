"""What subscribers are told: the rows that they may read, ask for and filter, as the change feed brings them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from models.storage.store import Item, key_of
from models.tables import Table
from resolvers.context import context_of, signed_in
from resolvers.feed.change_feed import ChangeFeed, FeedClosedError, Subscription
from resolvers.feed.streams import ChangeKind
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import admits_strangers, is_owner, may_read
from resolvers.mirror.filters import Predicate, compile_filter
from schema.amplify.declaration import Model
from schema.amplify.resolver import AnyInfo
from schema.amplify.rules import Operation
from schema.amplify.wire import Decoder
from schema.errors import AppSyncError, UnauthorizedError

_KINDS = {
    Operation.CREATE: ChangeKind.CREATE,
    Operation.UPDATE: ChangeKind.UPDATE,
    Operation.DELETE: ChangeKind.DELETE,
}


class Subscriptions:
    """Answers `onCreateX`, `onUpdateX` and `onDeleteX`.

    Args:
        feed: where changes come from.
    """

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed

    async def subscribe(
        self, model: Model, operation: Operation, info: AnyInfo, arguments: Mapping[str, Any]
    ) -> AsyncIterator[Item]:
        """Yield each row that was created, updated or deleted (then as it last was), whole.

        Raises:
            UnauthorizedError: the caller may not listen to what the arguments ask for.
            InvalidInputError: the filter cannot be evaluated.
            AppSyncError: the subscription was closed; its text says why.
        """
        caller = signed_in(info)
        asked = {name: arguments.get(name) for name in model.owner_fields(Operation.READ)}
        owners = {name: owner for name, owner in asked.items() if owner is not None}
        if not _may_listen(caller, model, owners):
            raise UnauthorizedError.of(info)
        is_meant = _meant(caller, model, owners, compile_filter(arguments.get("filter")))
        async with _following(self._feed, model.table) as changes:
            context_of(info).listening.set()
            async for change in changes:
                row = change.item
                if change.kind is _KINDS[operation] and may_read(caller, model, row) and is_meant(row):
                    yield row


async def changes_of(
    feed: ChangeFeed, table: type[Table], key: str, listening: asyncio.Event
) -> AsyncIterator[Item]:
    """Yield a row as it is now, if it is there, and as each change leaves it, until it is deleted.

    Args:
        feed: where changes come from.
        table: the row's table.
        key: its key.
        listening: set once its first state is out, which a caller may refuse, and changes are awaited.

    Raises:
        AppSyncError: the subscription was closed; its text says why.
    """
    async with _following(feed, table) as changes:
        seen = await feed.store.get(table, key, consistent=True)
        if seen is not None:
            yield seen
        listening.set()
        async for change in changes:
            if change.item[key_of(table).attr_name] != {"S": key}:
                continue
            if change.kind is ChangeKind.DELETE:
                return
            if seen is None or _is_newer(change.item, seen):
                seen = change.item
                yield seen


@asynccontextmanager
async def _following(feed: ChangeFeed, table: type[Table]) -> AsyncIterator[Subscription]:
    try:
        async with feed.subscribe(table) as changes:
            yield changes
    except FeedClosedError as error:
        raise AppSyncError(str(error), error_type="SubscriptionClosed") from error


def _may_listen(caller: Caller, model: Model, owners: Mapping[str, str]) -> bool:
    """Tell whether a caller may listen with these owner arguments; without any it is to their own rows."""
    if admits_strangers(caller, model, Operation.READ):
        return True
    if owners:
        return any(is_owner(caller, owner) for owner in owners.values())
    return bool(model.owner_fields(Operation.READ))


def _meant(caller: Caller, model: Model, owners: Mapping[str, str], passes: Predicate) -> Predicate:
    """Return what tells whether a row is one that the arguments ask for: every one of them narrows."""
    tests = [_names(caller, name, model.fields[name].decode, owner) for name, owner in owners.items()]
    return lambda row: passes(row) and all(test(row) for test in tests)


def _names(caller: Caller, field: str, shown: Decoder, owner: str) -> Predicate:
    """Return what tells whether a row's owner field names somebody; the caller by whichever of their names."""
    if is_owner(caller, owner):
        return lambda row: is_owner(caller, row.get(field, {}).get("S"))
    return lambda row: shown(row.get(field)) == owner


def _is_newer(row: Item, seen: Item) -> bool:
    """Tell whether a change is news: those before the first reading are still in the stream then."""
    if "version" not in row or "version" not in seen:
        return True
    return int(row["version"]["N"]) > int(seen["version"]["N"])
