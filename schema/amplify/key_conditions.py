"""The arguments that compare the sort fields of a table or an index, and their inputs."""

from schema.amplify import names
from schema.amplify.declaration import Model
from schema.amplify.fields import Types
from schema.amplify.inputs import compared_type
from schema.amplify.keys import Finder
from schema.amplify.stored_fields import Field

_ORDER = ("eq", "le", "lt", "ge", "gt")
_TEXTS = frozenset({"String", "ID"})


def sort_argument(model: Model, finder: Finder) -> dict[str, str]:
    """Return the argument that compares a finder's sort fields and its type; empty if there are none."""
    keys = finder.keys
    return {keys.sort_argument: _condition_input(model, finder)} if keys.sort else {}


def define_key_conditions(types: Types, model: Model) -> None:
    """Define the inputs of those arguments."""
    for finder in (model.primary, *model.finders.values()):
        if finder.keys.is_composite:
            _define_composite(types, model, finder)
        elif finder.keys.sort:
            _define_simple(types, model.fields[finder.keys.sort[0]])


def _condition_input(model: Model, finder: Finder) -> str:
    if finder.keys.is_composite:
        return f"{_composite_name(model, finder)}ConditionInput"
    return _simple_name(model.fields[finder.keys.sort[0]])


def _simple_name(field: Field) -> str:
    return f"Model{compared_type(field)}KeyConditionInput"


def _define_simple(types: Types, field: Field) -> None:
    name, scalar = _simple_name(field), compared_type(field)
    if name not in types:
        begins = {"beginsWith": scalar} if scalar in _TEXTS else {}
        types.define_input(name, dict.fromkeys(_ORDER, scalar) | {"between": f"[{scalar}]"} | begins)


def _composite_name(model: Model, finder: Finder) -> str:
    of = "Primary" if finder.index is None else names.upper_first(str(finder.index.Meta.index_name))
    return f"Model{model.name}{of}CompositeKey"


def _define_composite(types: Types, model: Model, finder: Finder) -> None:
    name = _composite_name(model, finder)
    key, last = f"{name}Input", finder.keys.sort[-1]
    # Amplify replaces the last field's scalar by the one that it is compared as, and no other field's.
    types.define_input(key, {sort: _part_type(model.fields[sort], sort == last) for sort in finder.keys.sort})
    compared = dict.fromkeys((*_ORDER, "beginsWith"), key) | {"between": f"[{key}]"}
    types.define_input(f"{name}ConditionInput", compared)


def _part_type(field: Field, is_last: bool) -> str:  # noqa: FBT001 — one of several parts
    return compared_type(field) if is_last and not field.is_enum else field.type
