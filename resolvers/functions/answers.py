"""What functions answer, as the fields of the answer's type read it: rows in wire form, or plain objects."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from models.storage.store import Item
from schema.amplify.catalogue import Catalogue, OwnField
from schema.amplify.declaration import Model
from schema.errors import FunctionError

_LARGEST_INT = 2**31


def shaped(catalogue: Catalogue, own: OwnField, answer: Any) -> Any:
    """Return an answer, which is JSON, as the fields of its type read it.

    Raises:
        FunctionError: it does not fit the type; the message names the field.
    """
    shaping = _Shaping(catalogue, own)
    if answer is None and own.type.endswith("!"):
        raise shaping.misfit("it is null")
    return shaping.of_type(own.type, answer, "it")


class _Shaping:
    """Brings an answer into the shape of its type.

    Args:
        catalogue: the app's types.
        own: the field that it answers.
    """

    def __init__(self, catalogue: Catalogue, own: OwnField) -> None:
        self._catalogue = catalogue
        self._own = own

    def of_type(self, type_: str, value: Any, place: str) -> Any:
        """Return a value as it is read; GraphQL itself says where null may not be.

        Args:
            type_: its type, as GraphQL writes it.
            value: the value.
            place: the field that has it, for people.
        """
        if value is None:
            return None
        bare = type_.removesuffix("!")
        if bare.startswith("["):
            if not isinstance(value, list):
                raise self.misfit(f"{place} is no list")
            return [self.of_type(bare[1:-1], one, place) for one in value]
        model, nested = self._catalogue.models.get(bare), self._catalogue.nested.get(bare)
        if model is None and nested is None:
            return self._single(bare, value, place)
        if not isinstance(value, Mapping):
            raise self.misfit(f"{place} is no {bare}: an object is expected, not {type(value).__name__}")
        if nested is not None:
            types = {name: one.graphql_type for name, one in nested.fields.items()} | nested.rows
            return {name: self.of_type(type_, value.get(name), name) for name, type_ in types.items()}
        return self._row(model, value)  # type: ignore[arg-type]  # it is one of the two

    def _row(self, model: Model, value: Mapping[str, Any]) -> Item:
        """Return a row of a type with the fields that an answer has."""
        row: Item = {}
        for name, field in model.fields.items():
            if (given := self.of_type(field.graphql_type, value.get(name), name)) is None:
                continue
            try:
                row[name] = field.encode(given)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                raise self.misfit(f"{name} is no {field.graphql_type}") from error
        return row | model.composites_in(row)

    def _single(self, type_: str, value: Any, place: str) -> Any:
        """Return a value of a scalar or an enum; AWSJSON is a text, of any other value its JSON."""
        if type_ == "AWSJSON":
            return value if isinstance(value, str) else orjson.dumps(value).decode()
        enum = self._catalogue.enums.get(type_)
        fits = _FITS.get(type_, _is_text) if enum is None else set(enum).__contains__
        if not fits(value):
            raise self.misfit(f"{place} is no {type_}")
        return value

    def misfit(self, problem: str) -> FunctionError:
        """Return the error for an answer that does not fit."""
        own = self._own
        function = own.functions[-1].name if own.functions else own.name
        return FunctionError(f"the answer of {function} does not fit {own.type}: {problem}", function=function)


def _is_text(value: Any) -> bool:
    # As AppSync has it, a number or a flag is a text, too.
    return not isinstance(value, list | Mapping)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_int(value: Any) -> bool:
    return _is_number(value) and value == int(value) and -_LARGEST_INT <= value < _LARGEST_INT


def _is_whole(value: Any) -> bool:
    return _is_number(value) and value == int(value)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


_FITS: Mapping[str, Callable[[Any], bool]] = {
    "Int": _is_int,
    "AWSTimestamp": _is_whole,
    "Float": _is_number,
    "Boolean": _is_flag,
}
