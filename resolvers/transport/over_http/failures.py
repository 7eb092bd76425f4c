"""The answers to requests that failed as a whole, outside of any field."""

from collections.abc import Mapping
from typing import Any

from cross_web import HTTPException
from graphql import GraphQLError
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response

from models.errors import UnavailableError
from resolvers.identity.keys import IssuerUnreachableError, UnauthenticatedError
from resolvers.rates.rates import RateLimitedError
from resolvers.transport.security_events import log_refusal, log_sign_in_refusal
from schema.documents.trusted import UntrustedDocumentError
from schema.errors import (
    MALFORMED_REQUEST,
    RETRY_AFTER,
    SERVICE_UNAVAILABLE,
    AppSyncError,
    NotAvailableError,
    ReportedError,
    error_body,
    mask,
)

# amplify-js repeats what is answered with 5xx; others learn when to.
_UNAVAILABLE = 503
_RETRY = {"retry-after": str(RETRY_AFTER)}
METHOD_NOT_ALLOWED = 405
# RFC 9110 wants the methods of the endpoint named; a GET opens GraphiQL.
_ALLOW = {"allow": "GET, POST"}


def failure_of(error: Exception) -> Response:
    """Return the answer to a request that failed; an unexpected error is logged, and masked by a number."""
    match error:
        case IssuerUnreachableError() | UnavailableError():
            return _unavailability(error)
        case UnauthenticatedError():
            log_sign_in_refusal(error)
            return failure(401, "UnauthorizedException", str(error))
        case UntrustedDocumentError() | RateLimitedError():
            log_refusal(error, None)
            return _refusal(error)
        case HTTPException():
            headers = _ALLOW if error.status_code == METHOD_NOT_ALLOWED else None
            return failure(error.status_code, MALFORMED_REQUEST, error.reason, headers=headers)
        case ClientDisconnect():
            return failure(400, MALFORMED_REQUEST, "The request broke off")
        case _:
            masked = mask(error)
            return failure(500, masked.error_type, str(masked), masked.info)


def _unavailability(error: IssuerUnreachableError | UnavailableError) -> Response:
    if isinstance(error, UnavailableError):
        return failure(_UNAVAILABLE, SERVICE_UNAVAILABLE, str(error), NotAvailableError(error).info, _RETRY)
    # Not 401, because clients sign their users out for that.
    retry = {"retry-after": str(error.retry_after)}
    return failure(_UNAVAILABLE, SERVICE_UNAVAILABLE, str(error), None, retry)


def _refusal(error: AppSyncError) -> Response:
    if not isinstance(error, RateLimitedError):
        return failure(400, error.error_type, str(error))
    retry = {"retry-after": str(error.retry_after)}  # amplify-js repeats the request
    return failure(429, error.error_type, str(error), error.info, retry)


def failure(
    status: int,
    error_type: str,
    message: str,
    info: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an answer without data, in AppSync's shape."""
    return JSONResponse(
        error_body(error_type, message, info),
        status_code=status,
        headers={"x-amzn-ErrorType": error_type, **(headers or {})},
    )


def mark_unavailable(response: Response, errors: list[GraphQLError] | None, *, is_keyed: bool) -> None:
    """Give an answer the status that makes clients repeat the request, if AWS did not answer one of its fields.

    Args:
        response: the answer.
        errors: its errors.
        is_keyed: whether an Idempotency-Key tells a repetition from another request. Without one, what may have
            been done is not to be repeated by a client that has not read the answer.
    """
    reported = [error for error in errors or () if isinstance(error, ReportedError)]
    unavailable = [error for error in reported if error.error_type == SERVICE_UNAVAILABLE]
    may_be_done = any(error.error_info["outcomeIsUnknown"] for error in unavailable)
    if unavailable and (is_keyed or not may_be_done):
        response.status_code = _UNAVAILABLE
        response.headers.update(_RETRY)
