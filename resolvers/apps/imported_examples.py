"""The tabs that GraphiQL opens at a first visit of an imported app: what its first type can do."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from resolvers.mirror.mutations import GENERATED
from resolvers.transport.graphiql import APPLICATION, Example
from schema.amplify import names
from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Model
from schema.amplify.rules import Groups, Operation, Owner, Private, Public
from schema.amplify.stored_fields import Field

_FIRST = "alice"
# Fields that a tab shows.
_MOST = 6
_SAMPLES: dict[str, Any] = {
    "ID": "an-id",
    "String": "text",
    "Int": 1,
    "Float": 1.5,
    "Boolean": True,
    "AWSDate": "2026-01-31",
    "AWSTime": "09:30:00",
    "AWSDateTime": "2026-01-31T09:30:00Z",
    "AWSTimestamp": 1_769_851_800,
    "AWSEmail": "alice@example.org",
    "AWSJSON": "{}",
    "AWSURL": "https://example.org/",
    "AWSPhone": "+15550100",
    "AWSIPAddress": "192.0.2.1",
}


def examples_of(catalogue: Catalogue, callers: Mapping[str, Collection[str]]) -> tuple[Example, ...]:
    """Return a list, a creation and a subscription of the first type that has them all, or of the first one.

    Args:
        catalogue: the app's types.
        callers: the groups of each demo caller, by their names.
    """
    models = list(catalogue.models.values())
    whole = (model for model in models if model.operations.list and model.operations.create)
    first = next(whole, models[0])
    return tuple(_examples(first, _caller(first, callers)))


def _examples(model: Model, caller: str) -> Iterator[Example]:
    shown = _selection(model)
    if (name := model.operations.list) is not None:
        text = f"# All that this tab's caller may read\nquery All {{\n  {name}(limit: 20) {{\n    items {{\n"
        yield Example(text + _indented(shown, 6) + "    }\n    nextToken\n  }\n}\n", {}, caller)
    if (name := model.operations.create) is not None:
        input_type = names.row_input(Operation.CREATE, model.name)
        text = f"# A new row\nmutation New($input: {input_type}!) {{\n  {name}(input: $input) {{\n"
        yield Example(text + _indented(shown, 4) + "  }\n}\n", {"input": _input(model)}, caller)
    for name in model.operations.on_create[:1]:
        text = "# What is created from now on. It ends with this tab: create in another window.\n"
        yield Example(f"{text}subscription Watch {{\n  {name} {{\n" + _indented(shown, 4) + "  }\n}\n", {}, caller)


def _indented(shown: list[str], by: int) -> str:
    return "".join(f"{' ' * by}{name}\n" for name in shown)


def _selection(model: Model) -> list[str]:
    """Return the fields that a tab shows: the key, then others that need no selection of their own."""
    plain = [name for name, field in model.fields.items() if field.nested is None]
    return list(dict.fromkeys([*model.keys.fields, *plain]))[:_MOST]


def _caller(model: Model, callers: Mapping[str, Collection[str]]) -> str:
    """Return who may create rows of a type: one of the demo callers, or an application."""
    able = [rule for rule in model.rules if Operation.CREATE in rule.operations]
    if any(isinstance(rule, Owner | Private) for rule in able):
        return _FIRST
    groups = {group for rule in able if isinstance(rule, Groups) for group in rule.groups}
    if (found := next((name for name, of in callers.items() if groups.intersection(of)), None)) is not None:
        return found
    return APPLICATION if any(isinstance(rule, Public) for rule in able) else _FIRST


def _input(model: Model) -> dict[str, Any]:
    """Return the input of a new row: the fields that a row must have, but for an id that the server makes."""
    left_out = {*model.unwritable, *model.timestamps, *(owner for owner in model.owner_fields(Operation.CREATE))}
    return {
        name: _sample(field)
        for name, field in model.fields.items()
        if name not in left_out and _is_needed(model, name, field)
    }


def _is_needed(model: Model, name: str, field: Field) -> bool:
    if name == "id":
        return field.type not in GENERATED
    return field.required or name in model.keys.fields


def _sample(field: Field) -> Any:
    if field.nested is not None and field.is_list:
        return []  # its objects may have to hold such a list, too
    if field.enum is not None:
        value: Any = next(iter(field.enum)).value
    elif field.nested is not None:
        value = {name: _sample(inner) for name, inner in field.nested.fields.items() if inner.required}
    else:
        value = _SAMPLES.get(field.type, "text")
    return [value] if field.is_list else value
