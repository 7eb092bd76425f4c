"""Tables of who may do what with the rows of imported apps, parsed, and each of their lines as an operation.

A line names an operation, perhaps a variant, and what comes of it for each kind of caller; see who_may.txt, whose
words these tables have, too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models.storage.store import Item, Key
from resolvers.identity.callers import GUEST, Caller
from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Model
from schema.amplify.rules import Groups, GroupsField, Operation, Owner
from schema.amplify.sdl.declaring import catalogue_of
from schema.amplify.sdl.importing import import_app
from schema.amplify.stored_fields import Field
from tests.contract.test_declarations import APPS

TABLES = Path(__file__).parent / "apps"
MOMENT = "2026-01-01T00:00:00.000Z"
ANOTHER = Caller("sub-another", "another")
_VALUES: Mapping[str, Any] = {
    "Int": 7,
    "Float": 1.5,
    "Boolean": True,
    "AWSDate": "2026-01-01",
    "AWSDateTime": MOMENT,
    "AWSTimestamp": 1_767_225_600,
    "AWSEmail": "somebody@example.org",
    "AWSPhone": "+12025550123",
    "AWSJSON": "{}",
}


@cache
def catalogue(app: str) -> Catalogue:
    """Return the types of an app, without the rules beside its schema: those are another matter."""
    return catalogue_of(import_app(APPS[app][0]))


@dataclass(frozen=True, slots=True)
class Line:
    """An operation on an app's type in a variant, and the expected outcome for each column of callers."""

    app: str
    of: str
    operation: str
    variant: str
    expected: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.of}.{self.operation}" + (f":{self.variant}" if self.variant else "")

    @property
    def model(self) -> Model:
        return catalogue(self.app).models[self.of]


def lines() -> list[Line]:
    """Return the lines of all tables."""
    return [line for path in sorted(TABLES.glob("*.txt")) for line in _lines(path)]


def _lines(path: Path) -> Iterator[Line]:
    type_, columns = "", list[str]()
    for text in path.read_text().splitlines():
        left, bar, right = text.partition("|")
        if text.startswith("#") or not text:
            continue
        if not bar:
            type_, *columns = left.split()
            continue
        operation, _, variant = left.strip().partition(":")
        outcomes = right.split()
        yield Line(path.stem, type_, operation, variant, dict(zip(columns, outcomes, strict=True)))


def caller_of(model: Model, column: str) -> Caller:
    """Return the caller of a column: a guest, a stranger, whom a field names, or a member of a group."""
    if column == "guest":
        return GUEST
    fields = {rule.field for rule in model.rules if isinstance(rule, GroupsField)}
    named = frozenset().union(*(rule.groups for rule in model.rules if isinstance(rule, Groups)))
    groups = {f"of-{column}"} if column in fields else {column} & named
    return Caller(f"sub-{column}", column, frozenset(groups))


def key_of(model: Model, row: Item) -> Key:
    """Return a row's key as the store knows it."""
    texts = [next(iter(row[name].values())) for name in model.keys.fields]
    return texts[0] if len(texts) == 1 else (texts[0], "#".join(texts[1:]))


def sample(field: Field) -> Any:
    """Return a value for a field."""
    one: Any = (
        next(iter(field.enum)).value if field.enum is not None else _VALUES.get(field.type, f"a-{field.name}")
    )
    if field.nested is not None:
        one = {name: sample(inner) for name, inner in field.nested.fields.items()}
    return [one] if field.is_list else one


def row_of(model: Model) -> Item:
    """Return a row in which each owner field names its column's member, and each field of groups its own group."""
    values = {name: sample(field) for name, field in model.fields.items()}
    for rule in model.rules:
        if isinstance(rule, Owner | GroupsField):
            is_added = isinstance(rule, Owner) and rule.is_qualified and rule.field in model.unwritable
            owner = f"sub-{rule.field}::{rule.field}" if is_added else f"sub-{rule.field}"
            name = owner if isinstance(rule, Owner) else f"of-{rule.field}"
            values[rule.field] = [name] if model.fields[rule.field].is_list else name
    item = {name: model.fields[name].encode(value) for name, value in values.items()}
    return item | model.composites_in(item) | {"__typename": {"S": model.name}}


@dataclass(frozen=True, slots=True)
class Asked:
    """An operation as it is sent: its text, its variables, and the path of the field that it is about."""

    text: str
    variables: Mapping[str, Any]


