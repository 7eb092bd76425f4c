"""Checks the rules beside a schema, one by one: what each names is there, and of a type that the rule can keep."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import DirectiveNode

from models.constraints.declared import OnDelete
from schema.amplify.sdl.declarations import NUMBERS, STORED, FieldDeclaration, ModelDeclaration

Models = Mapping[str, ModelDeclaration]
Enums = Mapping[str, tuple[str, ...]]
_SUMMED = frozenset({"Int", "Float"})
_TEXTS = frozenset({"ID", "String"})
_FLAG = "Boolean"


@dataclass(frozen=True, slots=True)
class WrittenRule:
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

    @property
    def referring(self) -> tuple[str, ...]:
        """Return the fields that hold a parent's key: `field`, `fields` or `by`."""
        single = self.given.get("field")
        return self.fields("by") or (self.fields("fields") if single is None else (single,))

    @property
    def steps(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the values that follow each value of `@transitions`, as texts."""
        return [(str(step["is"]), tuple(map(str, step["to"]))) for step in self.given["from"]]


def rule_problems(rule: WrittenRule, models: Models, enums: Enums) -> Iterator[str]:
    """Yield what is wrong with a rule: the names that the schema does not have, and what the rule cannot keep."""
    if rule.name == "index":
        yield from _index_problems(rule)
        return
    unknown = list(_unknown(rule.model, _named_fields(rule)))
    yield from unknown
    if unknown:
        return
    if rule.name in {"references", "sum", "average"}:
        yield from _parent_problems(rule, models, enums)
    elif rule.name == "transitions":
        yield from _transition_problems(rule, enums)
    elif rule.name == "key":
        yield from _key_problems(rule, enums)
    elif rule.name in {"unique", "fixed"}:
        yield from _list_problems(rule.fields("fields"))
    elif rule.name == "ttl":
        field = rule.model.fields[rule.given["field"]]
        if field.type.name != "AWSTimestamp" or field.type.is_list:
            yield f"{rule.model.name}.{field.name} is a {field.type}; DynamoDB wants an AWSTimestamp"


def _named_fields(rule: WrittenRule) -> tuple[str, ...]:
    """Return the fields of its own type that a rule names."""
    of = rule.given.get("of")
    named = (rule.given.get("field"), *rule.fields("fields"), *rule.fields("by"), *rule.fields("same"))
    parts = (of,) if isinstance(of, str) else tuple(of or ())
    return tuple(name for name in (*named, *parts) if name is not None)


def _unknown(model: ModelDeclaration, fields: Iterable[str]) -> Iterator[str]:
    stored = [name for name, field in model.fields.items() if field.origin in STORED]
    for name in fields:
        if name not in stored:
            yield f"{model.name} has no field {name}; it has {', '.join(stored)}"


def _list_problems(fields: tuple[str, ...]) -> Iterator[str]:
    if not fields:
        yield "it names no field"
    if len(set(fields)) < len(fields):
        yield f"it names a field twice: {', '.join(fields)}"


def _index_problems(rule: WrittenRule) -> Iterator[str]:
    model, name = rule.model, rule.given["name"]
    index = model.indexes.get(name)
    if index is None:
        yield f"{model.name} has no index {name}; it has {', '.join(model.indexes) or 'none'}"
        return
    can_be_local = index.fields[0] == model.key[0] and len(index.fields) > 1 and len(model.key) > 1
    if rule.given["kind"] == "LOCAL" and not can_be_local:
        yield f"{name} cannot be local: both need a sort key, and the partition key {model.key[0]}"


def _is_keyed(field: FieldDeclaration, enums: Enums) -> bool:
    """Return whether a field holds a single text, number or value of an enum, so that a key can hold it."""
    name = field.type.name
    return not field.type.is_list and (
        name in _TEXTS or name in NUMBERS or name.startswith("AWS") or name in enums
    )


def _key_problems(rule: WrittenRule, enums: Enums) -> Iterator[str]:
    model, made, parts = rule.model, rule.model.fields[rule.given["field"]], rule.fields("of")
    yield from _list_problems(parts)
    if made.name in model.key:
        yield (
            f"{model.name}.{made.name} is part of the table's key, which no update changes, while it may change "
            f"{', '.join(parts)}; name these in the key, by @primaryKey(sortKeyFields: …)"
        )
    if made.type.is_list or made.type.name not in _TEXTS:
        yield f"{model.name}.{made.name} is a {made.type}, and what the server joins is a text"
    for name in parts:
        if not _is_keyed(model.fields[name], enums):
            yield f"{model.name}.{name} is a {model.fields[name].type}; only texts, numbers and enums are joined"
    missing = [name for name in parts if not model.fields[name].type.is_required]
    if made.type.is_required and missing:
        yield f"{model.name}.{made.name} is required, and {', '.join(missing)} may be absent"


def _transition_problems(rule: WrittenRule, enums: Enums) -> Iterator[str]:
    field = rule.model.fields[rule.given["field"]]
    where, initial = f"{rule.model.name}.{field.name}", tuple(map(str, rule.given["initial"]))
    if not _is_keyed(field, enums):
        yield f"{where} is a {field.type}; only texts, numbers and enums go by steps"
    if not initial:
        yield f"`initial` names no value, so that {where} could never have one"
    begun = [value for value, _ in rule.steps]
    for value in sorted({value for value in begun if begun.count(value) > 1}):
        yield f"{value} stands twice in `from`; one can name all that follows"
    said = [*initial, *begun, *(value for _, to in rule.steps for value in to)]
    values = enums.get(field.type.name, tuple(said))
    for value in dict.fromkeys(said):
        if value not in values:
            yield f"{value} is no value of {where}, which has {', '.join(values)}"
    if field.default is not None and not field.type.is_required and field.default not in initial:
        yield f"the default of {where} is {field.default}, and a new row cannot begin with it"


def _parent_problems(rule: WrittenRule, models: Models, enums: Enums) -> Iterator[str]:
    """Yield what is wrong with a rule that leads to a row of another type."""
    if rule.name == "references":
        type_name = rule.given["type"]
        if rule.given.get("field") is not None and rule.given.get("fields") is not None:
            yield "say `field` or `fields`, not both"
    else:
        type_name = rule.given["into"].partition(".")[0]
    target = models.get(type_name)
    if target is None and rule.name == "references":
        yield f"there is no type {type_name}; there are {', '.join(models)}"
    elif target is None:
        yield f"`into` names no type: {rule.given['into']}; it is written as Type.field"
    else:
        yield from _held_key_problems(rule, target)
        about = _reference_problems if rule.name == "references" else _aggregate_problems
        yield from about(rule, target, enums)


def _held_key_problems(rule: WrittenRule, target: ModelDeclaration) -> Iterator[str]:
    """Yield how the fields that refer to rows differ from those rows' key."""
    own, fields = rule.model, rule.referring
    if len(fields) != len(target.key) and rule.name == "references":
        yield f"{len(fields)} fields cannot hold the key of {target.name}, which is {', '.join(target.key)}"
    elif len(fields) != len(target.key):
        yield f"`by` must name the fields that hold the key of {target.name}, which is {', '.join(target.key)}"
    for name, key in zip(fields, target.key, strict=False):
        held, wanted = own.fields[name].type, target.fields[key].type
        is_number = held.name in NUMBERS
        if held.is_list or held.name == _FLAG or is_number != (wanted.name in NUMBERS):
            yield f"{own.name}.{name} is a {held}, and {target.name}.{key}, which it should hold, a {wanted}"


def _reference_problems(rule: WrittenRule, target: ModelDeclaration, enums: Enums) -> Iterator[str]:
    where = rule.given.get("where") or {}
    if not isinstance(where, Mapping):
        yield "`where` names fields with a value of each, such as { status: DONE }"
        return
    unknown = list(_unknown(target, (*where, *rule.fields("same"))))
    yield from unknown
    for name, value in where.items() if not unknown else ():
        if not _can_be(target.fields[name], value, enums):
            yield f"{target.name}.{name} is a {target.fields[name].type}, which is never {value!r}"
    fields = rule.referring
    if OnDelete(rule.given["onDelete"]) is OnDelete.SET_NULL:
        required = [name for name in fields if rule.model.fields[name].type.is_required]
        if len(required) == len(fields):
            yield f"SET_NULL needs a field that may be null, and {', '.join(required)} may not"


def _can_be(field: FieldDeclaration, value: Any, enums: Enums) -> bool:
    """Return whether a field may have a value that a rule compares it with."""
    if field.type.is_list or value is None or isinstance(value, (list, Mapping)):
        return False
    if field.type.name == _FLAG or isinstance(value, bool):
        return field.type.name == _FLAG and isinstance(value, bool)
    if field.type.name in NUMBERS:
        return isinstance(value, int) or (isinstance(value, float) and field.type.name == "Float")
    return isinstance(value, str) and value in enums.get(field.type.name, (value,))


def _aggregate_problems(rule: WrittenRule, target: ModelDeclaration, _: Enums) -> Iterator[str]:
    field = rule.given["into"].partition(".")[2]
    unknown = list(_unknown(target, (field,)))
    yield from unknown
    if unknown:
        return
    of, into = rule.model.fields[rule.given["of"]], target.fields[field]
    for model, one in ((rule.model, of), (target, into)):
        if one.type.is_list or one.type.name not in _SUMMED:
            yield f"{model.name}.{one.name} is a {one.type}, which is no number"
    if into.type.name == "Int" and (rule.name == "average" or of.type.name == "Float"):
        yield f"{target.name}.{field} is an Int, and the {rule.name} of {rule.model.name}.{of.name} may be none"
    sorting = (index.fields[1:] for index in target.indexes.values())
    # Several fields that sort are stored once more, together.
    if field in target.key or any(len(fields) > 1 and field in fields for fields in sorting):
        yield f"{target.name}.{field} is part of a key, which no total can be"
