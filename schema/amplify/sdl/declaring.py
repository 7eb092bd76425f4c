"""Makes an app's catalogue, with its models and tables, from what its schema declares.

What the catalogue cannot say yet is left out, and never in a way that admits more callers than the schema does.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import strawberry

from models.constraints.declared import Constraints
from models.integrity.ruled_tables import RuledTables, TypeTable
from models.tables.base import KeyAttribute, index, table
from schema.amplify.catalogue import Argument, Catalogue, Inputs, OwnField, RootType
from schema.amplify.declaration import SET_BY_SERVER as KEPT_BY_SERVER
from schema.amplify.declaration import Model, Operations, Relation
from schema.amplify.keys import Finder
from schema.amplify.rules import AuthRule, GroupsField, Operation, Owner
from schema.amplify.sdl.declarations import (
    NUMBERS,
    SET_BY_SERVER,
    STORED,
    ArgumentDeclaration,
    FieldDeclaration,
    IndexDeclaration,
    ModelDeclaration,
    ObjectDeclaration,
    OperationNames,
    Provider,
    RelationDeclaration,
)
from schema.amplify.sdl.house_rules import own_rules, rules_of_calls, rules_of_model
from schema.amplify.sdl.importing import AppDeclaration
from schema.amplify.stored_fields import EnumClass, Field, Nested
from schema.documents.cost import DEFAULT_PAGE, LARGEST_PAGE

# DynamoDB's quota of global secondary indexes on a table.
MOST_INDEXES = 20
_SCALARS = frozenset({"ID", "String", "Int", "Float", "Boolean"})


@dataclass(slots=True)
class _Types:
    """The types of an app's fields.

    Args:
        enums: its enums, by name.
        nested: its types that stand in rows, by name.
    """

    enums: Mapping[str, EnumClass]
    nested: dict[str, Nested] = field(default_factory=dict)

    def field(self, declared: FieldDeclaration, *, is_owner: bool = False) -> Field | None:
        """Return a field that rows store; None if rows do not."""
        name = declared.type.name
        enum, nested = self.enums.get(name), self.nested.get(name)
        is_scalar = name in _SCALARS or name.startswith("AWS")
        if declared.origin not in STORED or not (is_scalar or enum or nested):
            return None
        made = Field.of(declared.name, str(declared.type), enum=enum, nested=nested, is_owner=is_owner)
        # Amplify's default is of the row that is made, not of one that lacks the attribute.
        return replace(made, default=_default(declared))


def catalogue_of(app: AppDeclaration) -> Catalogue:
    """Return the catalogue of the models that an app declares.

    Raises:
        TypeError: types contradict each other.
        ContradictionError: rules do.
    """
    types = _Types({name: _enum(name, values) for name, values in app.enums.items()})
    types.nested |= {name: Nested(name, description=one.description) for name, one in app.objects.items()}
    for name, one in app.objects.items():
        types.nested[name].fields.update(_parts(one, types))
        rows = {part.name: str(part.type) for part in one.fields.values() if part.type.name in app.models}
        types.nested[name].rows.update(rows)
        ruled = {part.name: part.rules for part in one.fields.values() if part.rules is not None}
        types.nested[name].rules.update(
            {part: rules_of_calls(rules, app.default_mode) for part, rules in ruled.items()}
        )
    models = [
        _model(one, app.constraints.get(one.name, Constraints()), types, app.default_mode)
        for one in app.models.values()
    ]
    made = Catalogue.of(_ruled(models, app), unused=types.nested.values())
    # Enums of arguments alone are the app's, too.
    enums = {**types.enums, **made.enums}
    own = tuple(_own_fields(app))
    alone = frozenset(one.name for one in own if one.root is RootType.MUTATION)
    return replace(made, enums=enums, alone=alone, own=own, inputs=_inputs(app), unserved=_unserved(app))


def _own_fields(app: AppDeclaration) -> Iterator[OwnField]:
    """Yield the app's own root fields; one that nothing answers is there, too, and says so."""
    for one in app.roots:
        yield OwnField(
            root=one.root,
            name=one.name,
            arguments=_arguments(one.arguments),
            type=str(one.type),
            functions=one.functions,
            mutations=one.mutations,
            rules=rules_of_calls(one.rules, app.default_mode),
        )


def _unserved(app: AppDeclaration) -> dict[str, str]:
    """Return why fields of the schema are not served; what concerns a whole type is no answer to a client."""
    return {one.name: one.reason for one in app.not_served if "." in one.name}


def _inputs(app: AppDeclaration) -> Inputs:
    return {name: _arguments(fields) for name, fields in app.inputs.items()}


def _arguments(declared: Iterable[ArgumentDeclaration]) -> dict[str, Argument]:
    return {one.name: Argument(str(one.type), one.default) for one in declared}


def _ruled(models: list[Model], app: AppDeclaration) -> Iterator[Model]:
    """Yield the models with the rules beside the schema.

    Raises:
        ContradictionError: rules contradict each other.
    """
    ruled = RuledTables.of({model.name: _described(model) for model in models}, app.constraints)
    for model in models:
        kind = ruled.types[model.name]
        ours = {one.field for one in kind.constraints.composites} | {total.into for total in kind.totals}
        protected = {**model.protected, **dict.fromkeys(ours, KEPT_BY_SERVER)}
        yield replace(model, ruled=ruled.ruled(model.name), protected=protected)


def _described(model: Model) -> TypeTable:
    optional = frozenset(name for name, field in model.fields.items() if not field.required)
    return TypeTable(model.table, model.keys.fields, optional, model.updated_at)


