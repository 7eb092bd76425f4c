"""What functions answer, as the fields of the answer's type read it: rows in wire form, or plain objects."""

from collections.abc import Mapping
from typing import Any

from models.storage.store import Item
from schema.amplify.catalogue import Catalogue, OwnField
from schema.amplify.declaration import Model
from schema.errors import FunctionError


def shaped(catalogue: Catalogue, own: OwnField, answer: Any) -> Any:
    """Return an answer, or each of a list, as the fields of its type read it.

    Raises:
        FunctionError: it does not fit the type; the message names the field.
    """
    if isinstance(answer, list | tuple):
        return [shaped(catalogue, own, one) for one in answer]
    model = catalogue.models.get(own.type_name)
    if answer is None or (model is None and own.type_name not in catalogue.nested):
        return answer
    if not isinstance(answer, Mapping):
        raise _misfit(own, f"an object of {own.type_name} is expected, not {type(answer).__name__}")
    return dict(answer) if model is None else _row(own, model, answer)


def _row(own: OwnField, model: Model, answer: Mapping[str, Any]) -> Item:
    """Return a row of a type with the fields that an answer has."""
    row: Item = {}
    for name, field in model.fields.items():
        if (value := answer.get(name)) is None:
            continue
        try:
            row[name] = field.encode(value)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise _misfit(own, f"{name} is no {field.graphql_type}") from error
    return row | model.composites_in(row)


def _misfit(own: OwnField, problem: str) -> FunctionError:
    function = own.functions[-1].name if own.functions else own.name
    return FunctionError(f"the answer of {function} does not fit {own.type}: {problem}", function=function)
