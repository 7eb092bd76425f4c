"""A query of a mirrored type, and who asks it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from resolvers.context import caller_of
from resolvers.identity.callers import Caller
from resolvers.mirror.authorization import Naming, admits, concealed_fields, model_for, namings, unopened
from resolvers.mirror.field_rules import asking
from resolvers.mirror.filtering.client_filters import read_filter
from resolvers.mirror.filtering.conditions import mentions
from resolvers.mirror.filtering.filters import Filter, fields_of
from schema.amplify.declaration import Model
from schema.amplify.fields import Arguments
from schema.amplify.keys import Finder
from schema.amplify.resolver import AnyInfo
from schema.amplify.rules import Operation, Way
from schema.enums import ModelSortDirection
from schema.errors import UnauthorizedError


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a mirrored type, and who asks it.

    Args:
        caller: who asks.
        model: the type, with the rules that count.
        info: the field that is resolved.
        arguments: its arguments.
        is_page: whether the field is a page, of which clients may select less than the rows.
    """

    caller: Caller
    model: Model
    info: AnyInfo
    arguments: Arguments
    is_page: bool = True

    @classmethod
    def of(
        cls,
        model: Model,
        info: AnyInfo,
        arguments: Arguments,
        field: str | None = None,
        finder: Finder | None = None,
        way: Way | None = Way.LIST,
    ) -> Self:
        """Return a caller's query, with its filter as it is meant.

        One that asks for a field which the caller does not see is for their own rows only. Otherwise they could
        guess its value, one query after another.

        Args:
            model: the type.
            info: the field that is resolved.
            arguments: its arguments.
            field: the indexed field that rows are asked for by.
            finder: how they are found, and thereby sorted; None if the whole table is read.
            way: how rows are read; None if a relation leads to them, for which any way of reading counts.

        Raises:
            InvalidInputError: the filter is invalid or too large.
            UnauthorizedError: the caller may read a field that rows are asked for by in no row.
        """
        caller, filter_ = caller_of(info), read_filter(model, arguments.get("filter"))
        concealed = frozenset(concealed_fields(caller, model))
        asks_for_concealed = field in concealed or mentions(filter_, concealed)
        if model.guarded:
            keys = finder.keys.fields if finder else ()
            model = asking(caller, model, (*fields_of(filter_), *keys), way)
        narrowed = model_for(caller, model, way)
        visible_model = unopened(narrowed) if asks_for_concealed else narrowed
        return cls(caller, visible_model, info, {**arguments, "filter": filter_})

    @property
    def filter(self) -> Filter:
        """Return its filter, empty if there is none."""
        filter_: Filter = self.arguments["filter"]
        return filter_

    @property
    def is_forward(self) -> bool:
        """Return whether rows are wanted in ascending order."""
        return self.arguments.get("sortDirection") is not ModelSortDirection.DESC

    @property
    def namings(self) -> Sequence[Naming]:
        """Return the fields that name the caller, or a group of theirs, where they may read the row for it."""
        return namings(self.caller, self.model, Operation.READ)


def root_query(
    model: Model,
    info: AnyInfo,
    arguments: Arguments,
    field: str | None = None,
    finder: Finder | None = None,
) -> Query:
    """Return a query of a root field.

    Args:
        model: the type.
        info: the field that is resolved.
        arguments: its arguments.
        field: the indexed field that rows are asked for by.
        finder: how they are found.

    Raises:
        UnauthorizedError: no rule lets the caller read any row.
    """
    if not admits(caller_of(info), model, Operation.READ, Way.LIST):
        raise UnauthorizedError.of(info)
    return Query.of(model, info, arguments, field, finder)
