"""What a printed schema says, member by member, to compare it with what Amplify's transformer prints."""

from typing import TYPE_CHECKING, Any, cast

from graphql import parse, print_ast

from schema.amplify.catalogue import Catalogue
from schema.build import build_schema

if TYPE_CHECKING:
    from schema.amplify.resolver import MirrorResolver

Members = dict[str, dict[str, Any]]


def printed(catalogue: Catalogue) -> str:
    """Return the schema of an app's derived operations."""
    return build_schema(catalogue, cast("MirrorResolver", None)).as_str()


def members(text: str) -> Members:
    """Return the fields of each type, each with its type and its arguments; and the values of each enum."""
    found: Members = {}
    for node in cast("list[Any]", parse(text).definitions):
        of = found.setdefault(node.name.value, {})
        for field in getattr(node, "fields", None) or ():
            arguments = {one.name.value: print_ast(one.type) for one in getattr(field, "arguments", None) or ()}
            of[field.name.value] = (print_ast(field.type), arguments)
        for value in getattr(node, "values", None) or ():
            of[value.name.value] = ()
    return found


def missing(catalogue: Catalogue, golden: str) -> Members:
    """Return the members of a golden schema that an app's schema lacks, or has otherwise."""
    ours = members(printed(catalogue))
    return {
        name: lacking
        for name, of in members(golden).items()
        if (lacking := {field: is_ for field, is_ in of.items() if ours.get(name, {}).get(field, ...) != is_})
    }


def added(catalogue: Catalogue, golden: str) -> dict[str, set[str]]:
    """Return the members that an app's schema has beyond a golden one, of the types in that one."""
    ours = members(printed(catalogue))
    return {name: more for name, of in members(golden).items() if (more := ours.get(name, {}).keys() - of.keys())}
