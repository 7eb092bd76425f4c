"""The fields of Query, Mutation and Subscription that Amplify generates for each type."""

from collections.abc import Iterator
from typing import Any

from strawberry.types.field import StrawberryField

from schema.amplify import names
from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Model
from schema.amplify.derived import ChangedRows, GetRow, ListRows, RowsByIndex
from schema.amplify.fields import Arguments, ResolvedField, Types
from schema.amplify.key_conditions import sort_argument
from schema.amplify.keys import Finder
from schema.amplify.objects import page_arguments
from schema.amplify.resolver import AnyInfo, resolver_of
from schema.amplify.rules import Operation


def queries(catalogue: Catalogue, types: Types) -> Iterator[StrawberryField]:
    """Yield the fields of Query."""
    for model in catalogue.models.values():
        yield _get(types, model)
        yield _list(types, model)
    for model in catalogue.models.values():
        for finder in model.finders.values():
            if finder.query is not None:
                yield _by_index(types, model, finder, finder.query)


def _get(types: Types, model: Model) -> StrawberryField:
    key = {name: f"{model.fields[name].type}!" for name in model.keys.fields}
    return ResolvedField(types, f"get{model.name}", model.name, key, GetRow(model))


def _list(types: Types, model: Model) -> StrawberryField:
    arguments = page_arguments(model.name)
    if model.lists_by_key:
        key = {model.keys.hash: model.fields[model.keys.hash].type}
        arguments |= key | sort_argument(model, model.primary) | {"sortDirection": "ModelSortDirection"}
    return ResolvedField(types, f"list{model.plural}", names.connection(model.name), arguments, ListRows(model))


def _by_index(types: Types, model: Model, finder: Finder, query: str) -> StrawberryField:
    hash_key = {finder.keys.hash: f"{model.fields[finder.keys.hash].type}!"}
    sorting = sort_argument(model, finder) | {"sortDirection": "ModelSortDirection"}
    arguments = hash_key | sorting | page_arguments(model.name)
    return ResolvedField(types, query, names.connection(model.name), arguments, RowsByIndex(model, finder))


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
