"""The GraphQL types that are derived from an app's types: objects, their pages, and inputs."""

from collections.abc import Iterator
from functools import cache

from strawberry.types.field import StrawberryField

from schema.amplify import names
from schema.amplify.catalogue import Catalogue
from schema.amplify.declaration import Model
from schema.amplify.derived import (
    ComputedField,
    FoundRow,
    GuardedField,
    RelatedRow,
    RelatedRows,
    RuledPart,
    RuledRelation,
)
from schema.amplify.fields import PartField, Resolve, ResolvedField, RowField, Types
from schema.amplify.inputs import define_inputs, define_own_inputs, define_shared_inputs
from schema.amplify.key_conditions import define_key_conditions, sort_argument
from schema.amplify.stored_fields import Nested
from schema.documents.cost import PAGE_SIZE


@cache
def types_of(catalogue: Catalogue) -> Types:
    """Return the GraphQL types of an app; they are derived once, because its classes become them."""
    types = Types(catalogue.enums)
    define_shared_inputs(types)
    for nested in catalogue.nested.values():
        stored = {name: one.graphql_type for name, one in nested.fields.items()}
        parts = [_part(types, nested, name, type_) for name, type_ in (stored | nested.rows).items()]
        types.define(type(nested.name, (), {}), parts, description=nested.description)
        # As Amplify has it, an input of that name in the schema is the one that rows are written with.
        if nested.input_name not in catalogue.inputs:
            types.define_input(nested.input_name, {one.name: one.input_type for one in nested.fields.values()})
    for model in catalogue.models.values():
        _define_objects(types, catalogue, model)
        define_inputs(types, model)
        define_key_conditions(types, model)
    define_own_inputs(types, catalogue.inputs)
    return types


def _define_objects(types: Types, catalogue: Catalogue, model: Model) -> None:
    """Make a type's declared class its object type, and define the type of its pages."""
    declared = model.declared or type(model.name, (), {})
    types.define(declared, _row_fields(types, catalogue, model), description=declared.__doc__)
    fields = {"items": f"[{model.name}]!", "next_token": "String"}
    page_fields = [
        StrawberryField(python_name=name, type_annotation=types.annotation(type_))
        for name, type_ in fields.items()
    ]
    types.define(type(names.connection(model.name), (), {}), page_fields)


def _part(types: Types, nested: Nested, name: str, type_: str) -> StrawberryField:
    if (rules := nested.rules.get(name)) is None:
        return PartField(types, name, type_)
    return ResolvedField(types, name, type_, {}, RuledPart(name, rules))


def _row_fields(types: Types, catalogue: Catalogue, model: Model) -> Iterator[StrawberryField]:
    guarded = model.hidden_fields.keys() | model.unpublished_fields | model.guarded
    for field in model.fields.values():
        if field.name in guarded:
            yield ResolvedField(types, field.name, field.graphql_type, {}, GuardedField(model, field.name))
        elif field.name in model.computed:
            yield ResolvedField(types, field.name, field.graphql_type, {}, ComputedField(model, field.name))
        else:
            yield RowField(types, field.name, field.graphql_type, field.decode)
    for name, relation in model.relations.items():
        target = catalogue.models[relation.target]
        if not relation.is_many:
            returned = relation.target + "!" * relation.required
            leads = RelatedRow(model, relation) if relation.index is None else FoundRow(model, relation)
            resolve = _ruled(model, name, leads)
            yield ResolvedField(types, name, returned, {}, resolve)
        else:
            finder = target.primary if relation.index is None else target.finders[relation.index]
            compared = sort_argument(target, finder) if len(relation.fields) == 1 else {}
            arguments = compared | page_arguments(relation.target) | {"sortDirection": "ModelSortDirection"}
            resolve = _ruled(model, name, RelatedRows(model, relation))
            size = {} if relation.limit is None else {PAGE_SIZE: relation.limit}
            page = names.connection(relation.target)
            yield ResolvedField(types, name, page, arguments, resolve, metadata=size)


def _ruled(model: Model, name: str, resolve: Resolve) -> Resolve:
    return RuledRelation(model, name, resolve) if name in model.guarded else resolve


def page_arguments(model: str) -> dict[str, str]:
    """Return the arguments that every page of a type's rows takes."""
    return {"filter": names.filter_input(model), "limit": "Int", "nextToken": "String"}
