"""Says in full what Amplify implies: keys, timestamps, owners, relations, and the models that join others.

What is written goes in, `ModelDeclaration`s come out; nobody after this needs to know what was left unsaid.
"""

from collections.abc import Iterator, Mapping

from schema.amplify.sdl.declarations import (
    NUMBERS,
    STORED,
    FieldDeclaration,
    ModelDeclaration,
    Origin,
    Provider,
    RuleDeclaration,
    Strategy,
    TypeReference,
)
from schema.amplify.sdl.errors import refusal
from schema.amplify.sdl.joins import with_joins
from schema.amplify.sdl.models import WrittenModel, collected
from schema.amplify.sdl.project import Flags
from schema.amplify.sdl.relations import Draft, relate

_ID = TypeReference("ID", is_required=True)
_MOMENT = TypeReference("AWSDateTime", is_required=True)
_OWNER = TypeReference("String")
# The types in which the moment of a change can be stored as Amplify stores it.
_MOMENTS = frozenset({_MOMENT.name, "String"})
_NO_TEXTS = NUMBERS | {"Boolean"}
_TOKENS = frozenset({Provider.USER_POOLS, Provider.OIDC})


def desugar(
    written: Mapping[str, WrittenModel], flags: Flags, global_rules: tuple[RuleDeclaration, ...] = ()
) -> dict[str, ModelDeclaration]:
    """Return models with all that they imply.

    Args:
        written: the models as they are written, by name.
        flags: the flags that change what is implied.
        global_rules: the rules of the types that have none.

    Raises:
        SchemaFileError: relations lead nowhere; it has the problems of all.
    """
    drafts = {name: _draft(model) for name, model in with_joins(written, flags).items()}
    relations = [(draft, r) for draft in drafts.values() for r in draft.written.relations.values()]
    # A way back may lead by the fields that the way forth adds.
    ordered = sorted(relations, key=lambda pair: pair[1].directive == "belongsTo")
    collected(ordered, lambda pair: relate(pair[0], pair[1], drafts, flags))
    return {name: _declared(draft, global_rules) for name, draft in drafts.items()}


def _draft(model: WrittenModel) -> Draft:
    fields = dict(model.fields)
    if not model.key:
        fields.setdefault("id", FieldDeclaration("id", _ID, Origin.IMPLIED_ID))
    return Draft(model, model.key or ("id",), fields, dict(model.indexes), {})


def _declared(draft: Draft, global_rules: tuple[RuleDeclaration, ...]) -> ModelDeclaration:
    model = draft.written
    rules = _rules(draft, global_rules)
    created_at, updated_at = _stamped(draft, model.created_at), _stamped(draft, model.updated_at)
    draft.add(
        FieldDeclaration(name, _MOMENT, Origin.IMPLIED_TIMESTAMP)
        for name in (created_at, updated_at)
        if name is not None
    )
    _check_naming(draft, rules)
    owners = dict.fromkeys(_owner_fields(draft, rules))
    draft.add(FieldDeclaration(name, _OWNER, Origin.IMPLIED_OWNER) for name in owners)
    return ModelDeclaration(
        name=model.name,
        description=model.description,
        fields=draft.fields,
        # In the order in which they are written, rather than that in which they were related.
        relations={name: draft.relations[name] for name in model.relations},
        key=draft.key,
        indexes=draft.indexes,
        rules=rules,
        operations=model.operations,
        created_at=created_at,
        updated_at=updated_at,
        is_key_written=bool(model.key),
    )


def _stamped(draft: Draft, name: str | None) -> str | None:
    """Return a field whose moments the server sets; None if the schema gives it a type that no such text fits."""
    held = None if name is None else draft.fields.get(name)
    fits = held is None or (not held.type.is_list and held.type.name in _MOMENTS)
    return name if fits else None


def _rules(draft: Draft, global_rules: tuple[RuleDeclaration, ...]) -> tuple[RuleDeclaration, ...]:
    """Return the rules of a type: the global ones do not count where a field has rules of its own."""
    if draft.written.rules is not None:
        return draft.written.rules
    ruled = [*(one.rules for one in draft.fields.values()), *(one.rules for one in draft.relations.values())]
    return global_rules if all(rules is None for rules in ruled) else ()


def _owner_fields(draft: Draft, rules: tuple[RuleDeclaration, ...]) -> Iterator[str]:
    """Yield the fields by which a rule of a model, or of one of its fields, knows owners."""
    for rule in _every_rule(draft, rules):
        if rule.strategy is Strategy.OWNER and rule.provider in _TOKENS and rule.owner_field is not None:
            yield rule.owner_field


def _every_rule(draft: Draft, rules: tuple[RuleDeclaration, ...]) -> Iterator[RuleDeclaration]:
    """Yield the rules of a model, and those of its fields and relations."""
    yield from rules
    for field in draft.fields.values():
        yield from field.rules or ()
    for relation in draft.relations.values():
        yield from relation.rules or ()


def _check_naming(draft: Draft, rules: tuple[RuleDeclaration, ...]) -> None:
    """Check that the fields in which rules look for owners and groups hold texts.

    Raises:
        SchemaFileError: one leads to another row, or holds something else.
    """
    for rule in _every_rule(draft, rules):
        name = rule.owner_field or rule.groups_field
        if name is None:
            continue
        if name in draft.relations:
            raise refusal(
                draft.written.node, f"{draft.name}.{name} leads to other rows, and @auth wants a stored text"
            )
        held = draft.fields.get(name)
        if held is not None and (held.type.name in _NO_TEXTS or held.origin not in STORED):
            why = f"{draft.name}.{name} is of type {held.type}, and @auth wants a stored text"
            raise refusal(draft.written.node, why)
