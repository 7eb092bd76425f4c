"""What the limits say of a document."""

from graphql import parse

from schema.build import MirrorSchema
from schema.documents.limits import Limits, LimitsCheck


def refusal(schema: MirrorSchema, query: str, **limits: int) -> str | None:
    check = LimitsCheck(schema._schema, Limits(**limits), {"createUser", "cancelServiceRequest"})
    error = check.look_at(parse(query)).refusal
    return None if error is None else error.message
