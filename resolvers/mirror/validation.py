"""What of a client's input the schema cannot check: told by the name of the field, before DynamoDB refuses it."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import structlog
from botocore.exceptions import ClientError

from models.storage.store import Item
from schema.amplify.declaration import Model
from schema.amplify.wire import Wire, encode
from schema.errors import InvalidInputError

_log = structlog.get_logger(__name__)


@contextmanager
def understood() -> Iterator[None]:
    """Turn DynamoDB's refusal of values (a row over 400 KB, a number out of range) into a client's error.

    Raises:
        InvalidInputError: DynamoDB does not take what the client sent; its own words are in the log.
    """
    try:
        yield
    except ClientError as error:
        problem = error.response.get("Error", {})
        if problem.get("Code") != "ValidationException":
            raise
        _log.warning("DynamoDB took a client's values for invalid", reason=problem.get("Message"))
        raise InvalidInputError(
            "These values are too much for one row or one filter: shorten the longest texts and lists, "
            "use fewer conditions, and try again"
        ) from error


def validated(model: Model, given: Mapping[str, Any]) -> Item:
    """Return a whole input, without nulls, as a row stores it.

    Raises:
        InvalidInputError: a field is out of bounds or no value of its attribute, or two contradict each other.
    """
    content = {name: stored(model, name, value) for name, value in given.items()}
    check_order(model, content, content)
    return content


def stored(model: Model, name: str, value: Any) -> Wire:
    """Return a field's value as a row stores it.

    Raises:
        InvalidInputError: it is out of bounds, no value of that attribute, or no key that an index can have.
    """
    bound = model.bounds.get(name)
    if bound is not None and (problem := bound.problem(value)) is not None:
        raise InvalidInputError(f"{name}: {problem}", field=name)
    try:
        return encode(getattr(model.table, name), value)
    except ValueError as error:
        raise InvalidInputError(f"{name}: {error}", field=name) from error


def check_order(model: Model, item: Item, changed: Collection[str]) -> None:
    """See that of each ordered pair of fields the first is not over the second, where a row has both.

    Args:
        model: the row's type.
        item: the row as it will be.
        changed: its fields that are new; pairs without one are left alone, however they came to be.

    Raises:
        InvalidInputError: it is; the message names both.
    """
    for low, high in model.pairs_of(changed):
        least, greatest = (model.fields[name].decode(item.get(name)) for name in (low, high))
        if least is not None and greatest is not None and least > greatest:
            raise InvalidInputError(f"{low} ({least}) must not be over {high} ({greatest})", field=low)
