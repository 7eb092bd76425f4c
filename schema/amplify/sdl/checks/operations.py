"""Checks the names of a schema's operations: each is a name of GraphQL, and no two are the same."""

import re
from collections.abc import Iterator, Mapping

from schema.amplify.catalogue import RootType
from schema.amplify.sdl.declarations import ModelDeclaration, RootField

_NAME = re.compile(r"(?!__)[_A-Za-z][_0-9A-Za-z]*")


def operation_problems(models: Mapping[str, ModelDeclaration], roots: tuple[RootField, ...]) -> Iterator[str]:
    """Yield what is wrong with the names of operations, of models as well as of the app's own."""
    taken: dict[str, str] = {}
    for root, name, owner in _operations(models, roots):
        if not _NAME.fullmatch(name):
            yield f"{name!r}, which {owner} gives an operation, is no name of a field in GraphQL"
        elif (path := f"{root}.{name}") in taken:
            yield f"{path} is the name of two operations, of {taken[path]} and of {owner}"
        else:
            taken[path] = owner
    if not any(root is RootType.QUERY for root, _, _ in _operations(models, roots)):
        yield "no type has a query, and a GraphQL schema needs one"


def _operations(
    models: Mapping[str, ModelDeclaration], roots: tuple[RootField, ...]
) -> Iterator[tuple[RootType, str, str]]:
    """Yield the operations: the root type, the name, and whose it is. One that several changes share is one."""
    for model in models.values():
        named, owner = model.operations, f"type {model.name}"
        for query in (named.get, named.list):
            if query is not None:
                yield RootType.QUERY, query, owner
        for index in model.indexes.values():
            if index.query is not None:
                yield RootType.QUERY, index.query, f"index {index.name} of {owner}"
        for mutation in (named.create, named.update, named.delete):
            if mutation is not None:
                yield RootType.MUTATION, mutation, owner
        for subscription in dict.fromkeys((*named.on_create, *named.on_update, *named.on_delete)):
            yield RootType.SUBSCRIPTION, subscription, owner
    for root in roots:
        yield root.root, root.name, f"the app's own type {root.root}"
