"""Subscriptions: the changed rows that a subscriber may read and asks for, as the change feed delivers them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from models.storage.store import Item, key_of
from models.tables import Table
from resolvers.context import caller_of, context_of
from resolvers.feed.change_feed import ChangeFeed, FeedClosedError, Subscription
from resolvers.feed.streams import ChangeKind
from resolvers.identity.callers import Caller, Standing
from resolvers.mirror.authorization import (
    admits_strangers,
    by_group,
    concealed_fields,
    is_owner,
    may_read,
    model_for,
    unopened,
)
from resolvers.mirror.client_filters import read_filter
from resolvers.mirror.conditions import mentions
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
        """Yield each whole row that was created or updated, or, as it last was, each that was deleted.

        Raises:
            UnauthorizedError: the caller may not subscribe with these arguments.
            InvalidInputError: the filter is one that a list refuses, too.
            AppSyncError: the subscription was closed; the message says why.
        """
        caller = caller_of(info)
        named = {name: arguments.get(name) for name in model.owner_fields(Operation.READ)}
        owners = {name: owner for name, owner in named.items() if owner is not None}
        if not _may_subscribe(caller, model, owners):
            raise UnauthorizedError.of(info)
        filter_ = read_filter(model, arguments.get("filter"))
        is_concealed = mentions(filter_, frozenset(concealed_fields(caller, model)))
        is_meant = _matches_arguments(caller, model, owners, compile_filter(filter_))
        read = unopened(model) if is_concealed else model
        async for row in self.rows(read, frozenset({_KINDS[operation]}), info, is_meant):
            yield row

    async def rows(
        self, model: Model, kinds: frozenset[ChangeKind], info: AnyInfo, is_meant: Predicate
    ) -> AsyncIterator[Item]:
        """Yield each whole row that changed in one of these ways, if the caller may read it and it is meant.

        Raises:
            UnauthorizedError: the caller is unknown, or no longer signed in.
            AppSyncError: the subscription was closed; the message says why.
        """
        async with _subscribed(self._feed, model.table) as changes:
            context_of(info).listening.set()
            async for change in changes:
                row = change.item
                if change.kind in kinds and is_meant(row) and await _may_read_now(info, model, row):
                    yield row


async def changes_of(
    feed: ChangeFeed, table: type[Table], key: str, listening: asyncio.Event
) -> AsyncIterator[Item]:
    """Yield a row as it is now, if it exists, and after each change, until it is deleted.

    Args:
        feed: where changes come from.
        table: the row's table.
        key: its key.
        listening: set once the first state was taken, so that the caller could refuse it, and changes are awaited.

    Raises:
        AppSyncError: the subscription was closed; the message says why.
    """
    async with _subscribed(feed, table) as changes:
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
async def _subscribed(feed: ChangeFeed, table: type[Table]) -> AsyncIterator[Subscription]:
    """Subscribe to a table's changes; if the feed closes the subscription, the client gets an error."""
    try:
        async with feed.subscribe(table) as changes:
            yield changes
    except FeedClosedError as error:
        raise AppSyncError(str(error), error_type="SubscriptionClosed") from error


async def _may_read_now(info: AnyInfo, model: Model, row: Item) -> bool:
    """Return whether the subscriber may read a row; whoever is no member any more may not, whatever they were."""
    await context_of(info).check_membership()
    caller = caller_of(info)
    is_admitted = caller.standing is Standing.MEMBER or by_group(caller, model, Operation.READ)
    return is_admitted and may_read(caller, model_for(caller, model), row)


def _may_subscribe(caller: Caller, model: Model, owners: Mapping[str, str]) -> bool:
    """Return whether a caller may subscribe with these owner arguments; without any they get their own rows."""
    if caller.standing is not Standing.MEMBER:
        return by_group(caller, model, Operation.READ)
    if admits_strangers(caller, model, Operation.READ):
        return True
    if owners:
        return any(is_owner(caller, owner) for owner in owners.values())
    return bool(model.owner_fields(Operation.READ))


def _matches_arguments(caller: Caller, model: Model, owners: Mapping[str, str], passes: Predicate) -> Predicate:
    """Return the test whether a row passes the filter and has all the owners that the arguments name."""
    tests = [_names(caller, name, model.fields[name].decode, owner) for name, owner in owners.items()]
    return lambda row: passes(row) and all(test(row) for test in tests)


def _names(caller: Caller, field: str, shown: Decoder, owner: str) -> Predicate:
    """Return the test whether a row's owner field names a member; the caller matches by any of their names."""
    if is_owner(caller, owner):
        return lambda row: is_owner(caller, row.get(field, {}).get("S"))
    return lambda row: shown(row.get(field)) == owner


def _is_newer(row: Item, seen: Item) -> bool:
    """Return whether a change is newer than the row read: the stream may still hold older changes."""
    if "version" not in row or "version" not in seen:
        return True
    return int(row["version"]["N"]) > int(seen["version"]["N"])
