"""The payloads of requests and responses, which are the same over every transport."""

from collections.abc import Mapping
from typing import Any

from strawberry.http import GraphQLHTTPResponse
from strawberry.types import ExecutionResult

from schema.errors import report
from schema.unstorable import unstorable, unstorable_in_document

# graphql-core takes some 15 µs to coerce a value of a filter, which blocks the event loop. The largest sensible
# input, a row with long lists, has fewer values.
VALUES = 5_000
_VALUE_BYTES = 8  # of punctuation, or of a number
_PARTS = ("operationName", "variables")  # in which nothing may be that cannot be stored, beside the document


def payload_problem(payload: Mapping[str, Any]) -> str | None:
    """Return what is wrong with an operation's payload, None if it is valid.

    Args:
        payload: the client's JSON, in which `schema.unstorable.parse_json` may have left what cannot be stored.
    """
    if not isinstance(payload.get("query"), str):
        return "The operation's `query` must be a string"
    if not isinstance(payload.get("operationName"), str | None):
        return "The operation's `operationName` must be a string or null"
    variables = payload.get("variables")
    if not isinstance(variables, dict | None):
        return "The operation's `variables` must be an object or null"
    if variables and _has_more_values(variables, VALUES):
        return f"The operation's `variables` may hold {VALUES} values at most"
    found = unstorable_in_document(payload["query"]) or unstorable({part: payload.get(part) for part in _PARTS})
    return None if found is None else f"The operation has {found}"


def size_of(variables: Any) -> int:
    """Return about how many bytes variables take as JSON."""
    size = 0
    remaining = [variables]
    while remaining:
        match remaining.pop():
            case dict() as members:
                size += sum(map(len, members))
                remaining.extend(members.values())
            case list() as members:
                remaining.extend(members)
            case str() as text:
                size += len(text)
        size += _VALUE_BYTES
    return size


def response_of(result: ExecutionResult) -> GraphQLHTTPResponse:
    """Return a result in its wire form; `data` comes first, as in AppSync's responses."""
    response: GraphQLHTTPResponse = {"data": result.data}
    if result.errors:
        response["errors"] = [report(error).formatted for error in result.errors]
    return response


def _has_more_values(whole: dict[str, Any], limit: int) -> bool:
    """Return whether JSON holds more values than `limit`, at which the counting stops."""
    remaining: list[dict[str, Any] | list[Any]] = [whole]
    count = 0
    while remaining:
        inner = remaining.pop()
        members = inner.values() if isinstance(inner, dict) else inner
        count += len(members)
        if count > limit:
            return True
        remaining.extend(member for member in members if isinstance(member, dict | list))
    return False
