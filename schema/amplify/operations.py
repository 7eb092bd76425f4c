"""The fields of Query, Mutation and Subscription: what Amplify generates for each type, and the app's own."""

from collections.abc import Callable, Iterator
from typing import Any

from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from schema.amplify import names
from schema.amplify.catalogue import Catalogue, OwnField, RootType
from schema.amplify.declaration import Model
from schema.amplify.derived import ChangedRows, GetRow, ListRows, RowsByIndex
from schema.amplify.fields import Arguments, ResolvedField, Types
from schema.amplify.inputs import default_of
from schema.amplify.key_conditions import sort_argument
from schema.amplify.keys import Finder
from schema.amplify.objects import page_arguments
from schema.amplify.resolver import AnyInfo, resolver_of
from schema.amplify.rules import Operation


def queries(catalogue: Catalogue, types: Types) -> Iterator[StrawberryField]:
    """Yield the fields of Query."""
    for model in catalogue.models.values():
        if model.operations.get is not None:
            yield _get(types, model, model.operations.get)
        if model.operations.list is not None:
            yield _list(types, model, model.operations.list)
    for model in catalogue.models.values():
        for finder in model.finders.values():
            if finder.query is not None:
                yield _by_index(types, model, finder, finder.query)
    yield from _own(catalogue, types, RootType.QUERY)


def _get(types: Types, model: Model, name: str) -> StrawberryField:
    key = {field: f"{model.fields[field].type}!" for field in model.keys.fields}
    return ResolvedField(types, name, model.name, key, GetRow(model))


def _list(types: Types, model: Model, name: str) -> StrawberryField:
    arguments = page_arguments(model.name)
    if model.lists_by_key:
        key = {model.keys.hash: model.fields[model.keys.hash].type}
        arguments |= key | sort_argument(model, model.primary) | {"sortDirection": "ModelSortDirection"}
    return ResolvedField(types, name, names.connection(model.name), arguments, ListRows(model))


def _by_index(types: Types, model: Model, finder: Finder, query: str) -> StrawberryField:
    hash_key = {finder.keys.hash: f"{model.fields[finder.keys.hash].type}!"}
    sorting = sort_argument(model, finder) | {"sortDirection": "ModelSortDirection"}
    arguments = hash_key | sorting | page_arguments(model.name)
    return ResolvedField(types, query, names.connection(model.name), arguments, RowsByIndex(model, finder))


_WRITES = (Operation.CREATE, Operation.UPDATE, Operation.DELETE)


def mutations(catalogue: Catalogue, types: Types) -> Iterator[StrawberryField]:
    """Yield the fields of Mutation."""
    for model in catalogue.models.values():
        for operation in _WRITES:
            if (name := model.operations.mutation(operation)) is not None:
                yield _mutation(types, model, operation, name)
    yield from _own(catalogue, types, RootType.MUTATION)


def _mutation(types: Types, model: Model, operation: Operation, name: str) -> StrawberryField:
    def resolve(_: None, info: AnyInfo, values: Arguments) -> Any:
        return getattr(resolver_of(info), operation.value)(model, info, values)

    arguments = {
        "input": f"{names.row_input(operation, model.name)}!",
        "condition": names.condition_input(model.name),
    }
    return ResolvedField(types, name, model.name, arguments, resolve)


def subscriptions(catalogue: Catalogue, types: Types) -> Iterator[StrawberryField]:
    """Yield the fields of Subscription."""
    for model in catalogue.models.values():
        heard: dict[str, set[Operation]] = {}
        for operation in _WRITES:
            for name in model.operations.subscriptions(operation):
                heard.setdefault(name, set()).add(operation)
        for name, operations in heard.items():
            yield _subscription(types, model, frozenset(operations), name)
    yield from _own(catalogue, types, RootType.SUBSCRIPTION)


def _subscription(types: Types, model: Model, heard: frozenset[Operation], name: str) -> StrawberryField:
    owners = dict.fromkeys(model.heard_owners, "String")
    arguments = {"filter": names.subscription_filter_input(model.name)} | owners
    return ResolvedField(types, name, model.name, arguments, ChangedRows(model, heard), is_subscription=True)


def _own(catalogue: Catalogue, types: Types, root: RootType) -> Iterator[StrawberryField]:
    """Yield the fields of a root type that the app has beside the derived ones."""
    for one in (one for one in catalogue.own if one.root is root):
        is_subscription = one.root is RootType.SUBSCRIPTION
        made = ResolvedField(types, one.name, one.type, {}, _resolve(one), is_subscription=is_subscription)
        made.arguments = [
            StrawberryArgument(
                python_name=name,
                graphql_name=name,
                type_annotation=types.annotation(argument.type),
                **default_of(types, argument),
            )
            for name, argument in one.arguments.items()
        ]
        yield made


def _resolve(one: OwnField) -> Callable[..., Any]:
    if one.root is RootType.SUBSCRIPTION:
        return lambda _source, info, arguments: resolver_of(info).listen(one, info, arguments)
    return lambda _source, info, arguments: resolver_of(info).call(one, info, arguments)
