"""The fields of Query, Mutation and Subscription that Amplify generates for each type."""

from collections.abc import Iterator
from typing import Any

from strawberry.types.field import StrawberryField

from schema.amplify import names
from schema.amplify.declaration import MODELS, Model
from schema.amplify.derived import ChangedRows, GetRow, ListRows, RowsByIndex
from schema.amplify.fields import Arguments, ResolvedField
from schema.amplify.objects import page_arguments
from schema.amplify.resolver import AnyInfo, resolver_of
from schema.amplify.rules import Operation


def queries() -> Iterator[StrawberryField]:
    """Yield the fields of Query."""
    for model in MODELS.values():
        yield _get(model)
        yield _list(model)
    for model in MODELS.values():
        for field in model.indexes:
            yield _by_index(model, field)


def _get(model: Model) -> StrawberryField:
    return ResolvedField(f"get{model.name}", model.name, {model.key: "ID!"}, GetRow(model))


def _list(model: Model) -> StrawberryField:
    arguments = page_arguments(model.name)
    if model.key != "id":
        arguments |= {model.key: "ID", "sortDirection": "ModelSortDirection"}
    return ResolvedField(f"list{model.plural}", names.connection(model.name), arguments, ListRows(model))


def _by_index(model: Model, field: str) -> StrawberryField:
    name = f"{names.lower_first(model.plural)}By{names.upper_first(field)}"
    hash_key = {field: f"{model.fields[field].type}!"}
    arguments = hash_key | {"sortDirection": "ModelSortDirection"} | page_arguments(model.name)
    return ResolvedField(name, names.connection(model.name), arguments, RowsByIndex(model, field))


def mutations() -> Iterator[StrawberryField]:
    """Yield the fields of Mutation."""
    for model in MODELS.values():
        for operation in (Operation.CREATE, Operation.UPDATE, Operation.DELETE):
            yield _mutation(model, operation)


def _mutation(model: Model, operation: Operation) -> StrawberryField:
    def resolve(_: None, info: AnyInfo, values: Arguments) -> Any:
        return getattr(resolver_of(info), operation.value)(model, info, values)

    arguments = {
        "input": f"{names.upper_first(operation)}{model.name}Input!",
        "condition": names.condition_input(model.name),
    }
    return ResolvedField(f"{operation}{model.name}", model.name, arguments, resolve)


def subscriptions() -> Iterator[StrawberryField]:
    """Yield the fields of Subscription."""
    for model in MODELS.values():
        for operation in (Operation.CREATE, Operation.UPDATE, Operation.DELETE):
            yield _subscription(model, operation)


def _subscription(model: Model, operation: Operation) -> StrawberryField:
    owners = dict.fromkeys(model.owner_fields(Operation.READ), "String")
    arguments = {"filter": names.subscription_filter_input(model.name)} | owners
    name = f"on{names.upper_first(operation)}{model.name}"
    return ResolvedField(name, model.name, arguments, ChangedRows(model, operation), is_subscription=True)
