"""Subscriptions' filters: read and compiled once for all subscriptions that have an equal one."""

from weakref import WeakValueDictionary

from resolvers.mirror.filtering.client_filters import read_filter
from resolvers.mirror.filtering.equalities import equalities
from resolvers.mirror.filtering.filters import (
    Filter,
    Predicate,
    compile_filter,
    count_operators,
    fields_of,
)
from schema.amplify.declaration import Model
from schema.errors import InvalidInputError


class CompiledFilter:
    """A subscription's filter.

    Args:
        filter_: the filter, as it is meant.
        operators: how many it has.
    """

    def __init__(self, filter_: Filter, operators: int) -> None:
        self.operators = operators
        self.passes: Predicate = compile_filter(filter_)
        self.fields: frozenset[str] = frozenset(fields_of(filter_))
        self.equal = equalities(filter_)


class SubscriptionFilters:
    """Reads and compiles filters.

    Args:
        operators: how many one filter may have.
    """

    def __init__(self, operators: int) -> None:
        self._operators = operators
        self._compiled: WeakValueDictionary[tuple[str, str], CompiledFilter] = WeakValueDictionary()

    def read(self, model: Model, given: Filter | None) -> CompiledFilter:
        """Return a client's filter, compiled.

        Raises:
            InvalidInputError: it has too many operators, or is one that a list refuses, too.
        """
        operators = count_operators(given)
        if operators > self._operators:
            raise InvalidInputError(
                f"A subscription's filter may have at most {self._operators} operators, and this has {operators}",
                field="filter",
            )
        key = (model.name, repr(given or {}))
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._compiled[key] = CompiledFilter(read_filter(model, given), operators)
        return compiled
