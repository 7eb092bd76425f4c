"""Runs of rows in one order: those of an index, of a table, or of a single key."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from pynamodb.expressions.condition import Condition

from models.storage.store import Item, Page
from resolvers.mirror.authorization import Naming, is_named
from resolvers.mirror.filtered_pages import FilteredPage, SkipTo, no_skip, position_keys
from resolvers.mirror.filtering.conditions import condition_of, fitting, mentions
from resolvers.mirror.filtering.filters import Filter, Predicate, compile_filter
from schema.amplify.declaration import Model
from schema.amplify.keys import Finder

NO_FILTER: Filter = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Run:
    """Rows in the order of one index, of the table itself, or of a single key.

    Args:
        page: reads a page: up to `limit` rows after `start_key`.
        keep: which of the rows read belong to the run; all of them if None.
        can_count: `page` takes `count_only` too, to count rows without sending them.
    """

    page: Callable[..., Awaitable[Page]]
    keep: Predicate | None = None
    can_count: bool = False

    async def read(self, limit: int, start_key: Item | None, *, count_only: bool) -> Page:
        """Return a page; the rows of it that `keep` drops still count as read."""
        options = {"count_only": count_only} if self.can_count else {}
        page = await self.page(limit=limit, start_key=start_key, **options)
        return page if self.keep is None else replace(page, items=list(filter(self.keep, page.items)))


@dataclass(frozen=True, slots=True)
class Found:
    """Rows that are found by one value.

    Args:
        finder: how they are found.
        value: the hash key's value, as text.
        within: what is asked of the range key.
    """

    finder: Finder
    value: str
    within: Filter = field(default_factory=dict)

    @property
    def filter(self) -> Filter:
        """Return the filter that only such rows pass, however they are found."""
        value = float(self.value) if self.finder.hash.type == "N" else self.value
        return {self.finder.hash.name: {"eq": value}, **self.within}


def divided(only: Filter, finder: Finder) -> tuple[Filter, Filter, Filter]:
    """Divide a filter for an index: what its range key decides, what DynamoDB filters, and what we filter here.

    DynamoDB refuses a filter on what it finds and sorts by.
    """
    sorts = finder.range and finder.range.name
    return (
        {name: member for name, member in only.items() if name == sorts},
        {name: member for name, member in only.items() if name not in finder.attributes},
        {name: member for name, member in only.items() if name == finder.hash.name},
    )


def only_rows(run: Run, test: Predicate) -> Run:
    """Return the run of the rows that pass a test; the others do not count as found."""

    async def page(**options: Any) -> Page:
        read = await run.page(**options)
        return replace(read, items=list(filter(test, read.items)))

    return Run(page, run.keep)


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins: in which run, after which key; a token encrypts these fields."""

    run: int = 0
    after: Item | None = None


def filtered(run: Run, model: Model, finder: Finder, call_budget: int, skip_to: SkipTo = no_skip) -> Run:
    """Return the run of the same rows in which only those that pass the run's filter count."""
    return Run(FilteredPage(run.page, position_keys(model, finder), skip_to, call_budget).read, run.keep)


def condition_or_predicate(
    filter_: Filter | None, keys: frozenset[str]
) -> tuple[Condition | None, Predicate | None]:
    """Return a filter as a DynamoDB condition, or as a predicate if it names a key: DynamoDB refuses those."""
    if mentions(filter_, keys):
        return None, compile_filter(filter_)
    return condition_of(filter_), None


def and_conditions(one: Condition | None, other: Condition | None) -> Condition | None:
    """Return the condition that both hold, None if neither is there."""
    return other if one is None else one if other is None else fitting(one & other)


def and_predicates(one: Predicate | None, other: Predicate) -> Predicate:
    """Return the test whether both hold."""
    return other if one is None else lambda item: one(item) and other(item)


def names_caller_in_none_of(fields: Sequence[Naming], item: Item) -> bool:
    """Return whether none of some fields names the caller."""
    return not any(is_named(naming.names, item.get(naming.field, {})) for naming in fields)
