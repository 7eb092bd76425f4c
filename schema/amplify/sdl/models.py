"""Takes down the types with `@model` as they are written: what Amplify implies is not there yet."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from typing import Any, TypeVar

from graphql import FieldDefinitionNode, Node

from schema.amplify import names
from schema.amplify.sdl.auth import rules_of
from schema.amplify.sdl.checks.defaults import default_problem
from schema.amplify.sdl.declarations import (
    FieldDeclaration,
    IndexDeclaration,
    OperationNames,
    Origin,
    RuleDeclaration,
    TypeReference,
)
from schema.amplify.sdl.errors import SchemaFileError, refusal
from schema.amplify.sdl.project import Flags
from schema.amplify.sdl.reading import Document, WrittenType, every, has, reference, single

_T = TypeVar("_T")
_S = TypeVar("_S")

RELATIONS = ("hasOne", "hasMany", "belongsTo", "manyToMany")
# What answers these fields is not served; the fields are there, and say so.
UNSERVED_FIELDS = ("connection", "function", "http", "predictions", "sql")
_INDEX_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")
# AppSync takes no longer name for a subscription.
_LONGEST_SUBSCRIPTION = 50


@dataclass(frozen=True, slots=True)
class WrittenRelation:
    """A relation as it is written.

    Args:
        name: the field's name.
        node: the field, for its place.
        directive: hasOne, hasMany, belongsTo or manyToMany.
        type: the field's type.
        fields: the fields of its own type that hold the key; empty if Amplify adds them.
        references: the fields of the other type that hold this one's key.
        index: the other type's index.
        joined_by: the name of a many-to-many relation.
        limit: how many rows a page has.
        rules: its own rules; None if it has none.
    """

    name: str
    node: FieldDefinitionNode
    directive: str
    type: TypeReference
    fields: tuple[str, ...]
    references: tuple[str, ...]
    index: str | None
    joined_by: str | None
    limit: int
    rules: tuple[RuleDeclaration, ...] | None

    @property
    def target(self) -> str:
        """Return the other type."""
        return self.type.name


@dataclass(frozen=True, slots=True)
class WrittenModel:
    """A model as it is written.

    Args:
        name: its name.
        node: what defines it, for its place.
        description: what the schema says about it.
        fields: its stored fields, by name.
        relations: its relations, by name.
        key: the fields of its key; empty if it is `id`.
        indexes: its indexes, by name.
        rules: its rules; None if it has no `@auth`.
        operations: the names of its operations.
        created_at: the field with the moment of its creation; None if there is none.
        updated_at: the field with the moment of its last change; None if there is none.
    """

    name: str
    node: Node
    description: str | None
    fields: Mapping[str, FieldDeclaration]
    relations: Mapping[str, WrittenRelation]
    key: tuple[str, ...]
    indexes: Mapping[str, IndexDeclaration]
    rules: tuple[RuleDeclaration, ...] | None
    operations: OperationNames
    created_at: str | None
    updated_at: str | None


def read_models(document: Document, flags: Flags) -> dict[str, WrittenModel]:
    """Return the models of a schema, by name.

    Raises:
        SchemaFileError: models contradict themselves; it has the first problem of each.
    """
    found = collected((type_ for type_ in document.types.values() if type_.is_model), _reader(document, flags))
    return {model.name: model for model in found}


def collected(sources: Iterable[_S], take_down: Callable[[_S], _T]) -> list[_T]:
    """Return what is made of each source.

    Raises:
        SchemaFileError: some cannot be; it has the problems of all.
    """
    made: list[_T] = []
    problems: list[str] = []
    for source in sources:
        try:
            made.append(take_down(source))
        except SchemaFileError as error:
            problems += error.problems
    if problems:
        raise SchemaFileError(problems)
    return made


def _reader(document: Document, flags: Flags) -> Callable[[WrittenType], WrittenModel]:
    return lambda type_: _model(type_, document, flags)


def _model(type_: WrittenType, document: Document, flags: Flags) -> WrittenModel:
    nodes = {node.name.value: node for node in type_.fields}
    relations = {name: _relation(node, flags) for name, node in nodes.items() if _directive(node)}
    plain = {name: node for name, node in nodes.items() if name not in relations}
    fields = {name: _field(type_.name, node, document, flags) for name, node in plain.items()}
    key = _key(type_, fields, document)
    given = single(type_, "model") or {}
    created_at, updated_at = _timestamps(given, flags)
    return WrittenModel(
        name=type_.name,
        node=type_.node,
        description=type_.description,
        fields=fields,
        relations=relations,
        key=key,
        indexes=_indexes(type_, fields, key, document, flags),
        rules=rules_of(type_, flags),
        operations=operations_of(type_.name, given, flags),
        created_at=created_at,
        updated_at=updated_at,
    )


def _directive(node: FieldDefinitionNode) -> str | None:
    return next((name for name in RELATIONS if has(node.directives or (), name)), None)


def _field(of: str, node: FieldDefinitionNode, document: Document, flags: Flags) -> FieldDeclaration:
    type_ = reference(node.type, node)
    other = document.types.get(type_.name)
    origin = Origin.WRITTEN
    if any(has(node.directives or (), name) for name in UNSERVED_FIELDS):
        origin = Origin.NOT_SERVED
    elif other is not None and other.is_model:
        origin = Origin.UNRELATED
    default = (single(node, "default") or {}).get("value")
    if default is not None and (why := default_problem(type_, default, document.enums)) is not None:
        raise refusal(node, f"{of}.{node.name.value}: {why}")
    return FieldDeclaration(
        name=node.name.value,
        type=type_,
        origin=origin,
        default=default,
        rules=rules_of(node, flags),
    )


def _relation(node: FieldDefinitionNode, flags: Flags) -> WrittenRelation:
    directive = _directive(node) or ""
    given = single(node, directive) or {}
    type_ = reference(node.type, node)
    is_many = directive in {"hasMany", "manyToMany"}
    if has(node.directives or (), "default"):
        raise refusal(node, f"{node.name.value}: @default is for scalars and enums, and this leads to other rows")
    if type_.is_list != is_many:
        raise refusal(node, f"@{directive} is for {'lists' if is_many else 'single rows'}, not for {type_}")
    return WrittenRelation(
        name=node.name.value,
        node=node,
        directive=directive,
        type=type_,
        fields=tuple(given.get("fields") or ()),
        references=tuple(given.get("references") or ()),
        index=given.get("indexName"),
        joined_by=given.get("relationName"),
        limit=given.get("limit") or 100,
        rules=rules_of(node, flags),
    )


def _key(type_: WrittenType, fields: Mapping[str, FieldDeclaration], document: Document) -> tuple[str, ...]:
    keyed = [node for node in type_.fields if has(node.directives or (), "primaryKey")]
    if not keyed:
        # The key is `id`, which Amplify adds if the type has none.
        for node in type_.fields:
            if node.name.value == "id":
                _check_key(node, type_, ("id",), fields, document)
        return ()
    if len(keyed) > 1:
        raise refusal(keyed[1], f"{type_.name} has two @primaryKey; one may have `sortKeyFields`")
    given = single(keyed[0], "primaryKey") or {}
    key = (keyed[0].name.value, *(given.get("sortKeyFields") or ()))
    _check_key(keyed[0], type_, key, fields, document)
    for name in key:
        if not fields[name].type.is_required:
            raise refusal(keyed[0], f"{type_.name}.{name} may be null, and a part of the primary key may not")
    return key


def _check_key(
    node: FieldDefinitionNode,
    type_: WrittenType,
    key: Sequence[str],
    fields: Mapping[str, FieldDeclaration],
    document: Document,
) -> None:
    """Check that the fields of a key exist, each once, and hold single texts or numbers."""
    for name in key:
        if name not in fields:
            raise refusal(node, f"{type_.name} has no field {name} to be part of a key")
        if fields[name].type.is_list:
            raise refusal(node, f"{type_.name}.{name} is a list, and a key has single values only")
        if fields[name].origin is Origin.NOT_SERVED:
            raise refusal(node, f"{type_.name}.{name} is not stored, and a key has what rows store")
        if (of := fields[name].type.name) == "Boolean" or of in document.types:
            why = f"{type_.name}.{name} is of type {of}, and a key has texts, numbers and enums only"
            raise refusal(node, why)
    if len(set(key)) < len(key):
        raise refusal(node, f"{type_.name} names a field twice in a key: {', '.join(key)}")


def _indexes(
    type_: WrittenType,
    fields: Mapping[str, FieldDeclaration],
    key: Sequence[str],
    document: Document,
    flags: Flags,
) -> dict[str, IndexDeclaration]:
    found: dict[str, IndexDeclaration] = {}
    for node in type_.fields:
        for given in every(node, "index"):
            index = _index(type_, node, given, key, flags)
            _check_key(node, type_, index.fields, fields, document)
            if index.name in found:
                raise refusal(node, f"{type_.name} has two indexes of the name {index.name}")
            found[index.name] = index
    return found


def _index(
    type_: WrittenType, node: FieldDefinitionNode, given: Mapping[str, Any], key: Sequence[str], flags: Flags
) -> IndexDeclaration:
    fields = (node.name.value, *(given.get("sortKeyFields") or ()))
    usual = index_query(type_.name, fields)
    query = given.get("queryField", usual if flags.enableautoindexquerynames else None)
    name = given.get("name") or usual
    if not _INDEX_NAME.fullmatch(name):
        raise refusal(node, f"{type_.name}: DynamoDB takes no index of the name {name!r}")
    can_be_local = len(fields) > 1 and len(key) > 1 and key[0] == fields[0]
    return IndexDeclaration(
        name=name,
        fields=fields,
        query=query,
        is_local=can_be_local and not flags.secondarykeyasgsi,
    )


def index_query(model: str, fields: Iterable[str]) -> str:
    """Return the name that Amplify gives the query by an index on some fields."""
    plural = names.lower_first(names.plural(model))
    return f"{plural}By{'And'.join(names.upper_first(field) for field in fields)}"


def _timestamps(given: Mapping[str, Any], flags: Flags) -> tuple[str | None, str | None]:
    usual = {"createdAt": "createdAt", "updatedAt": "updatedAt"}
    timestamps = _merged(given, "timestamps", usual, flags)
    return timestamps["createdAt"], timestamps["updatedAt"]


def _merged(given: Mapping[str, Any], argument: str, usual: dict[str, Any], flags: Flags) -> dict[str, Any]:
    """Return an argument of `@model` with the usual values for what it leaves unsaid; None where it says null."""
    if argument not in given:
        return usual
    said: dict[str, Any] | None = given[argument]
    if said is None:
        return dict.fromkeys(usual)
    unsaid = usual if flags.shoulddeepmergedirectiveconfigdefaults else dict.fromkeys(usual)
    return unsaid | said


def operations_of(name: str, given: Mapping[str, Any], flags: Flags) -> OperationNames:
    """Return the operations of a model, from the arguments of its `@model`."""
    type_name = names.upper_first(name)
    lists = f"list{names.upper_first(names.plural(name))}"
    queries = _merged(given, "queries", {"get": f"get{type_name}", "list": lists}, flags)
    usual = {action: f"{action}{type_name}" for action in ("create", "update", "delete")}
    mutations = _merged(given, "mutations", usual, flags)
    heard = _subscriptions(type_name, given, flags)
    return OperationNames(
        get=queries["get"],
        list=queries["list"],
        create=mutations["create"],
        update=mutations["update"],
        delete=mutations["delete"],
        on_create=tuple(heard["onCreate"] or ()) if mutations["create"] else (),
        on_update=tuple(heard["onUpdate"] or ()) if mutations["update"] else (),
        on_delete=tuple(heard["onDelete"] or ()) if mutations["delete"] else (),
        are_subscriptions_public=(given.get("subscriptions") or {}).get("level") == "public",
    )


def _subscriptions(type_name: str, given: Mapping[str, Any], flags: Flags) -> dict[str, Any]:
    usual = {event: [_subscription(f"{event}{type_name}")] for event in ("onCreate", "onUpdate", "onDelete")}
    said = given.get("subscriptions") or {}
    if said.get("level") == "off":
        return dict.fromkeys(usual)
    if said.get("level") == "public" and said.keys() == {"level"}:
        return usual
    return _merged(given, "subscriptions", usual, flags)


def _subscription(name: str) -> str:
    """Return a subscription's name, which Amplify shortens where AppSync takes no more."""
    if len(name) <= _LONGEST_SUBSCRIPTION:
        return name
    digest = md5(name.encode(), usedforsecurity=False).hexdigest()
    return name[:45] + digest[:5]
