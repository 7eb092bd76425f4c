"""Which failures of a transaction are transient, and for how long it is retried."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as UnreachableError
from tenacity import AsyncRetrying, RetryError, retry_if_exception, stop_after_delay, wait_random_exponential

from models.errors import ContentionError, HourBankError
from models.storage.calls import Calls

_T = TypeVar("_T")

# After this long the caller is told CONTENTION, which it repeats and never compensates.
PATIENCE_SECONDS = 20.0

_TRANSIENT_CODES = frozenset(
    {
        "TransactionInProgressException",
        "TransactionConflictException",
        # The token was used with other content: an earlier try of ours got through, or is about to.
        "IdempotentParameterMismatchException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "InternalServerError",
        "ServiceUnavailable",
    }
)
_TRANSIENT_REASONS = frozenset(
    {
        "None",
        "ConditionalCheckFailed",
        "TransactionConflict",
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
    }
)


def is_transient(error: BaseException) -> bool:
    """Tell whether a call failed for a reason that reading again and deciding again may get past."""
    if isinstance(error, (HTTPClientError, UnreachableError, MovedMeanwhileError)):
        return True
    if not isinstance(error, ClientError):
        return False
    code = error.response.get("Error", {}).get("Code", "")
    if code != "TransactionCanceledException":
        return code in _TRANSIENT_CODES
    reasons = error.response.get("CancellationReasons", [])
    return all(reason.get("Code", "None") in _TRANSIENT_REASONS for reason in reasons)


class MovedMeanwhileError(HourBankError):
    """The rows of a scene are of two moments: the request has moved since it was read."""


async def retry(calls: Calls, attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Repeat an attempt, with jitter, for as long as rows change under it or answers are lost.

    Raises:
        ContentionError: that went on for 20 s.
    """
    retrying = AsyncRetrying(
        sleep=calls.pause,
        retry=retry_if_exception(is_transient),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_random_exponential(multiplier=0.02, max=1),
    )
    try:
        return await retrying(attempt)
    except RetryError as error:
        raise ContentionError("the rows kept changing; nothing was done, try again") from error
