"""The messages of AppSync's real-time protocol: what clients send, understood, and what they are sent.

Amplify closes the whole socket over an error of type Unauthorized or UnauthorizedException. That is right for a
token that is no good, and wrong for a field that its caller may not listen to: this is NotAuthorizedForField here.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import GraphQLError
from starlette.websockets import WebSocket

from resolvers.identity.callers import UnauthenticatedError
from resolvers.transport.payloads import payload_problem
from schema.errors import AppSyncError, report_any

# For so long clients wait for a `ka` before they take the connection for dead.
_CONNECTION_TIMEOUT_MS = 300_000
_HEADER_SUBPROTOCOL = "header-"

Frame = Mapping[str, object]

KEEP_ALIVE: Frame = {"type": "ka"}
CONNECTION_ACK: Frame = {"type": "connection_ack", "payload": {"connectionTimeoutMs": _CONNECTION_TIMEOUT_MS}}


def start_ack(subscription: str) -> Frame:
    """Return what tells that a subscription listens."""
    return {"id": subscription, "type": "start_ack"}


def event(subscription: str, data: object, errors: list[GraphQLError] | None) -> Frame:
    """Return an event; with errors, of fields inside it, it still has its data."""
    payload = {"data": data}
    if errors:
        payload["errors"] = [report_any(error).formatted for error in errors]
    return {"id": subscription, "type": "data", "payload": payload}


def complete(subscription: str) -> Frame:
    """Return what tells that a subscription has ended."""
    return {"id": subscription, "type": "complete"}


def failure(subscription: str | None, *errors: Exception) -> Frame:
    """Return what tells why a subscription could not start or go on; without one, why a message was none."""
    frame: Frame = {"type": "error", "payload": {"errors": [_of_a_field(error) for error in errors]}}
    return frame if subscription is None else {"id": subscription, **frame}


def connection_error(error: AppSyncError, code: int) -> Frame:
    """Return what tells that the connection is refused; with a 400 or 401 clients do not try again."""
    refused = {"errorType": error.error_type, "errorCode": code, "message": str(error)}
    return {"type": "connection_error", "payload": {"errors": [refused]}}


def bad_request(message: str) -> AppSyncError:
    """Return the error for what is not of the protocol."""
    return AppSyncError(message, error_type="BadRequestException")


def unauthorized(error: UnauthenticatedError) -> AppSyncError:
    """Return the error for whom we do not know: the client shall sign in again, or refresh its token."""
    return AppSyncError(str(error), error_type="UnauthorizedException")


def _of_a_field(error: Exception) -> dict[str, Any]:
    formatted: dict[str, Any] = report_any(error).formatted
    if formatted["errorType"] == "Unauthorized":
        formatted["errorType"] = "NotAuthorizedForField"
    return formatted


def headers_of(websocket: WebSocket) -> Mapping[str, object]:
    """Return the headers that a client put into a subprotocol, as it does now, or into the query, as it once did.

    Raises:
        AppSyncError: they cannot be read.
    """
    for subprotocol in websocket.scope["subprotocols"]:
        if subprotocol.startswith(_HEADER_SUBPROTOCOL):
            return _decoded(subprotocol.removeprefix(_HEADER_SUBPROTOCOL))
    in_query = websocket.query_params.get("header")
    # Those clients do not escape what they put into the query, where a plus stands for a space.
    return {} if in_query is None else _decoded(in_query.replace(" ", "+"))


def _decoded(text: str) -> Mapping[str, object]:
    """Return the object that base64 or base64url stands for, padded or not."""
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
    """What a subscription is to be.

    Args:
        query: its document.
        variables: their values.
        operation_name: which of its operations is meant, if it has several.
        authorization: the headers that prove who asks for it.
    """

    query: str
    variables: dict[str, Any] | None
    operation_name: str | None
    authorization: Mapping[str, object]

    @classmethod
    def of(cls, payload: object) -> "Start":
        """Return what the payload of a `start` message asks for.

        Raises:
            AppSyncError: it lacks something.
            GraphQLError: its operation is none.
        """
        match payload:
            case {"data": str(data), "extensions": {"authorization": dict(authorization)}}:
                operation = _operation(data)
                named = operation.get("operationName")
                return cls(operation["query"], operation.get("variables"), named, authorization)
        raise bad_request(
            "A start's payload is {data, extensions: {authorization}}: the operation as a JSON string, and headers"
        )


def _operation(data: str) -> dict[str, Any]:
    try:
        operation = orjson.loads(data)
    except orjson.JSONDecodeError:
        operation = None
    if not isinstance(operation, dict):
        raise bad_request("The start's `data` must be a string of JSON: {query, variables}")
    if (fault := payload_problem(operation)) is not None:
        raise GraphQLError(fault)
    return operation
