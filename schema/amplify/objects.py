"""The object type of a mirrored type, and the type of its pages."""

from collections.abc import Iterator

from strawberry.types.field import StrawberryField

from schema.amplify import names
from schema.amplify.declaration import Model
from schema.amplify.derived import ComputedField, GuardedField, RelatedRow, RelatedRows
from schema.amplify.fields import ResolvedField, RowField, annotation, define


def define_objects(declared: type, model: Model) -> None:
    """Make a declared class the type's object type, and define the type of its pages."""
    define(declared, _row_fields(model), description=declared.__doc__)
    fields = {"items": f"[{model.name}]!", "next_token": "String"}
    page_fields = [
        StrawberryField(python_name=name, type_annotation=annotation(type_)) for name, type_ in fields.items()
    ]
    define(type(names.connection(model.name), (), {}), page_fields)


def _row_fields(model: Model) -> Iterator[StrawberryField]:
    guarded = model.hidden_fields.keys() | model.unpublished_fields
    for field in model.fields.values():
        if field.name in guarded:
            yield ResolvedField(field.name, field.graphql_type, {}, GuardedField(model, field.name))
        elif field.name in model.computed:
            yield ResolvedField(field.name, field.graphql_type, {}, ComputedField(model, field.name))
        else:
            yield RowField(field.name, field.graphql_type, field.decode)
    for name, relation in model.relations.items():
        if relation.index is None:
            yield ResolvedField(name, relation.target, {}, RelatedRow(model, relation))
        else:
            arguments = page_arguments(relation.target) | {"sortDirection": "ModelSortDirection"}
            resolve = RelatedRows(model, relation)
            yield ResolvedField(name, names.connection(relation.target), arguments, resolve)


def page_arguments(model: str) -> dict[str, str]:
    """Return the arguments that every page of a type's rows takes."""
    return {"filter": names.filter_input(model), "limit": "Int", "nextToken": "String"}