def asked(line: Line, caller: Caller) -> Asked:
    """Return a line's operation for a caller; of a variant that is a field, that field is selected or given."""
    model, key = line.model, " ".join(line.model.keys.fields)
    if line.operation.startswith("on"):
        given = {line.variant: f"sub-{line.variant}"} if line.variant in model.heard_owners else {}
        selected = f"{key} {line.variant}" if line.variant and not given else key
        return _operation("subscription", line, dict.fromkeys(given, "String"), given, selected)
    if line.operation in (model.operations.create, model.operations.update, model.operations.delete):
        writes = (Operation.CREATE, Operation.UPDATE, Operation.DELETE)
        kind = next(one for one in writes if model.operations.mutation(one) == line.operation)
        input_type = f"{kind.capitalize()}{model.name}Input!"
        return _operation("mutation", line, {"input": input_type}, {"input": _input(line, kind, caller)}, key)
    row = row_of(model)
    if line.operation == model.operations.get:
        keys = {name: f"{model.fields[name].type}!" for name in model.keys.fields}
        values = {name: _absent(line, name, model.fields[name].decode(row[name])) for name in keys}
        return _operation("query", line, keys, values, _selected(model, key, line.variant))
    finder = next((one for one in model.finders.values() if one.query == line.operation), None)
    page = f"items {{ {_selected(model, key, line.variant)} }} nextToken"
    if finder is None and line.variant == "key":
        finder = model.primary
    hashes = {} if finder is None else {finder.keys.hash: model.fields[finder.keys.hash]}
    declared = {name: f"{field.type}{'' if line.variant == 'key' else '!'}" for name, field in hashes.items()}
    return _operation("query", line, declared, {name: _shown(row[name]) for name in hashes}, page)


def _shown(wire: Mapping[str, Any]) -> Any:
    (value,) = wire.values()
    return value


def _absent(line: Line, name: str, value: Any) -> Any:
    """Return another sort key, or the only key, of which there is no row."""
    return "no-such-row" if line.variant == "absent" and name == line.model.keys.fields[-1] else value


def _selected(model: Model, key: str, variant: str) -> str:
    """Return what is selected: the key, and the field or relation that the variant names."""
    if variant in model.relations:
        return (
            f"{key} {variant} {{ {'items { __typename }' if model.relations[variant].is_many else '__typename'} }}"
        )
    return f"{key} {variant}" if variant in model.fields else key


def _input(line: Line, kind: Operation, caller: Caller) -> dict[str, Any]:
    model, row = line.model, row_of(line.model)
    key = {name: _absent(line, name, _shown(row[name])) for name in model.keys.fields}
    if kind is Operation.DELETE:
        return key
    if kind is Operation.UPDATE:
        return key | _changes(line)
    sent = model.fields.keys() - model.unwritable - model.timestamps
    given = {name: sample(field) for name, field in model.fields.items() if name in sent}
    owners = {rule.field for rule in model.rules if isinstance(rule, Owner)}
    guarded = {name for name in model.field_rules if model.field_rules[name] != model.rules} & model.guarded
    mine = line.variant if line.variant in owners else model.owner_fields(Operation.CREATE)[:1]
    for name in owners & sent:
        owner = caller.sub if name in mine and line.variant != "others" else ANOTHER.sub
        given[name] = [owner] if model.fields[name].is_list else owner
    for rule in model.rules:
        if isinstance(rule, GroupsField):
            group = f"of-{rule.field}" if line.variant == rule.field else "another"
            given[rule.field] = [group] if model.fields[rule.field].is_list else group
    return {name: value for name, value in given.items() if name not in guarded or name == line.variant}


def _changes(line: Line) -> dict[str, Any]:
    """Return what an update changes: the field that the variant names, else the first that nobody guards."""
    model = line.model
    naming = {rule.field for rule in model.rules if isinstance(rule, Owner | GroupsField)}
    if line.variant in model.fields:
        value: Any = sample(model.fields[line.variant])
        return {line.variant: ANOTHER.sub if line.variant in naming else value}
    kept = {*naming, *model.keys.fields, *model.unwritable, *model.timestamps, *model.guarded}
    kept |= {name for one in (model.primary, *model.finders.values()) for name in one.keys.fields}
    free = [one for one in model.fields.values() if one.name not in kept]
    field = next((one for one in free if not one.required), free[0])
    return {field.name: None if line.variant == "null" else sample(field)}


def _operation(kind: str, line: Line, types: Mapping[str, str], values: Mapping[str, Any], selected: str) -> Asked:
    declared = ", ".join(f"${name}: {type_}" for name, type_ in types.items())
    passed = ", ".join(f"{name}: ${name}" for name in types)
    parts = (f"({declared})" if declared else "", f"({passed})" if passed else "")
    return Asked(f"{kind} {parts[0]} {{ {line.operation}{parts[1]} {{ {selected} }} }}", values)
