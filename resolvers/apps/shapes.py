"""What the rows of an imported app look like, for commands that bring rows from elsewhere."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from models.integrity.ruled_tables import RuledTables
from models.single_table.shapes import FieldShape, TypeShape
from resolvers.apps.app import App
from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Model
from schema.amplify.stored_fields import Field, Nested
from schema.scalars import SCALARS

_KINDS = {"Float": "N", "Int": "N", "AWSTimestamp": "N", "Boolean": "BOOL"}
# The fields of each object type, by its name; it may hold itself.
Parts = dict[str, dict[str, FieldShape]]
_CHECKS: dict[str, Callable[[Any], object]] = {
    scalar.name: scalar.parse_value for scalar in SCALARS.values() if scalar.parse_value is not None
}


def rows_of(app: App) -> tuple[RuledTables | None, dict[str, TypeShape]]:
    """Return an app's types with their rules, None if it has none, and what the rows of each type look like."""
    return app.catalogue.ruled, shapes_of(app.catalogue)


def shapes_of(catalogue: Catalogue) -> dict[str, TypeShape]:
    """Return what the rows of each type look like, by the type's name."""
    parts: Parts = {}
    return {name: _shape(model, parts) for name, model in catalogue.models.items()}


def _shape(model: Model, parts: Parts) -> TypeShape:
    ways = (model.primary, *model.finders.values())
    return TypeShape(
        model.name,
        model.keys.fields,
        dict(_fields(model.fields, parts)),
        tuple(keys.sort for keys in model.composites),
        frozenset(name for way in ways for name in way.attributes),
        model.timestamps,
    )


def _fields(fields: Mapping[str, Field], parts: Parts) -> Iterator[tuple[str, FieldShape]]:
    for name, one in fields.items():
        yield name, _field(one, parts)


def _field(one: Field, parts: Parts) -> FieldShape:
    if one.is_list:
        return FieldShape("L", one.required)
    if one.nested is not None:
        return FieldShape("M", one.required, parts=_parts(one.nested, parts))
    default = None if one.default is None else one.encode(one.default)
    check = _CHECKS.get(one.type)
    values = () if one.enum is None else tuple(one.enum)
    kind = _KINDS.get(one.type, "S")
    if check is None or kind != "S":
        return FieldShape(kind, one.required, values, default)
    return FieldShape(kind, one.required, values, default, check)


def _parts(nested: Nested, parts: Parts) -> Mapping[str, FieldShape]:
    if nested.name not in parts:
        parts[nested.name] = {}
        parts[nested.name].update(_fields(nested.fields, parts))
    return parts[nested.name]