def _enum(name: str, values: tuple[str, ...]) -> EnumClass:
    made = StrEnum(name, [(value, value) for value in values])  # type: ignore[misc]  # the names are the schema's
    return strawberry.enum(made, name=name)


def _parts(declared: ObjectDeclaration, types: _Types) -> Iterator[tuple[str, Field]]:
    for name, one in declared.fields.items():
        if (made := types.field(one)) is not None:
            yield name, made


def _model(model: ModelDeclaration, constraints: Constraints, types: _Types, default_mode: Provider) -> Model:
    """Return a model with its table."""
    rules, field_rules = rules_of_model(model)
    is_public = model.operations.are_subscriptions_public
    indexes = {**model.indexes, **_owner_indexes(model, rules)}
    if len(indexes) > MOST_INDEXES:
        raise TypeError(_too_many(model, indexes))
    made = {name: index(name, *_keys(model, one.attributes)) for name, one in indexes.items()}
    declared = table(
        model.name,
        *_keys(model, model.key_attributes),
        indexes=made.values(),
        ttl=constraints.expires_by,
    )
    return Model(
        name=model.name,
        table=declared,
        rules=rules,
        fields=dict(_fields(model, types)),
        primary=Finder.of_table(declared, model.key[1:]),
        operations=_operations(model.operations),
        finders={
            name: Finder.of_index(made[name], one.fields[1:] if name in model.indexes else (), one.query)
            for name, one in indexes.items()
        },
        lists_by_key=model.is_key_written,
        relations={name: _relation(one) for name, one in model.relations.items()},
        unwritable=frozenset(name for name, one in model.fields.items() if one.origin in SET_BY_SERVER),
        fixed=constraints.fixed,
        created_at=model.created_at,
        updated_at=model.updated_at,
        takes_timestamps=True,
        listening=rules_of_calls(None, default_mode) if is_public else None,
        field_rules=field_rules,
        unheard=frozenset(own_rules(model)) if is_public else frozenset(),
        follows_amplify=True,
    )


def _too_many(model: ModelDeclaration, indexes: Mapping[str, IndexDeclaration]) -> str:
    """Return why a table cannot have so many indexes; those that the schema does not have are named."""
    added = ", ".join(sorted(indexes.keys() - model.indexes.keys()))
    ours = f", with those by which owners and groups list their rows ({added})" if added else ""
    return f"{model.name} has {len(indexes)} indexes{ours}; a table takes {MOST_INDEXES} at most"


def _fields(model: ModelDeclaration, types: _Types) -> Iterator[tuple[str, Field]]:
    owning = {rule.owner_field for rule in model.all_rules}
    naming = owning | {rule.groups_field for rule in model.all_rules}
    # Amplify shows what stands after the last `::` of an owner who has several claims.
    owners = {rule.owner_field for rule in model.all_rules if len(rule.identity_claims) > 1}
    for name, one in model.fields.items():
        if (made := types.field(one, is_owner=name in owners)) is None:
            continue
        if (made.nested is not None and name in naming) or (made.enum is not None and name in owning):
            raise TypeError(f"{model.name}.{name} is of type {made.type}, and @auth wants a stored text")
        if made.nested is not None and not made.nested.fields:
            raise TypeError(f"{model.name}.{name} is of type {made.type}, of which rows could hold nothing")
        yield name, made


def _operations(names: OperationNames) -> Operations:
    return Operations(
        get=names.get,
        list=names.list,
        create=names.create,
        update=names.update,
        delete=names.delete,
        on_create=names.on_create,
        on_update=names.on_update,
        on_delete=names.on_delete,
    )


def _default(declared: FieldDeclaration) -> Any:
    """Return the default of a field as a value; None if it has none, or must be given all the same."""
    text = declared.default
    if text is None or declared.type.is_required:
        return None
    if declared.type.name == "Boolean":
        return text == "true"
    if declared.type.name == "Float":
        return float(text)
    return int(text) if declared.type.name in NUMBERS else text


def _keys(model: ModelDeclaration, attributes: tuple[str, ...]) -> tuple[KeyAttribute, KeyAttribute | None]:
    """Return the attributes of a key with their types; several sort fields share one, a text."""
    types = {name: "N" if one.type.name in NUMBERS else "S" for name, one in model.fields.items()}
    hash_key, *others = (KeyAttribute(name, types.get(name, "S")) for name in attributes)
    return hash_key, others[0] if others else None


def _owner_indexes(model: ModelDeclaration, rules: tuple[AuthRule, ...]) -> dict[str, IndexDeclaration]:
    """Return the indexes by which owners and groups list their rows without a scan, where the schema has none."""
    naming = [r for r in rules if isinstance(r, Owner | GroupsField) and Operation.READ in r.operations]
    # DynamoDB indexes no lists.
    readers = {rule.field for rule in naming if not model.fields[rule.field].type.is_list}
    reachable = {model.key[0], *(one.fields[0] for one in model.indexes.values())}
    sort = () if model.created_at is None else (model.created_at,)
    return {
        name: IndexDeclaration(name, (field, *sort))
        for field in sorted(readers - reachable)
        if (name := f"own-{field}")
    }


def _relation(relation: RelationDeclaration) -> Relation:
    return Relation(
        target=relation.target,
        fields=relation.fields,
        index=relation.index,
        is_many=relation.is_many,
        required=relation.is_required,
        limit=None if relation.limit == DEFAULT_PAGE else max(1, min(relation.limit, LARGEST_PAGE)),
    )
