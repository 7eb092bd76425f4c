"""Which failures of a transaction are transient, and for how long it is retried."""

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as UnreachableError
from tenacity import AsyncRetrying, RetryError, retry_if_exception, stop_after_delay, wait_random_exponential

from models.errors import ContentionError, HourBankError
from models.limits import fixed_limit
from models.storage.calls import Calls

_T = TypeVar("_T")

# After this long the caller gets CONTENTION, upon which it retries and never compensates.
PATIENCE_SECONDS = fixed_limit(
    20.0,
    "seconds for which a change of an account is tried again while others change it",
    topic="accounts",
    code="CONTENTION",
)

# The first pause is at most this long; each further one may be twice as long as the one before.
_PAUSE_SECONDS = 0.02

_TRANSIENT_CODES = frozenset(
    {
        "TransactionInProgressException",
        "TransactionConflictException",
        # The token was used with other content: an earlier attempt of ours got through, or is about to.
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
    """Return whether a call failed for a transient reason: reading and deciding again may succeed."""
    if isinstance(error, (HTTPClientError, UnreachableError, StaleSnapshotError)):
        return True
    if not isinstance(error, ClientError):
        return False
    code = error.response.get("Error", {}).get("Code", "")
    if code != "TransactionCanceledException":
        return code in _TRANSIENT_CODES
    reasons = error.response.get("CancellationReasons", [])
    return all(reason.get("Code", "None") in _TRANSIENT_REASONS for reason in reasons)


class StaleSnapshotError(HourBankError):
    """The request has changed since it was read, so that the rows of the snapshot are of two moments."""


async def retry(calls: Calls, attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Retry an attempt, with jitter, while it fails for transient reasons: rows change, or responses are lost.

    Raises:
        ContentionError: it still failed after 20 s.
    """
    try:
        return await attempt()  # without tenacity, which adds 30 µs: most first attempts succeed
    except Exception as error:
        if not is_transient(error):
            raise
    await calls.pause(random.uniform(0, _PAUSE_SECONDS))  # noqa: S311 — no secret
    retrying = AsyncRetrying(
        sleep=calls.pause,
        retry=retry_if_exception(is_transient),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_random_exponential(multiplier=2 * _PAUSE_SECONDS, max=1),
    )
    try:
        return await retrying(attempt)
    except RetryError as error:
        raise ContentionError("the rows kept changing; nothing was done, try again") from error
