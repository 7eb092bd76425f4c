"""Reads the arguments that compare sort fields, as filters on the attribute that sorts."""

from collections.abc import Mapping, Sequence
from typing import Any

from resolvers.mirror.filtering.filters import Filter, ends_of
from schema.amplify.declaration import Model
from schema.amplify.fields import Arguments
from schema.amplify.keys import SEPARATOR, Finder
from schema.errors import InvalidInputError


def key_filter(model: Model, finder: Finder, arguments: Arguments) -> Filter:
    """Return what the arguments of a page ask of the range key, as a filter on its attribute; empty if nothing.

    Raises:
        InvalidInputError: there is more than one operator, or a value is invalid.
    """
    if not finder.keys.sort or finder.range is None:
        return {}
    argument = finder.keys.sort_argument
    given = {word: operand for word, operand in (arguments.get(argument) or {}).items() if operand is not None}
    if not given:
        return {}
    if len(given) > 1:
        message = f"{argument}: a key is compared by one operator, not by {' and '.join(given)}"
        raise InvalidInputError(message, field=argument)
    ((word, operand),) = given.items()
    place = f"{argument}.{word}"
    if word != "between":
        return {finder.range.name: {word: _value(model, finder, place, operand)}}
    ends = [end if end is None else _value(model, finder, place, end) for end in operand]
    return {finder.range.name: {word: ends_of(place, ends)}}


def key_prefix(finder: Finder, texts: Sequence[str]) -> Filter:
    """Return the filter that the sort fields are, or begin with, the values that a relation gives; empty if none.

    Args:
        finder: how the rows are found.
        texts: the values of the first of its sort fields.
    """
    if not texts or finder.range is None:
        return {}
    joined = SEPARATOR.join(texts)
    if len(texts) < len(finder.keys.sort):
        return {finder.range.name: {"beginsWith": joined + SEPARATOR}}
    return {finder.range.name: {"eq": float(joined) if finder.range.type == "N" else joined}}


def _value(model: Model, finder: Finder, place: str, value: Any) -> Any:
    """Return what a client compares a range key with, as a filter compares it."""
    if finder.keys.is_composite:
        return SEPARATOR.join(_parts(model, finder, place, value))
    (name,) = finder.keys.sort
    return _text(model, name, place, value) if model.fields[name].is_text else value


def _parts(model: Model, finder: Finder, place: str, given: Mapping[str, Any]) -> list[str]:
    """Return the texts of the sort fields that are given: the first ones, without a gap.

    Raises:
        InvalidInputError: there is a gap, or none is given.
    """
    names = finder.keys.sort
    count = sum(given.get(name) is not None for name in names)
    for name in names[: max(1, count)]:
        if given.get(name) is None:
            message = f"{place}: give {name}, too, because the fields are compared in their order"
            raise InvalidInputError(message, field=name)
    return [_text(model, name, place, given[name]) for name in names[:count]]


def _text(model: Model, name: str, place: str, value: Any) -> str:
    try:
        return model.text_from(name, value)
    except ValueError as error:
        raise InvalidInputError(f"{place}: {error}", field=name) from error
