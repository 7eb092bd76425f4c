"""Relations, said in full: which fields hold the key, and by which key or index rows are found.

Where a relation does not say, Amplify adds the fields to one of the types, and an index for relations to many.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from schema.amplify import names
from schema.amplify.sdl.declarations import (
    NUMBERS,
    STORED,
    FieldDeclaration,
    IndexDeclaration,
    Origin,
    RelationDeclaration,
    TypeReference,
)
from schema.amplify.sdl.errors import refusal
from schema.amplify.sdl.models import WrittenModel, WrittenRelation
from schema.amplify.sdl.project import Flags


@dataclass(slots=True)
class Draft:
    """A model on its way from what is written to what is meant; relations add to both of their ends.

    Args:
        written: the model as it is written.
        key: the fields of its key.
        fields: its fields so far.
        indexes: its indexes so far.
        relations: its relations so far.
    """

    written: WrittenModel
    key: tuple[str, ...]
    fields: dict[str, FieldDeclaration]
    indexes: dict[str, IndexDeclaration]
    relations: dict[str, RelationDeclaration]

    @property
    def name(self) -> str:
        """Return its name."""
        return self.written.name

    def add(self, fields: Iterable[FieldDeclaration]) -> None:
        """Add the fields that it has not."""
        for field in fields:
            self.fields.setdefault(field.name, field)


def relate(draft: Draft, relation: WrittenRelation, drafts: Mapping[str, Draft], flags: Flags) -> None:
    """Add a relation to a draft, and to both ends what the relation implies.

    Raises:
        SchemaFileError: it leads nowhere.
    """
    target = drafts.get(relation.target)
    if target is None:
        raise refusal(
            relation.node, f"{draft.name}.{relation.name} leads to {relation.target}, which is no @model"
        )
    if relation.fields and relation.references:
        raise refusal(relation.node, f"{draft.name}.{relation.name} has both `fields` and `references`")
    _check_fields(draft, relation, relation.fields)
    _check_fields(draft if relation.directive == "belongsTo" else target, relation, relation.references)
    if relation.directive == "hasMany":
        made = _to_many(draft, relation, target, flags)
    elif relation.directive == "hasOne":
        made = _to_one(draft, relation, target, flags)
    else:
        made = _back(draft, relation, target, flags)
    if not made.is_many and made.index is None:
        _check_key(draft, made, relation, target)
    else:
        _check_stored_types(draft, made, relation, target)
    draft.relations[relation.name] = made


def _check_fields(holder: Draft, relation: WrittenRelation, held: tuple[str, ...]) -> None:
    for name in held:
        field = holder.fields.get(name)
        if field is None or field.origin not in STORED:
            raise refusal(relation.node, f"{holder.name} has no stored field {name}, which {relation.name} names")


def _check_key(draft: Draft, made: RelationDeclaration, relation: WrittenRelation, target: Draft) -> None:
    """Check that a relation to one row holds the whole of its key, type by type."""
    if len(made.fields) != len(target.key):
        raise refusal(
            relation.node,
            f"{draft.name}.{made.name} has {len(made.fields)} fields for the key of {target.name}: "
            f"{', '.join(target.key)}",
        )
    for own, other in zip(made.fields, target.key, strict=True):
        if own not in draft.fields or {draft.fields[own].type.name, target.fields[other].type.name} <= {
            "ID",
            "String",
        }:
            continue
        is_implied = draft.fields[own].origin is Origin.IMPLIED_KEY
        if draft.fields[own].type.name != target.fields[other].type.name and not is_implied:
            raise refusal(
                relation.node,
                f"{draft.name}.{own} is a {draft.fields[own].type.name} and {target.name}.{other}, to which "
                f"{made.name} leads, a {target.fields[other].type.name}",
            )


def _check_stored_types(draft: Draft, made: RelationDeclaration, relation: WrittenRelation, target: Draft) -> None:
    """Check that a relation has no more fields than the key that finds rows, and of the same stored types."""
    found_by = target.key if made.index is None else target.indexes[made.index].fields
    where = target.name if made.index is None else f"index {made.index} of {target.name}"
    if len(made.fields) > len(found_by):
        raise refusal(
            relation.node,
            f"{draft.name}.{made.name} has {len(made.fields)} fields, and {where} only {', '.join(found_by)}",
        )
    for own, other in zip(made.fields, found_by, strict=False):
        types = draft.fields[own].type.name, target.fields[other].type.name
        is_implied = target.fields[other].origin is Origin.IMPLIED_KEY
        if (types[0] in NUMBERS) != (types[1] in NUMBERS) and not is_implied:
            raise refusal(
                relation.node,
                f"{draft.name}.{own} is of type {types[0]}, and {target.name}.{other}, by which {made.name} finds "
                f"rows, of type {types[1]}",
            )


def _said(relation: WrittenRelation, fields: tuple[str, ...]) -> RelationDeclaration:
    """Return a relation to one row, found by its own key."""
    return RelationDeclaration(
        name=relation.name,
        target=relation.target,
        fields=fields,
        is_required=relation.type.is_required,
        limit=relation.limit,
        rules=relation.rules,
    )


def _to_one(draft: Draft, relation: WrittenRelation, target: Draft, flags: Flags) -> RelationDeclaration:
    """`@hasOne`: this row holds the other's key, or, by `references`, the other one holds this row's."""
    if relation.references:
        index = _implied_index(draft, relation, target, relation.references)
        return replace(_said(relation, draft.key), index=index)
    if relation.fields:
        return _said(relation, relation.fields)
    keys = _implied_keys(draft.name, relation.name, target, is_required=relation.type.is_required, flags=flags)
    draft.add(keys)
    return _said(relation, tuple(key.name for key in keys))


def _to_many(draft: Draft, relation: WrittenRelation, target: Draft, flags: Flags) -> RelationDeclaration:
    """`@hasMany`: the other rows hold this one's key, or what `fields` say of it, in their key or index."""
    made = replace(_said(relation, relation.fields or draft.key), is_many=True, is_required=False)
    if relation.references:
        return replace(made, index=_implied_index(draft, relation, target, relation.references))
    index = None if relation.index is None else target.indexes.get(relation.index)
    if relation.index is not None and index is None:
        raise refusal(relation.node, f"{target.name} has no index {relation.index}, which {relation.name} names")
    found_by = target.key if index is None else index.fields
    # Amplify's argument for a range is of the target's own key even where its index has another.
    sort_fields = found_by[1:] if len(relation.fields) <= 1 else ()
    made = replace(made, index=relation.index, sort_fields=sort_fields)
    if relation.fields:
        return made
    keys = _implied_keys(draft.name, relation.name, draft, is_required=relation.type.is_required, flags=flags)
    target.add(keys)
    if index is not None:
        return made
    held = tuple(key.name for key in keys)
    whole = held if flags.respectprimarykeyattributesonconnectionfield else held[:1]
    return replace(made, fields=draft.key[: len(whole)], index=_implied_index(draft, relation, target, whole))


