"""Reads a rules.graphql: what an app needs of its rows and Amplify's schema cannot say.

It stands beside the schema, which stays as Amplify compiles it:
`extend type Review @unique(fields: ["bookingId"])`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache

from graphql import (
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
from schema.amplify.sdl.checks.rules import Enums, Models, WrittenRule, rule_problems
from schema.amplify.sdl.declarations import ModelDeclaration
from schema.amplify.sdl.errors import SchemaFileError, problem
from schema.amplify.sdl.reading import HERE, arguments, check, parsed


@cache
def our_directives() -> GraphQLSchema:
    """Return the directives that a rules.graphql may use."""
    return build_schema((HERE / "rules.graphql").read_text(), assume_valid=True)


def read_rules(
    sources: Iterable[Source], models: Models, enums: Enums
) -> tuple[dict[str, Constraints], dict[str, ModelDeclaration]]:
    """Return the constraints of the types that texts name, and the models with what they say of indexes.

    Raises:
        SchemaFileError: a rule is unknown, or names something that the schema does not have.
    """
    found = list(_rules(list(sources), models))
    problems = [
        problem(rule.node, f"@{rule.name}: {text}")
        for rule in found
        for text in rule_problems(rule, models, enums)
    ]
    if problems:
        raise SchemaFileError(problems)
    ruled = dict.fromkeys(rule.model.name for rule in found)
    constraints = {name: _constraints([r for r in found if r.model.name == name], models) for name in ruled}
    locals_ = [rule for rule in found if rule.name == "index" and rule.given["kind"] == "LOCAL"]
    return constraints, _with_local_indexes(models, locals_)


def _rules(sources: list[Source], models: Models) -> Iterator[WrittenRule]:
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
            yield WrittenRule(models[node.name.value], directive, directive.name.value, given)


def _constraints(rules: list[WrittenRule], models: Models) -> Constraints:
    named: dict[str, list[WrittenRule]] = {}
    for rule in rules:
        named.setdefault(rule.name, []).append(rule)
    return Constraints(
        unique=tuple(Unique(rule.fields("fields")) for rule in named.get("unique", ())),
        references=tuple(_reference(rule) for rule in named.get("references", ())),
        transitions=tuple(
            Transitions(rule.given["field"], tuple(map(str, rule.given["initial"])), dict(rule.steps))
            for rule in named.get("transitions", ())
        ),
        composites=tuple(CompositeField(rule.given["field"], rule.fields("of")) for rule in named.get("key", ())),
        aggregates=tuple(_aggregate(rule, models) for name in ("sum", "average") for rule in named.get(name, ())),
        fixed=frozenset(name for rule in named.get("fixed", ()) for name in rule.fields("fields")),
        expires_by=next((rule.given["field"] for rule in named.get("ttl", ())), None),
        stream_handler=next((rule.given["handler"] for rule in named.get("stream", ())), None),
    )


def _reference(rule: WrittenRule) -> Reference:
    return Reference(
        fields=rule.referring,
        target=rule.given["type"],
        on_delete=OnDelete(rule.given["onDelete"]),
        where=rule.given.get("where") or {},
        same=rule.fields("same"),
    )


def _aggregate(rule: WrittenRule, models: Models) -> Aggregate:
    type_name, _, field = rule.given["into"].partition(".")
    return Aggregate(
        rule.given["of"],
        type_name,
        field,
        rule.fields("by"),
        is_average=rule.name == "average",
        is_whole=models[type_name].fields[field].type.name == "Int",
    )


def _with_local_indexes(models: Models, rules: Iterable[WrittenRule]) -> dict[str, ModelDeclaration]:
    made = dict(models)
    for rule in rules:
        model = made[rule.model.name]
        index = replace(model.indexes[rule.given["name"]], is_local=True)
        made[model.name] = replace(model, indexes={**model.indexes, index.name: index})
    return made
