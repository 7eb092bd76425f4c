"""The payloads of requests and responses, which are the same over every transport."""

from collections.abc import Iterable, Mapping
from typing import Any

from strawberry.http import GraphQLHTTPResponse
from strawberry.types import ExecutionResult

from models.limits import fixed_limit
from schema.documents.trusted import TrustedDocuments
from schema.errors import report
from schema.unstorable import unstorable, unstorable_in_document

# graphql-core takes some 15 µs to coerce a value of a filter, which blocks the event loop. The largest sensible
# input, a row with long lists, has fewer values.
VALUES = fixed_limit(5_000, "values in an operation's variables", topic="requests and sockets", code="400")
# The longest text that a field takes has half as many; what names a value in an error, or looks for the closest
# name that there is, looks at every character.
CHARACTERS = fixed_limit(
    100_000, "characters of a text or a name in an operation's variables", topic="requests and sockets", code="400"
)
_VALUE_BYTES = 8  # of punctuation, or of a number


def payload_problem(payload: Mapping[str, Any]) -> str | None:
    """Return what is wrong with an operation's payload, None if it is valid.

    Args:
        payload: the client's JSON, in which `schema.unstorable.parse_json` may have left what cannot be stored.
    """
    query, name, variables = payload.get("query"), payload.get("operationName"), payload.get("variables")
    if not isinstance(query, str):
        return "The operation's `query` must be a string"
    if name is not None and not isinstance(name, str):
        return "The operation's `operationName` must be a string or null"
    if variables is not None and not isinstance(variables, dict):
        return "The operation's `variables` must be an object or null"
    if name and len(name) > CHARACTERS:
        return f"The operation's `operationName` may have {CHARACTERS} characters at most"
    if variables and (problem := _variables_problem(variables)) is not None:
        return f"The operation's `variables` may hold {problem}"
    found = unstorable_in_document(query)
    if found is None and (name or variables):
        found = unstorable({"operationName": name, "variables": variables})
    return None if found is None else f"The operation has {found}"


def with_trusted_text(payload: dict[str, Any], trusted: TrustedDocuments | None) -> dict[str, Any]:
    """Return an operation's payload with the text of the trusted document that it names by an id instead.

    Args:
        payload: the client's JSON.
        trusted: the trusted documents; without any, the payload is returned as it is.

    Raises:
        UntrustedDocumentError: no trusted document has that id.
    """
    if trusted is None or isinstance(payload.get("query"), str):
        return payload
    match payload:
        case {"documentId": str(name)} | {"extensions": {"persistedQuery": {"sha256Hash": str(name)}}}:
            return {**payload, "query": trusted.text_of(name)}
    return payload


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


def _variables_problem(whole: dict[str, Any]) -> str | None:
    """Return what limit variables are over, at which the counting stops; None if they are within all limits."""
    remaining: list[dict[str, Any] | list[Any]] = [whole]
    count = 0
    while remaining:
        inner = remaining.pop()
        count += len(inner)
        if count > VALUES:
            return f"{VALUES} values at most"
        members: Iterable[Any] = inner
        if isinstance(inner, dict):
            if any(len(name) > CHARACTERS for name in inner):
                return f"names of {CHARACTERS} characters at most"
            members = inner.values()
        for member in members:
            if isinstance(member, str):
                if len(member) > CHARACTERS:
                    return f"texts of {CHARACTERS} characters at most"
            elif isinstance(member, dict | list):
                remaining.append(member)
    return None
