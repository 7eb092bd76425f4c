"""What a request asks for: an operation in its body, or in its URL; or the page for browsers."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from cross_web import HTTPException
from starlette.requests import Request
from starlette.types import Scope
from strawberry.http import GraphQLRequestData

from resolvers.middleware.indexed_headers import IndexedHeaders, request_headers
from resolvers.transport.payloads import payload_problem, with_trusted_text
from schema.documents.trusted import TrustedDocuments
from schema.unstorable import parse_json

ANSWERED_AS = "application/json"
# Some clients say `application/graphql` and send JSON. What a form can send (text/plain, say) is not taken: a
# browser sends it for any page, without asking us first.
_JSON = frozenset(
    (ANSWERED_AS, "application/graphql", "application/graphql+json", "application/graphql-response+json")
)
_PLAIN = b"identity"  # the Content-Encoding of a body that is sent as it is
# In these words, and with status 200, clients of Apollo and urql understand that they must send the query itself.
_NOT_PERSISTED = "PersistedQueryNotSupported"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_operation(headers: IndexedHeaders, body: bytes, trusted: TrustedDocuments | None) -> GraphQLRequestData:
    """Return the operation that a request's body holds as JSON, which may be named in any of `_JSON`.

    Raises:
        HTTPException: the body is no operation, or its content has another type or encoding.
        UntrustedDocumentError: it names a trusted document that there is not.
    """
    encoding = headers.first.get(b"content-encoding", _PLAIN)
    if encoding.lower() != _PLAIN:
        named = encoding.decode("latin-1")
        raise HTTPException(415, f"Unsupported content encoding: send the operation as it is, not as {named}")
    if _media_type(headers.first.get(b"content-type", b"")) not in _JSON:
        raise HTTPException(400, f"Unsupported content type: send the operation as JSON, as {ANSWERED_AS}")
    try:
        payload = parse_json(body.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError as error:
        raise HTTPException(400, f"Unable to parse the request's body as JSON: {error}") from error
    if not isinstance(payload, dict):
        raise HTTPException(400, "A request is one JSON object")
    if not isinstance(payload.get("query"), str):
        payload = with_trusted_text(payload, trusted)
        if _has_only_a_hash(payload):
            raise HTTPException(200, _NOT_PERSISTED)
    if (problem := payload_problem(payload)) is not None:
        raise HTTPException(400, problem)
    return GraphQLRequestData(payload["query"], payload.get("variables"), payload.get("operationName"), None)


def operation_in_url(scope: Scope) -> GraphQLRequestData:
    """Return the operation that a GET names, which is not run."""
    params = Request(scope).query_params
    return GraphQLRequestData(params.get("query"), None, params.get("operationName"), None)


def asks_for_page(scope: Scope) -> bool:
    """Return whether a GET is a browser's that asks for a page, and not for an operation's answer."""
    if "query" in Request(scope).query_params:
        return False
    accepted = request_headers(scope).get("accept", "")
    return "text/html" in accepted or "*/*" in accepted


@lru_cache(maxsize=16)  # clients write it in few ways
def _media_type(value: bytes) -> str:
    """Return the type in a Content-Type, without its parameters."""
    return value.decode("latin-1").partition(";")[0].strip().lower()


def _has_only_a_hash(payload: Mapping[str, Any]) -> bool:
    """Return whether a client sent a query's hash instead of the query, to save sending it again."""
    match payload:
        case {"query": str()}:
            return False
        case {"extensions": {"persistedQuery": _}}:
            return True
    return False
