"""The messages of AppSync's real-time protocol: parsing the client's, and building the server's.

Amplify closes the whole socket over an error of type Unauthorized or UnauthorizedException. That is right for an
invalid token, but not for a field that the caller may not subscribe to, whose error is NotAuthorizedForField here.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.websockets import WebSocket

from resolvers.identity.keys import UnauthenticatedError
from resolvers.transport.payloads import payload_problem, with_trusted_text
from schema.documents.trusted import TrustedDocuments
from schema.errors import AppSyncError, report_any
from schema.unstorable import parse_json, unstorable

# How long clients wait for a `ka` before they consider the connection dead.
_CONNECTION_TIMEOUT_MS = 300_000
_HEADER_SUBPROTOCOL = "header-"

Frame = Mapping[str, object]

KEEP_ALIVE: Frame = {"type": "ka"}
CONNECTION_ACK: Frame = {"type": "connection_ack", "payload": {"connectionTimeoutMs": _CONNECTION_TIMEOUT_MS}}


def start_ack(subscription: str) -> Frame:
    """Return the message that a subscription receives events from now on."""
    return {"id": subscription, "type": "start_ack"}


def event(subscription: str, data: object, errors: list[GraphQLError] | None) -> Frame:
    """Return an event's message; it has data even if some of its fields have errors."""
    payload = {"data": data}
    if errors:
        payload["errors"] = [report_any(error).formatted for error in errors]
    return {"id": subscription, "type": "data", "payload": payload}


def complete(subscription: str) -> Frame:
    """Return the message that a subscription has ended."""
    return {"id": subscription, "type": "complete"}


def failure(subscription: str | None, *errors: Exception) -> Frame:
    """Return the message why a subscription failed, or, without a subscription, why a message was refused."""
    frame: Frame = {"type": "error", "payload": {"errors": [_formatted(error) for error in errors]}}
    return frame if subscription is None else {"id": subscription, **frame}


def error_types(frame: Frame) -> Iterator[str]:
    """Yield the types of the errors that a message tells of."""
    match frame:
        case {"payload": {"errors": [*errors]}}:
            yield from (error["errorType"] for error in errors)


def connection_error(error: AppSyncError, code: int) -> Frame:
    """Return the message that the connection is refused; after a 400 or 401 clients do not reconnect."""
    refused = {"errorType": error.error_type, "errorCode": code, "message": str(error)}
    return {"type": "connection_error", "payload": {"errors": [refused]}}


def bad_request(message: str) -> AppSyncError:
    """Return the error for a message that breaks the protocol."""
    return AppSyncError(message, error_type="BadRequestException")


def unauthorized(error: UnauthenticatedError) -> AppSyncError:
    """Return the error for a caller who must sign in again, or refresh the token."""
    return AppSyncError(str(error), error_type="UnauthorizedException")


def _formatted(error: Exception) -> dict[str, Any]:
    formatted: dict[str, Any] = report_any(error).formatted
    if formatted["errorType"] == "Unauthorized":
        formatted["errorType"] = "NotAuthorizedForField"
    return formatted


def headers_of(websocket: WebSocket) -> Mapping[str, object]:
    """Return the headers that a client sent in a subprotocol, or, as older clients do, in the query string.

    Raises:
        AppSyncError: they are not a JSON object in base64.
    """
    for subprotocol in websocket.scope["subprotocols"]:
        if subprotocol.startswith(_HEADER_SUBPROTOCOL):
            return _decoded(subprotocol.removeprefix(_HEADER_SUBPROTOCOL))
    in_query = websocket.query_params.get("header")
    # Older clients do not escape the plus signs of base64, which then arrive as spaces.
    return {} if in_query is None else _decoded(in_query.replace(" ", "+"))


def _decoded(text: str) -> Mapping[str, object]:
    """Decode a JSON object from base64 or base64url, padded or not."""
    plain = text.translate(str.maketrans("-_", "+/"))
    try:
        headers = orjson.loads(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except (binascii.Error, ValueError):
        headers = None
    if not isinstance(headers, dict):
        raise bad_request("The connection's header must be base64url of a JSON object, {host, Authorization}")
    return headers


@dataclass(frozen=True, slots=True)
class Start:
    """The content of a `start` message.

    Args:
        query: the document.
        variables: its variables' values.
        operation_name: which of its operations to run, if it has several.
        authorization: the headers that identify the caller.
    """

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    authorization: Mapping[str, object]

    @classmethod
    def of(cls, payload: object, trusted: TrustedDocuments | None = None) -> "Start":
        """Parse the payload of a `start` message, which may name one of the trusted documents by its id.

        Raises:
            UntrustedDocumentError: there is no trusted document of that id.
            AppSyncError: a part is missing or malformed.
            GraphQLError: the operation's payload is invalid.
        """
        match payload:
            case {"data": str(data), "extensions": {"authorization": dict(authorization)}}:
                if (found := unstorable(authorization)) is not None:
                    raise bad_request(f"The start's authorization has {found}")
                operation = _operation(data, trusted)
                named = operation.get("operationName")
                return cls(operation["query"], operation.get("variables"), named, authorization)
        raise bad_request(
            "A start's payload is {data, extensions: {authorization}}: the operation as a JSON string, and headers"
        )


def _operation(data: str, trusted: TrustedDocuments | None) -> dict[str, Any]:
    try:
        operation = parse_json(data)
    except orjson.JSONDecodeError:
        operation = None
    if not isinstance(operation, dict):
        raise bad_request("The start's `data` must be a string of JSON: {query, variables}")
    operation = with_trusted_text(operation, trusted)
    if (problem := payload_problem(operation)) is not None:
        raise GraphQLError(problem)
    return operation