def _back(draft: Draft, relation: WrittenRelation, target: Draft, flags: Flags) -> RelationDeclaration:
    """`@belongsTo`: the way back of a relation, by the fields that hold the other's key."""
    if relation.references or relation.fields:
        return _said(relation, relation.references or relation.fields)
    forth = next((r for r in target.written.relations.values() if _leads_to(r, draft.name)), None)
    if forth is None:
        raise refusal(
            relation.node,
            f"{draft.name}.{relation.name} needs `fields`, or a @hasOne or @hasMany back in {target.name}",
        )
    if forth.directive == "hasOne":
        return _to_one(draft, relation, target, flags)
    if forth.index is not None and forth.fields:
        index = draft.indexes.get(forth.index)
        return _said(relation, () if index is None else index.fields[: len(forth.fields)])
    keys = _implied_keys(target.name, forth.name, target, is_required=forth.type.is_required, flags=flags)
    return _said(relation, forth.references or tuple(key.name for key in keys))


def _leads_to(relation: WrittenRelation, name: str) -> bool:
    return relation.target == name and relation.directive in {"hasOne", "hasMany"}


def _implied_keys(
    type_name: str, field: str, keyed: Draft, *, is_required: bool, flags: Flags
) -> list[FieldDeclaration]:
    """Return the fields that hold a key, such as `blogPostsId`, named after the type and field of the relation.

    Args:
        type_name: the type that has the relation.
        field: the relation.
        keyed: the type whose key they hold.
        is_required: whether they are never null.
        flags: the flags that change their names.
    """
    prefix = names.lower_first(type_name) + names.upper_first(field)
    is_as_key = flags.respectprimarykeyattributesonconnectionfield
    first = "id" if not is_as_key else keyed.key[0]
    types = [keyed.fields[name].type.name for name in keyed.key]
    types[0] = types[0] if is_as_key else "ID"
    return [
        FieldDeclaration(
            prefix + names.upper_first(name), TypeReference(type_, is_required=is_required), Origin.IMPLIED_KEY
        )
        for name, type_ in zip((first, *keyed.key[1:]), types, strict=True)
    ]


def _implied_index(draft: Draft, relation: WrittenRelation, target: Draft, held: tuple[str, ...]) -> str:
    """Add to the target the index that Amplify makes for a relation, and return its name."""
    name = f"gsi-{draft.name}.{relation.name}"
    target.indexes.setdefault(name, IndexDeclaration(name, held))
    return name
