"""Subscriptions: the changed rows that a subscriber may read and asks for, as the change feed delivers them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from models.changes import ChangeKind
from models.storage.store import Item, key_of
from models.tables import Table
from resolvers.context import caller_of, context_of
from resolvers.feed.change_feed import ChangeFeed, Subscriber, Subscription
from resolvers.feed.interests import Interest, Pin
from resolvers.feed.limits import SubscriptionLimits
from resolvers.feed.queues import FeedClosedError
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import (
    admits_strangers,
    concealed_fields,
    is_owner,
    may_read,
    model_for,
    names_of,
    namings,
    unopened,
)
from resolvers.mirror.field_rules import asking
from resolvers.mirror.filtering.filters import Predicate
from resolvers.mirror.filtering.subscription_filters import SubscriptionFilters
from resolvers.rates.limits import MINUTE
from resolvers.rates.rates import Held, Rate
from schema.amplify.declaration import Model
from schema.amplify.resolver import AnyInfo
from schema.amplify.rules import Operation, Way
from schema.amplify.wire import Decoder
from schema.errors import AppSyncError, UnauthorizedError

MICROSECONDS = 1_000_000  # in a second
_CHARGED_TOGETHER = 0.001  # seconds
CHANGE_KINDS = {
    Operation.CREATE: ChangeKind.CREATE,
    Operation.UPDATE: ChangeKind.UPDATE,
    Operation.DELETE: ChangeKind.DELETE,
}


@dataclass(frozen=True, slots=True)
class WantedRows:
    """Which changed rows a subscription is about.

    Args:
        model: the type, with the rules by which its rows are read.
        kinds: what happened to the rows.
        is_meant: the test whether a row passes the arguments and the filter.
        pins: fields and texts, of which each row that is meant has at least one; None if there are none.
        operators: how many the filter has.
        is_filtered: whether there is a filter.
    """

    model: Model
    kinds: frozenset[ChangeKind]
    is_meant: Predicate
    pins: Collection[Pin] | None
    operators: int
    is_filtered: bool


class Subscriptions:
    """Answers `onCreateX`, `onUpdateX` and `onDeleteX`.

    Args:
        feed: where changes come from.
        limits: how much work a caller's filters may make.
    """

    def __init__(self, feed: ChangeFeed, limits: SubscriptionLimits | None = None) -> None:
        limits = limits or SubscriptionLimits()
        self.feed = feed
        self._filters = SubscriptionFilters(limits.operators)
        self._operators = Held("operators in subscriptions' filters", limits.open_operators)
        self._filtering = Rate(
            "filtering", "microseconds of filtering", limits.filtering * MICROSECONDS // 1_000, MINUTE
        )

    async def subscribe(
        self, model: Model, operations: Collection[Operation], info: AnyInfo, arguments: Mapping[str, Any]
    ) -> AsyncIterator[Item]:
        """Yield each whole row that was created or updated, or, as it last was, each that was deleted.

        Raises:
            UnauthorizedError: the caller may not subscribe with these arguments.
            InvalidInputError: the filter is one that a list refuses, too, or has too many operators.
            RateLimitedError: the caller's filters are too many or too expensive.
            AppSyncError: the subscription was closed; the message says why.
        """
        wanted = self.wanted(model, operations, info, arguments)
        with self._operators.hold(caller_of(info).sub, wanted.operators):
            async for row in self.rows(wanted.model, wanted.kinds, info, wanted.is_meant, wanted.pins):
                yield row

    def wanted(
        self, model: Model, operations: Collection[Operation], info: AnyInfo, arguments: Mapping[str, Any]
    ) -> "WantedRows":
        """Return which rows a subscription is about.

        Raises:
            UnauthorizedError: the caller may not subscribe with these arguments.
            InvalidInputError: the filter is one that a list refuses, too, or has too many operators.
        """
        caller = caller_of(info)
        named = {name: arguments.get(name) for name in model.heard_owners}
        owners = {name: owner for name, owner in named.items() if owner is not None}
        if not _may_subscribe(caller, model_for(caller, model, Way.LISTEN), owners):
            raise UnauthorizedError.of(info)
        filter_ = self._filters.read(model, arguments.get("filter"))
        if model.guarded:
            model = asking(caller, model, filter_.fields, Way.LISTEN)
        is_concealed = not filter_.fields.isdisjoint(concealed_fields(caller, model))
        read = unopened(model) if is_concealed else model
        is_filtered = bool(arguments.get("filter"))
        is_meant = _matches_arguments(caller, model, owners, filter_.passes if is_filtered else None)
        pins = _pins(caller, model_for(caller, read, Way.LISTEN), owners, filter_.equal)
        kinds = frozenset(CHANGE_KINDS[operation] for operation in operations)
        return WantedRows(read, kinds, is_meant, pins, filter_.operators, is_filtered=is_filtered)

    async def join(self, wanted: "WantedRows", who: str, subscriber: Subscriber) -> Callable[[], None]:
        """Tell a subscriber of the changes that may be of interest; return the function that ends it.

        Raises:
            RateLimitedError: the caller's filters are too many.
            FeedClosedError: the server stops.
            Exception: the stream cannot be opened; see `ChangeFeed.subscribe`.
        """
        self._operators.take(who, wanted.operators)
        try:
            leave = await self.feed.join(wanted.model.table, Interest(wanted.kinds, wanted.pins), subscriber)
        except BaseException:
            self._operators.give_back(who, wanted.operators)
            raise

        def end() -> None:
            leave()
            self._operators.give_back(who, wanted.operators)

        return end

    def timed(self, test: Predicate, who: str) -> Predicate:
        """Return a test of rows that charges its time to a caller, and raises an error if it is too much."""
        return _Timed(test, partial(self._filtering.charge, who))

    def test_of(self, wanted: "WantedRows", who: str) -> Predicate:
        """Return the test whether a row is meant; one without a filter is not worth measuring."""
        return self.timed(wanted.is_meant, who) if wanted.is_filtered else wanted.is_meant

    async def rows(
        self,
        model: Model,
        kinds: frozenset[ChangeKind],
        info: AnyInfo,
        is_meant: Predicate,
        pins: Collection[Pin] | None,
    ) -> AsyncIterator[Item]:
        """Yield each whole row that changed in one of these ways, if the caller may read it and it is meant.

        Args:
            model: the type.
            kinds: what happened to the rows.
            info: the subscription's field.
            is_meant: the test whether a row is meant.
            pins: fields and texts, of which each row that is meant has at least one; None if there are none.

        Raises:
            UnauthorizedError: the caller is unknown, or no longer signed in.
            RateLimitedError: testing the rows for this caller takes too long.
            AppSyncError: the subscription was closed; the message says why.
        """
        who = caller_of(info).sub
        test = self.timed(is_meant, who)
        async with subscribed(self.feed, model.table, Interest(kinds, pins), who) as changes:
            context_of(info).listening.set()
            async for change in changes:
                row = change.item
                if change.kind in kinds and test(row) and await _may_read_now(info, model, row):
                    yield row


class _Timed:
    """A test of rows whose time is charged, a millisecond at a time."""

    def __init__(self, test: Predicate, charge: Callable[[int], None]) -> None:
        self._test = test
        self._charge = charge
        self._took = 0.0

    def __call__(self, row: Item) -> bool:
        """Return whether a row passes.

        Raises:
            RateLimitedError: the caller's tests took too long.
        """
        began = time.thread_time()
        passes = self._test(row)
        self._took += time.thread_time() - began
        if self._took > _CHARGED_TOGETHER:
            took, self._took = self._took, 0.0
            self._charge(int(took * MICROSECONDS))
        return passes


async def changes_of(
    feed: ChangeFeed, table: type[Table], key: str, listening: asyncio.Event, who: str = ""
) -> AsyncIterator[Item]:
    """Yield a row as it is now, if it exists, and after each change, until it is deleted.

    Args:
        feed: where changes come from.
        table: the row's table.
        key: its key.
        listening: set once the first state was taken, so that the caller could refuse it, and changes are awaited.
        who: the subscriber.

    Raises:
        AppSyncError: the subscription was closed; the message says why.
    """
    pin = (key_of(table).attr_name, key)
    async with subscribed(feed, table, Interest(pins=[pin]), who) as changes:
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
async def subscribed(
    feed: ChangeFeed, table: type[Table], interest: Interest, who: str
) -> AsyncIterator[Subscription]:
    """Subscribe to a table's changes; if the feed closes the subscription, the client gets an error."""
    try:
        async with feed.subscribe(table, interest, who) as changes:
            yield changes
    except FeedClosedError as error:
        raise AppSyncError(str(error), error_type="SubscriptionClosed") from error


