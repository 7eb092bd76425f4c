"""What a request's payload must look like, whichever transport brought it, and what its response looks like."""

from collections.abc import Mapping
from typing import Any

from strawberry.http import GraphQLHTTPResponse
from strawberry.types import ExecutionResult

from schema.errors import report

# graphql-core takes some 15 µs to coerce a value of a filter, and the event loop waits for it; the largest input
# that makes sense, a row with long lists, stays below.
VALUES = 5_000


def payload_problem(payload: Mapping[str, Any]) -> str | None:
    """Say what is wrong with an operation's payload, None if it may be run."""
    if not isinstance(payload.get("query"), str):
        return "The operation's `query` must be a string"
    if not isinstance(payload.get("operationName"), str | None):
        return "The operation's `operationName` must be a string or null"
    variables = payload.get("variables")
    if not isinstance(variables, dict | None):
        return "The operation's `variables` must be an object or null"
    if variables and _has_more_values(variables, VALUES):
        return f"The operation's `variables` may hold {VALUES} values at most"
    return None


def response_of(result: ExecutionResult) -> GraphQLHTTPResponse:
    """Return a result's wire form; `data` comes first, as AppSync has it."""
    response: GraphQLHTTPResponse = {"data": result.data}
    if result.errors:
        response["errors"] = [report(error).formatted for error in result.errors]
    return response


def _has_more_values(whole: dict[str, Any], limit: int) -> bool:
    """Tell whether JSON holds more than so many values; counting stops at the limit."""
    ahead: list[dict[str, Any] | list[Any]] = [whole]
    count = 0
    while ahead:
        inner = ahead.pop()
        members = inner.values() if isinstance(inner, dict) else inner
        count += len(members)
        if count > limit:
            return True
        ahead.extend(member for member in members if isinstance(member, dict | list))
    return False
