"""`@manyToMany`, said in other words: a model that joins the two types, and `@hasMany` on each of them."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain

from schema.amplify import names
from schema.amplify.sdl.declarations import (
    FieldDeclaration,
    IndexDeclaration,
    RuleDeclaration,
    TypeReference,
)
from schema.amplify.sdl.errors import refusal
from schema.amplify.sdl.models import WrittenModel, WrittenRelation, index_query, operations_of
from schema.amplify.sdl.project import Flags

_ID = TypeReference("ID", is_required=True)


def with_joins(models: Mapping[str, WrittenModel], flags: Flags) -> dict[str, WrittenModel]:
    """Return models whose many-to-many relations lead by models that join them, and those models.

    Raises:
        SchemaFileError: a relation's name does not stand in two places.
    """
    made = dict(models)
    for joined_by, sides in _sides(models).items():
        if len(sides) != 2:  # noqa: PLR2004 — the two ends
            raise refusal(sides[0][1].node, f'"{joined_by}" joins two types, and stands in {len(sides)} places')
        if sides[0][0] is sides[1][0]:
            why = f'"{joined_by}" joins {sides[0][0].name} with itself; write the type between them by hand'
            raise refusal(sides[1][1].node, why)
        join = _join(names.upper_first(_graphql_name(joined_by)), sides, flags)
        if join.name in made:
            raise refusal(sides[0][1].node, f'"{joined_by}" makes a type {join.name}, and there is one already')
        made[join.name] = join
        for model, relation in sides:
            made[model.name] = _leading_by(made[model.name], relation, join)
    return made


def _graphql_name(text: str) -> str:
    """Return a text without what no name in GraphQL has, as Amplify makes it."""
    kept = (character for character in text if character.isascii() and (character.isalnum() or character == "_"))
    return "".join(kept).lstrip("0123456789")


def _sides(models: Mapping[str, WrittenModel]) -> dict[str, list[tuple[WrittenModel, WrittenRelation]]]:
    found: dict[str, list[tuple[WrittenModel, WrittenRelation]]] = {}
    for model in models.values():
        for relation in model.relations.values():
            if relation.joined_by is not None:
                found.setdefault(relation.joined_by, []).append((model, relation))
    return found


def _join(name: str, sides: list[tuple[WrittenModel, WrittenRelation]], flags: Flags) -> WrittenModel:
    """Return the model between two: the keys of both, an index by each, and a relation to each."""
    fields = {"id": FieldDeclaration("id", _ID)}
    indexes: dict[str, IndexDeclaration] = {}
    relations: dict[str, WrittenRelation] = {}
    for model, relation in sides:
        one = names.lower_first(model.name)
        held = _held_keys(model, flags)
        fields |= {key: FieldDeclaration(key, replace(type_, is_required=True)) for key, type_ in held.items()}
        query = index_query(name, tuple(held)) if flags.enableautoindexquerynames else None
        index = IndexDeclaration(f"by{model.name}", tuple(held), query)
        indexes[index.name] = index
        relations[one] = replace(
            relation,
            name=one,
            directive="hasOne",
            type=TypeReference(model.name, is_required=True),
            fields=tuple(held),
            joined_by=None,
            rules=None,
        )
    return WrittenModel(
        name=name,
        node=sides[0][1].node,
        description=None,
        fields=fields,
        relations=relations,
        key=(),
        indexes=indexes,
        rules=_rules_of_both(sides),
        operations=operations_of(name, {}, flags),
        created_at="createdAt",
        updated_at="updatedAt",
    )


def _held_keys(model: WrittenModel, flags: Flags) -> dict[str, TypeReference]:
    """Return the fields in which a join holds a model's key, with the type of each."""
    key = model.key or ("id",)
    one = names.lower_first(model.name)
    suffix = names.upper_first(key[0]) if flags.respectprimarykeyattributesonconnectionfield else "ID"
    held = [f"{one}{suffix}", *(f"{one}{name}" for name in key[1:])]
    types = [model.fields[name].type if name in model.fields else _ID for name in key]
    return dict(zip(held, types, strict=True))


def _rules_of_both(sides: list[tuple[WrittenModel, WrittenRelation]]) -> tuple[RuleDeclaration, ...] | None:
    rules = tuple(chain.from_iterable(model.rules or () for model, _ in sides))
    return rules or None


def _leading_by(model: WrittenModel, relation: WrittenRelation, join: WrittenModel) -> WrittenModel:
    """Return a model whose relation leads to the rows of a join."""
    leading = replace(
        relation,
        directive="hasMany",
        type=TypeReference(join.name, is_list=True),
        fields=model.key or ("id",),
        index=f"by{model.name}",
        joined_by=None,
    )
    return replace(model, relations={**model.relations, relation.name: leading})
