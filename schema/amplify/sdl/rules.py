"""Reads a rules.graphql: what an app needs of its rows and Amplify's schema cannot say.

It stands beside the schema, which stays as Amplify compiles it:
`extend type Review @unique(fields: ["bookingId"])`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from graphql import (
    DirectiveNode,
    GraphQLSchema,
    ObjectTypeExtensionNode,
    Source,
    build_schema,
    extend_schema,
    parse,
)

from models.constraints.declared import (
    Aggregate,
    CompositeField,
    Constraints,
    OnDelete,
    Reference,
    Transitions,
    Unique,
)
from schema.amplify.sdl.declarations import ModelDeclaration
from schema.amplify.sdl.errors import SchemaFileError, problem
from schema.amplify.sdl.reading import HERE, arguments, check, parsed

Models = Mapping[str, ModelDeclaration]
_NUMBERS = frozenset({"Int", "Float"})
Enums = Mapping[str, tuple[str, ...]]


@cache
def our_directives() -> GraphQLSchema:
    """Return the directives that a rules.graphql may use."""
    return build_schema((HERE / "rules.graphql").read_text(), assume_valid=True)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A directive of a rules.graphql.

    Args:
        model: the type that it is about.
        node: the directive, for its place.
        name: its name.
        given: its arguments.
    """

    model: ModelDeclaration
    node: DirectiveNode
    name: str
    given: Mapping[str, Any]

    def fields(self, argument: str) -> tuple[str, ...]:
        """Return the fields that an argument names."""
        return tuple(self.given.get(argument) or ())


def read_rules(
    sources: Iterable[Source], models: Models, enums: Enums
) -> tuple[dict[str, Constraints], dict[str, ModelDeclaration]]:
    """Return the constraints of the types that texts name, and the models with what they say of indexes.

    Raises:
        SchemaFileError: a rule is unknown, or names something that the schema does not have.
    """
    found = list(_rules(list(sources), models))
    problems = [
        problem(rule.node, f"@{rule.name}: {text}") for rule in found for text in _problems(rule, models, enums)
    ]
    if problems:
        raise SchemaFileError(problems)
    ruled = dict.fromkeys(rule.model.name for rule in found)
    constraints = {name: _constraints([r for r in found if r.model.name == name]) for name in ruled}
    locals_ = [rule for rule in found if rule.name == "index" and rule.given["kind"] == "LOCAL"]
    return constraints, _with_local_indexes(models, locals_)


def _rules(sources: list[Source], models: Models) -> Iterator[_Rule]:
    document = parsed(sources)
    wrong = [node for node in document.definitions if not isinstance(node, ObjectTypeExtensionNode)]
    if wrong:
        raise SchemaFileError(problem(node, "only `extend type` may stand beside a schema") for node in wrong)
    stubs = "".join(f"type {name} {{ _: Boolean }}\n" for name in models)
    check(
        document, extend_schema(our_directives(), parse(stubs), assume_valid=True) if stubs else our_directives()
    )
    for node in document.definitions:
        assert isinstance(node, ObjectTypeExtensionNode)  # noqa: S101 — see `wrong`
        if node.fields:
            raise SchemaFileError([problem(node, "rules add no fields; the schema is the place for those")])
        for directive in node.directives or ():
            given = arguments(our_directives(), directive)
            yield _Rule(models[node.name.value], directive, directive.name.value, given)


def _problems(rule: _Rule, models: Models, enums: Enums) -> Iterator[str]:
    """Yield what is wrong with a rule: the names that the schema does not have, and what contradicts it."""
    own = rule.model
    if rule.name == "index":
        yield from _index_problems(rule)
        return
    yield from _unknown(own, _named_fields(rule))
    if rule.name == "transitions":
        yield from _transition_problems(rule, enums)
    elif rule.name == "references":
        yield from _reference_problems(rule, models)
    elif rule.name in {"sum", "average"}:
        yield from _aggregate_problems(rule, models)
    elif (
        rule.name == "ttl" and (field := own.fields.get(rule.given["field"])) and field.type.name != "AWSTimestamp"
    ):
        yield f"{own.name}.{field.name} is a {field.type}; DynamoDB wants an AWSTimestamp"


def _named_fields(rule: _Rule) -> tuple[str, ...]:
    """Return the fields of its own type that a rule names."""
    of = rule.given.get("of")
    named = (rule.given.get("field"), *rule.fields("fields"), *rule.fields("by"), *rule.fields("same"))
    parts = (of,) if isinstance(of, str) else tuple(of or ())
    return tuple(name for name in (*named, *parts) if name is not None)


def _unknown(model: ModelDeclaration, fields: Iterable[str]) -> Iterator[str]:
    for name in fields:
        if name not in model.fields:
            known = ", ".join(model.fields)
            yield f"{model.name} has no field {name}; it has {known}"


