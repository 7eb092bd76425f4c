"""The fields of Query, Mutation and Subscription that Amplify generates for each type."""

from collections.abc import Iterator
from typing import Any

from strawberry.types.field import StrawberryField

from schema.amplify import names
from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Model
from schema.amplify.derived import ChangedRows, GetRow, ListRows, RowsByIndex
from schema.amplify.fields import Arguments, ResolvedField, Types
from schema.amplify.objects import page_arguments
from schema.amplify.resolver import AnyInfo, resolver_of
from schema.amplify.rules import Operation


def queries(catalogue: Catalogue, types: Types) -> Iterator[StrawberryField]:
    """Yield the fields of Query."""
    for model in catalogue.models.values():
        yield _get(types, model)
        yield _list(types, model)
    for model in catalogue.models.values():
        for field in model.indexes:
            yield _by_index(types, model, field)


def _get(types: Types, model: Model) -> StrawberryField:
    return ResolvedField(types, f"get{model.name}", model.name, {model.key: "ID!"}, GetRow(model))


def _list(types: Types, model: Model) -> StrawberryField:
    arguments = page_arguments(model.name)
    if model.key != "id":
        arguments |= {model.key: "ID", "sortDirection": "ModelSortDirection"}
    return ResolvedField(types, f"list{model.plural}", names.connection(model.name), arguments, ListRows(model))


def _by_index(types: Types, model: Model, field: str) -> StrawberryField:
    name = f"{names.lower_first(model.plural)}By{names.upper_first(field)}"
    hash_key = {field: f"{model.fields[field].type}!"}
    arguments = hash_key | {"sortDirection": "ModelSortDirection"} | page_arguments(model.name)
    return ResolvedField(types, name, names.connection(model.name), arguments, RowsByIndex(model, field))


def mutations(catalogue: Catalogue, types: Types) -> Iterator[StrawberryField]:
    """Yield the fields of Mutation."""
    for model in catalogue.models.values():
        for operation in (Operation.CREATE, Operation.UPDATE, Operation.DELETE):
            yield _mutation(types, model, operation)


def _mutation(types: Types, model: Model, operation: Operation) -> StrawberryField:
    def resolve(_: None, info: AnyInfo, values: Arguments) -> Any:
        return getattr(resolver_of(info), operation.value)(model, info, values)

    arguments = {
        "input": f"{names.upper_first(operation)}{model.name}Input!",
        "condition": names.condition_input(model.name),
    }
    return ResolvedField(types, f"{operation}{model.name}", model.name, arguments, resolve)


def subscriptions(catalogue: Catalogue, types: Types) -> Iterator[StrawberryField]:
    """Yield the fields of Subscription."""
    for model in catalogue.models.values():
        for operation in (Operation.CREATE, Operation.UPDATE, Operation.DELETE):
            yield _subscription(types, model, operation)


def _subscription(types: Types, model: Model, operation: Operation) -> StrawberryField:
    owners = dict.fromkeys(model.owner_fields(Operation.READ), "String")
    arguments = {"filter": names.subscription_filter_input(model.name)} | owners
    name = f"on{names.upper_first(operation)}{model.name}"
    return ResolvedField(types, name, model.name, arguments, ChangedRows(model, operation), is_subscription=True)
