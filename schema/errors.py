"""The errors that clients see, in AppSync's shape, on every transport.

    AppSyncError
    ├── UnauthorizedError       this caller may not do this
    ├── InvalidInputError       invalid arguments; the message says which, and what is valid
    ├── ConditionalCheckError   the stored row does not meet the condition of a write
    ├── NotServedError          this server does not do what the app's schema asks for
    ├── FunctionError           a function of the app failed, or took too long
    ├── NotAvailableError       AWS does not answer, or has no capacity left
    └── RefusedError            a business rule refused, with its code and facts

Everything else is masked: the client gets a correlation id, the log gets the error.
"""

import re
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import structlog
from botocore.exceptions import BotoCoreError, ClientError
from graphql import GraphQLError, ValueNode
from strawberry import Info
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import InvalidOperationTypeError

from models.correlation import correlation_id
from models.errors import Code, ContentionError, Refusal, UnavailableError
from models.storage.outages import is_silence, is_throttling
from models.storage.sent_calls import was_any_sent
from schema.rejections import explained, rejection_of
from schema.strawberry_internals import ErrorReplacement, resolved_field

_log = structlog.get_logger(__name__)

# Characters before a value in which its name is looked for: the search takes quadratic time.
_BEFORE = 200
# The longest message; of a longer one clients see the beginning and the end. In between stands a value they sent.
_MESSAGE = 300
_BEGINNING, _END = 160, 120
# AppSync's own name for an unexpected error.
INTERNAL_FAILURE = "InternalFailure"
SERVICE_UNAVAILABLE = "ServiceUnavailable"
# What graphql-core says where a type requires a value that its row does not have.
_MISSING = re.compile(r"Cannot return null for non-nullable field (?P<field>\w+\.\w+)\.")
# AppSync's own name for what is no valid request.
MALFORMED_REQUEST = "MalformedHttpRequestException"
# Seconds after which a client may try again; AWS is tried again sooner.
RETRY_AFTER = 1


def error_body(error_type: str, message: str, info: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the body of an answer to a request that failed as a whole."""
    return {"message": message, "errors": [{"errorType": error_type, "errorInfo": info, "message": message}]}


class AppSyncError(Exception):
    """A failure that clients may see.

    Args:
        message: what happened and what to do, for people.
        error_type: the kind, for programs.
        info: facts, for programs.
    """

    def __init__(self, message: str, *, error_type: str, info: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.info = info


class UnauthorizedError(AppSyncError):
    """This caller may not do this."""

    def __init__(self, message: str, *, info: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, error_type="Unauthorized", info=info)

    @classmethod
    def of(cls, info: Info[Any, Any]) -> "UnauthorizedError":
        """Return the error for the field that is being resolved, in AppSync's words."""
        type_name, field = resolved_field(info)
        return cls(f"Not Authorized to access {field} on type {type_name}")


class InvalidInputError(AppSyncError):
    """The arguments are invalid; the message names the field and says what is valid."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message, error_type="BadRequest", info=None if field is None else {"field": field})


class ConditionalCheckError(AppSyncError):
    """The stored row does not meet the condition of a write; nothing was written."""

    def __init__(self) -> None:
        super().__init__("The conditional request failed", error_type="DynamoDB:ConditionalCheckFailedException")


class NotServedError(AppSyncError):
    """This server does not do what the schema of an imported app asks for; the list at the start says so, too."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field} is not served: {reason}", error_type="NotServed", info={"field": field})


class FunctionError(AppSyncError):
    """A function of the app, which answers a field, failed or took too long; the log says more."""

    def __init__(self, message: str, *, function: str) -> None:
        super().__init__(message, error_type="Lambda:Unhandled", info={"function": function})


class NotAvailableError(AppSyncError):
    """AWS does not answer; the client sends the request again after `RETRY_AFTER` seconds."""

    def __init__(self, error: UnavailableError) -> None:
        info = {"retryAfterSeconds": RETRY_AFTER, "outcomeIsUnknown": error.is_outcome_unknown}
        super().__init__(str(error), error_type=SERVICE_UNAVAILABLE, info=info)


class RefusedError(AppSyncError):
    """A business rule refused: its code becomes `errorType`, its facts become `errorInfo`."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message, error_type=refusal.code, info=dict(refusal.facts))


class OverLimitError(GraphQLError):
    """A document or an operation asks for more than a limit allows."""


class ReportedError(GraphQLError):
    """An error in AppSync's shape: `errorType` and `errorInfo` are on the error itself."""

    error_type: str
    error_info: Any
    is_over_limit: bool = False

    @property
    def formatted(self) -> Any:
        """Return the error's wire form."""
        return {
            "path": self.path,
            "data": None,
            "errorType": self.error_type,
            "errorInfo": self.error_info,
            "locations": [
                {"line": place.line, "column": place.column, "sourceName": None} for place in self.locations or ()
            ],
            "message": self.message,
        }


class AppSyncErrors(ErrorReplacement):
    """An extension that gives every error AppSync's shape; unexpected ones are masked and logged."""

    def __init__(self) -> None:
        super().__init__(report)


