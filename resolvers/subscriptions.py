"""What subscribers are told: the rows that they may read, ask for and filter, as the change feed brings them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from models.store import Item, key_of
from models.tables import Table
from resolvers.authorization import admits_strangers, is_owner, may_read
from resolvers.change_feed import ChangeFeed, FeedClosedError, Subscription
from resolvers.context import signed_in
from resolvers.filters import Predicate, compile_filter
from resolvers.identity import Caller
from resolvers.streams import Kind
from schema.amplify.answers import AnyInfo
from schema.amplify.declaration import Model
from schema.amplify.rules import Operation
from schema.errors import AppSyncError, UnauthorizedError

_KINDS = {Operation.CREATE: Kind.CREATE, Operation.UPDATE: Kind.UPDATE, Operation.DELETE: Kind.DELETE}


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
        owners = {name: arguments[name] for name in model.owner_fields(Operation.READ) if arguments.get(name)}
        if not _may_listen(caller, model, owners):
            raise UnauthorizedError.of(info)
        is_meant = _meant(model, owners, compile_filter(arguments.get("filter")))
        async with _following(self._feed, model.table) as changes:
            async for change in changes:
                row = change.item
                if change.kind is _KINDS[operation] and is_meant(row) and may_read(caller, model, row):
                    yield row


async def changes_of(feed: ChangeFeed, table: type[Table], key: str) -> AsyncIterator[Item]:
    """Yield a row as it is now, if it is there, and as each change leaves it, until it is deleted.

    Raises:
        AppSyncError: the subscription was closed; its text says why.
    """
    async with _following(feed, table) as changes:
        seen = await feed.store.get(table, key, consistent=True)
        if seen is not None:
            yield seen
        async for change in changes:
            if change.item[key_of(table).attr_name] != {"S": key}:
                continue
            if change.kind is Kind.DELETE:
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


def _meant(model: Model, owners: Mapping[str, str], passes: Predicate) -> Predicate:
    """Return what tells whether a row is one that the arguments ask for: every one of them narrows."""
    shown = {name: model.fields[name].decode for name in owners}
    return lambda row: passes(row) and all(shown[name](row.get(name)) == owners[name] for name in owners)


def _is_newer(row: Item, seen: Item) -> bool:
    """Tell whether a change is news: those before the first reading are still in the stream then."""
    if "version" not in row or "version" not in seen:
        return True
    return int(row["version"]["N"]) > int(seen["version"]["N"])
