"""The GraphQL types that are derived from an app's types."""

from functools import cache

from schema.amplify.catalogue import Catalogue
from schema.amplify.fields import Types
from schema.amplify.inputs import define_inputs, define_shared_inputs
from schema.amplify.objects import define_objects


@cache
def types_of(catalogue: Catalogue) -> Types:
    """Return the object types and inputs of an app; they are derived once, because its classes become them."""
    types = Types(catalogue.enums)
    define_shared_inputs(types)
    for model in catalogue.models.values():
        define_objects(types, model)
        define_inputs(types, model)
    return types