def report(error: GraphQLError) -> ReportedError:
    """Return an error as clients may see it; an unexpected one is masked and logged, once."""
    if isinstance(error, ReportedError):
        return error
    cause = _cause(error)
    if cause is None:
        invalid = _reported(error, f"{error.message}{_place(error)}", "ValidationError", None)
        invalid.is_over_limit = isinstance(error, OverLimitError)
        return invalid
    shown = _error_for_client(cause) or _missing_error(cause) or mask(cause, path=error.path)
    return _reported(error, str(shown), shown.error_type, shown.info)


def detached(error: GraphQLError) -> ReportedError:
    """Return an error as clients may see it that does not keep its document in memory, as an error's nodes do."""
    shown = report(error)
    place = GraphQLError(shown.message, source=error.source, positions=error.positions, path=error.path)
    kept = _reported(place, shown.message, shown.error_type, shown.error_info)
    kept.is_over_limit = shown.is_over_limit
    return kept


def _error_for_client(cause: BaseException) -> AppSyncError | None:
    """Return the error that clients see for an exception, None if it is an unexpected one."""
    match cause:
        case AppSyncError():
            return cause
        case InvalidOperationTypeError():
            only = "Only subscriptions run here; a query or a mutation is sent by POST"
            return AppSyncError(only, error_type="UnsupportedOperation")
        case ContentionError():
            return AppSyncError(str(cause), error_type=Code.CONTENTION)
        case UnavailableError() | ClientError() | BotoCoreError() if unavailable := _unavailability(cause):
            return NotAvailableError(unavailable)
        case ClientError() if (reason := rejection_of(cause)) is not None:
            _log.warning("DynamoDB rejected a client's values", reason=reason)
            text, field = explained(reason)
            return InvalidInputError(text, field=field)
    return None


def _missing_error(cause: BaseException) -> AppSyncError | None:
    """Return the error for a stored row that lacks a field which its type requires; None for any other failure."""
    missing = _MISSING.fullmatch(str(cause)) if isinstance(cause, TypeError) else None
    if missing is None:
        return None
    field = missing["field"]
    _log.error("a stored row lacks a required field", field=field)
    message = f"Cannot return null for non-nullable field {field}: the stored row has no value for it."
    return AppSyncError(message, error_type=INTERNAL_FAILURE, info={"field": field})


def _unavailability(cause: BaseException) -> UnavailableError | None:
    """Return what it means that AWS does not answer, if that is why a call failed."""
    if isinstance(cause, UnavailableError):
        is_unknown = cause.is_outcome_unknown
    elif (is_unknown := is_silence(cause)) or is_throttling(cause):
        pass
    else:
        return None
    # A read that fails after a write does not undo it.
    return UnavailableError(is_outcome_unknown=is_unknown or was_any_sent())


def report_any(error: Exception) -> ReportedError:
    """Return an error that was raised outside of any field as clients may see it; see `report`."""
    if isinstance(error, GraphQLError):
        return report(error)
    return report(GraphQLError(str(error), original_error=error))


def mask(error: BaseException, **place: Any) -> AppSyncError:
    """Log an unexpected error, and return the error that clients see instead.

    Args:
        error: what happened.
        place: where it happened, for the log.
    """
    # The request's id, in each of its lines and in its answer.
    quoted = correlation_id() or str(uuid4())
    _log.error("unexpected error", correlation_id=quoted, exc_info=error, **place)
    return AppSyncError(
        f"Something went wrong on our side; when you report it, quote {quoted}",
        error_type=INTERNAL_FAILURE,
        info={"correlationId": quoted},
    )


def _cause(error: GraphQLError) -> BaseException | None:
    """Return the exception behind an error, None if the document or its variables are invalid."""
    cause: BaseException | None = error
    while isinstance(cause, GraphQLError):
        cause = cause.original_error
    if isinstance(cause, MissingQueryError):  # the client's mistake
        return None
    if error.path is None:
        # A ValueError with a place in the document is a scalar's refusal of a value; any other is our bug.
        return None if error.nodes and isinstance(cause, ValueError) else cause
    return error if cause is None else cause  # without a cause, a stored row does not fit its type


def _reported(error: GraphQLError, message: str, error_type: str, info: Any) -> ReportedError:
    reported = ReportedError(
        _cut(message), nodes=error.nodes, source=error.source, positions=error.positions, path=error.path
    )
    reported.error_type = error_type
    reported.error_info = info
    return reported


def _cut(message: str) -> str:
    return message if len(message) <= _MESSAGE else f"{message[:_BEGINNING]} … {message[-_END:]}"


def _place(error: GraphQLError) -> str:
    """Return " (at NAME)", the field or argument of a value that stands in the document; graphql-core omits it."""
    node = error.nodes[0] if error.nodes else None
    if not isinstance(node, ValueNode) or node.loc is None:
        return ""
    before = node.loc.source.body[max(0, node.loc.start - _BEFORE) : node.loc.start]
    named = re.search(r"(\w+)\s*:\s*\[?\s*$", before)
    return f" (at {named[1]})" if named else ""
