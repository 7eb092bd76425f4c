"""The object type of a mirrored type, and the type of its pages."""

from collections.abc import Iterator

from strawberry.types.field import StrawberryField

from schema.amplify import names
from schema.amplify.declaration import Model
from schema.amplify.derived import ComputedField, GuardedField, RelatedRow, RelatedRows
from schema.amplify.fields import ResolvedField, RowField, Types


def define_objects(types: Types, model: Model) -> None:
    """Make a type's declared class its object type, and define the type of its pages."""
    declared = model.declared or type(model.name, (), {})
    types.define(declared, _row_fields(types, model), description=declared.__doc__)
    fields = {"items": f"[{model.name}]!", "next_token": "String"}
    page_fields = [
        StrawberryField(python_name=name, type_annotation=types.annotation(type_))
        for name, type_ in fields.items()
    ]
    types.define(type(names.connection(model.name), (), {}), page_fields)


def _row_fields(types: Types, model: Model) -> Iterator[StrawberryField]:
    guarded = model.hidden_fields.keys() | model.unpublished_fields
    for field in model.fields.values():
        if field.name in guarded:
            yield ResolvedField(types, field.name, field.graphql_type, {}, GuardedField(model, field.name))
        elif field.name in model.computed:
            yield ResolvedField(types, field.name, field.graphql_type, {}, ComputedField(model, field.name))
        else:
            yield RowField(types, field.name, field.graphql_type, field.decode)
    for name, relation in model.relations.items():
        if relation.index is None:
            yield ResolvedField(types, name, relation.target, {}, RelatedRow(model, relation))
        else:
            arguments = page_arguments(relation.target) | {"sortDirection": "ModelSortDirection"}
            resolve = RelatedRows(model, relation)
            yield ResolvedField(types, name, names.connection(relation.target), arguments, resolve)


def page_arguments(model: str) -> dict[str, str]:
    """Return the arguments that every page of a type's rows takes."""
    return {"filter": names.filter_input(model), "limit": "Int", "nextToken": "String"}
