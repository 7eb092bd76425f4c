"""Checks of a client's input that the schema cannot make; their errors name the field, as DynamoDB's would not."""

from collections.abc import Collection, Mapping
from typing import Any

from models.storage.store import Item
from schema.amplify.declaration import Model
from schema.amplify.wire import Wire
from schema.errors import InvalidInputError


def validated(model: Model, given: Mapping[str, Any]) -> Item:
    """Return a whole input, without nulls, as a row stores it.

    Raises:
        InvalidInputError: a field is out of bounds or not a value of its attribute, or a pair is out of order.
    """
    content = {name: stored(model, name, value) for name, value in given.items()}
    check_order(model, content, content)
    return content


def stored(model: Model, name: str, value: Any) -> Wire:
    """Return a field's value as a row stores it.

    Raises:
        InvalidInputError: it is out of bounds, not a value of the attribute, or invalid as a key of an index.
    """
    bound = model.bounds.get(name)
    if bound is not None and (problem := bound.problem(value)) is not None:
        raise InvalidInputError(f"{name}: {problem}", field=name)
    try:
        return model.fields[name].encode(value)
    except ValueError as error:
        raise InvalidInputError(f"{name}: {error}", field=name) from error


def check_order(model: Model, item: Item, changed: Collection[str]) -> None:
    """Check that in each ordered pair of fields the first is at most the second, where a row has both.

    Args:
        model: the row's type.
        item: the row as it will be.
        changed: the fields that change; pairs without one of them are not checked.

    Raises:
        InvalidInputError: the first is greater; the message names both.
    """
    for low, high in model.pairs_of(changed):
        least, greatest = (model.fields[name].decode(item.get(name)) for name in (low, high))
        if least is not None and greatest is not None and least > greatest:
            raise InvalidInputError(f"{low} ({least}) must not be over {high} ({greatest})", field=low)
