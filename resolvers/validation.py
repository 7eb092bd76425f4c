"""What of a client's input the schema cannot check: told by the name of the field, before DynamoDB refuses it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import ClientError

from models.store import KEY_BYTES
from schema.amplify.declaration import Model
from schema.amplify.wire import Wire, encode
from schema.errors import InvalidInputError


@contextmanager
def understood() -> Iterator[None]:
    """Turn DynamoDB's refusal of values (a row over 400 KB, a number out of range) into a client's error.

    Raises:
        InvalidInputError: DynamoDB does not take what the client sent.
    """
    try:
        yield
    except ClientError as error:
        problem = error.response.get("Error", {})
        if problem.get("Code") != "ValidationException":
            raise
        raise InvalidInputError(f"the database does not take this: {problem.get('Message')}") from error


def stored(model: Model, name: str, value: Any) -> Wire:
    """Return a field's value as a row stores it.

    Raises:
        InvalidInputError: it is out of bounds, no value of that attribute, or no key that an index can have.
    """
    low, high = model.bounds.get(name, (None, None))
    if low is not None and high is not None and not low <= value <= high:
        raise InvalidInputError(f"{name} must be {low} to {high}, not {value}", field=name)
    if (name == model.key or name in model.indexes) and not 0 < len(str(value).encode()) <= KEY_BYTES:
        raise InvalidInputError(f"{name} must have 1 to {KEY_BYTES} bytes", field=name)
    try:
        return encode(getattr(model.table, name), value)
    except ValueError as error:
        raise InvalidInputError(f"{name}: {error}", field=name) from error