async def _may_read_now(info: AnyInfo, model: Model, row: Item) -> bool:
    """Return whether the subscriber may read a row; whoever is no member any more may not, whatever they were."""
    await context_of(info).check_membership()
    caller = caller_of(info)
    return may_read(caller, model_for(caller, model, Way.LISTEN), row)


def own_pins(caller: Caller, fields: Iterable[str]) -> list[Pin]:
    """Return the pins of the rows of which one of these owner fields names the caller."""
    return [(field, name) for field in fields for name in names_of(caller)]


def _may_subscribe(caller: Caller, model: Model, owners: Mapping[str, str]) -> bool:
    """Return whether a caller may subscribe with these owner arguments; without any they get their own rows.

    Args:
        caller: the subscriber.
        model: the type, with the rules that count for them.
        owners: the owner arguments.
    """
    if admits_strangers(caller, model, Operation.READ):
        return True
    named = namings(caller, model, Operation.READ)
    if not owners:
        return bool(named)
    return any(owners[one.field] in one.names for one in named if one.field in owners)


def _pins(
    caller: Caller, model: Model, owners: Mapping[str, str], equal: Mapping[str, str]
) -> Collection[Pin] | None:
    """Return by what the feed finds the rows that are meant: the few of a key, else a member's, else equal ones.

    Args:
        caller: the subscriber.
        model: the type, with the rules by which its rows are read.
        owners: the owner arguments.
        equal: the texts that the filter requires.
    """
    if model.keys.hash in equal:
        return [(model.keys.hash, equal[model.keys.hash])]
    named = namings(caller, model, Operation.READ)
    if owners:
        name, owner = next(iter(owners.items()))
        own = next((one.names for one in named if one.field == name), frozenset[str]())
        return [(name, text) for text in own] if owner in own else [(name, owner)]
    if not admits_strangers(caller, model, Operation.READ):
        if any(model.fields[one.field].is_list for one in named):
            return None
        return [(one.field, text) for one in named for text in one.names]
    return list(equal.items())[:1] or None


def _matches_arguments(
    caller: Caller, model: Model, owners: Mapping[str, str], passes: Predicate | None
) -> Predicate:
    """Return the test whether a row passes the filter, if any, and has all the owners that the arguments name."""
    tests = [_names(caller, name, model.fields[name].decode, owner) for name, owner in owners.items()]
    if passes is not None:
        tests.insert(0, passes)
    return (lambda row: all(test(row) for test in tests)) if tests else _is_any


def _is_any(_: Item) -> bool:
    return True


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