def _index_problems(rule: _Rule) -> Iterator[str]:
    model, name = rule.model, rule.given["name"]
    index = model.indexes.get(name)
    if index is None:
        yield f"{model.name} has no index {name}; it has {', '.join(model.indexes) or 'none'}"
        return
    can_be_local = index.fields[0] == model.key[0] and len(index.fields) > 1 and len(model.key) > 1
    if rule.given["kind"] == "LOCAL" and not can_be_local:
        yield f"{name} cannot be local: both need a sort key, and the partition key {model.key[0]}"


def _transition_problems(rule: _Rule, enums: Enums) -> Iterator[str]:
    field = rule.model.fields.get(rule.given["field"])
    values = enums.get(field.type.name) if field else None
    steps = _steps(rule)
    said = [*rule.given["initial"], *steps, *(value for to in steps.values() for value in to)]
    if values is not None:
        for value in dict.fromkeys(said):
            if value not in values:
                where = f"{rule.model.name}.{rule.given['field']}"
                yield f"{value} is no value of {where}, which has {', '.join(values)}"


def _reference_problems(rule: _Rule, models: Models) -> Iterator[str]:
    target = models.get(rule.given["type"])
    fields = _reference_fields(rule)
    if target is None:
        yield f"there is no type {rule.given['type']}; there are {', '.join(models)}"
        return
    if len(fields) != len(target.key):
        yield f"{len(fields)} fields cannot hold the key of {target.name}, which is {', '.join(target.key)}"
    yield from _unknown(target, (*(rule.given.get("where") or {}), *rule.fields("same")))
    if OnDelete(rule.given["onDelete"]) is OnDelete.SET_NULL:
        required = [
            name for name in fields if name in rule.model.fields and rule.model.fields[name].type.is_required
        ]
        if len(required) == len(fields):
            yield f"SET_NULL needs a field that may be null, and {', '.join(required)} may not"


def _aggregate_problems(rule: _Rule, models: Models) -> Iterator[str]:
    type_name, _, field = rule.given["into"].partition(".")
    target = models.get(type_name)
    if target is None:
        yield f"`into` names no type: {rule.given['into']}; it is written as Type.field"
        return
    yield from _unknown(target, (field,))
    for model, name in ((rule.model, rule.given["of"]), (target, field)):
        if (added := model.fields.get(name)) and (added.type.is_list or added.type.name not in _NUMBERS):
            yield f"{model.name}.{name} is a {added.type}, which is no number"
    if len(rule.fields("by")) != len(target.key):
        yield f"`by` must name the fields that hold the key of {target.name}, which is {', '.join(target.key)}"


def _reference_fields(rule: _Rule) -> tuple[str, ...]:
    single = rule.given.get("field")
    return rule.fields("fields") if single is None else (single,)


def _steps(rule: _Rule) -> dict[str, tuple[str, ...]]:
    return {step["is"]: tuple(step["to"]) for step in rule.given["from"]}


def _constraints(rules: list[_Rule]) -> Constraints:
    named: dict[str, list[_Rule]] = {}
    for rule in rules:
        named.setdefault(rule.name, []).append(rule)
    return Constraints(
        unique=tuple(Unique(rule.fields("fields")) for rule in named.get("unique", ())),
        references=tuple(_reference(rule) for rule in named.get("references", ())),
        transitions=tuple(
            Transitions(rule.given["field"], tuple(rule.given["initial"]), _steps(rule))
            for rule in named.get("transitions", ())
        ),
        composites=tuple(CompositeField(rule.given["field"], rule.fields("of")) for rule in named.get("key", ())),
        aggregates=tuple(_aggregate(rule) for name in ("sum", "average") for rule in named.get(name, ())),
        fixed=frozenset(name for rule in named.get("fixed", ()) for name in rule.fields("fields")),
        expires_by=next((rule.given["field"] for rule in named.get("ttl", ())), None),
        stream_handler=next((rule.given["handler"] for rule in named.get("stream", ())), None),
    )


def _reference(rule: _Rule) -> Reference:
    return Reference(
        fields=_reference_fields(rule),
        target=rule.given["type"],
        on_delete=OnDelete(rule.given["onDelete"]),
        where=rule.given.get("where") or {},
        same=rule.fields("same"),
    )


def _aggregate(rule: _Rule) -> Aggregate:
    type_name, _, field = rule.given["into"].partition(".")
    return Aggregate(rule.given["of"], type_name, field, rule.fields("by"), is_average=rule.name == "average")


def _with_local_indexes(models: Models, rules: Iterable[_Rule]) -> dict[str, ModelDeclaration]:
    made = dict(models)
    for rule in rules:
        model = made[rule.model.name]
        index = replace(model.indexes[rule.given["name"]], is_local=True)
        made[model.name] = replace(model, indexes={**model.indexes, index.name: index})
    return made
