"""What an operation takes is metered while it is answered: rows, values, bytes and errors.

Its cost was estimated before it ran (`schema.documents.cost`), but nobody knows then how long its texts and its
lists of scalars are, nor how many rows a resolver of our own returns.
"""

from dataclasses import dataclass
from typing import Any

from models.limits import LimitSet, limit
from schema.documents.limits import Limits
from schema.documents.sizes import size_of_texts
from schema.errors import AppSyncError

LIMIT_EXCEEDED = "LimitExceeded"
EXECUTION_TIMEOUT = "ExecutionTimeout"
# Errors that end an operation which has begun, so that a mutation may have been done.
ENDED = frozenset({LIMIT_EXCEEDED, EXECUTION_TIMEOUT})
# The rest of an error: its type, places and info.
_ERROR_BYTES = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLimits(LimitSet):
    """How large an answer may become, and how long it may take."""

    bytes: int = limit(5_000_000, "bytes of an answer, counted while it is put together", code=LIMIT_EXCEEDED)
    errors: int = limit(500, "errors in an answer", code=LIMIT_EXCEEDED)
    seconds: float = limit(10.0, "seconds for a query, or for one event of a subscription", code=EXECUTION_TIMEOUT)


class OverBudgetError(Exception):
    """An answer is over a limit; the operation ends."""


class AnswerMeter:
    """Counts what an answer takes.

    Args:
        limits: of operations, for rows and values.
        answers: of answers.
    """

    def __init__(self, limits: Limits, answers: AnswerLimits) -> None:
        self._most_rows, self._most_values = limits.rows, limits.values
        self._most_bytes, self._most_errors = answers.bytes, answers.errors
        self._rows = self.values = self._bytes = self._errors = 0

    def add_object(self, rows: int, name_bytes: int) -> None:
        """Count an object: whether it is a row, and the bytes of its names in the answer.

        Raises:
            OverBudgetError: the answer is over a limit.
        """
        self._rows += rows
        self._bytes += name_bytes
        if self._rows > self._most_rows or self._bytes > self._most_bytes:
            raise self._error()

    def add_value(self, value: Any) -> None:
        """Count a value that is no object.

        Raises:
            OverBudgetError: the answer is over a limit.
        """
        self.values += 1
        if isinstance(value, str):
            self._bytes += size_of_texts((value,))
            if self._bytes > self._most_bytes:
                raise self._error()
        if self.values > self._most_values:
            raise self._error()

    def add_error(self, error: Exception, path: list[str | int]) -> None:
        """Count the error of a field, with its path, which is made of names that the client gave.

        Raises:
            OverBudgetError: the answer is over a limit.
        """
        self._errors += 1
        self._bytes += _ERROR_BYTES + len(str(error)) + sum(len(key) for key in path if isinstance(key, str))
        if self._errors > self._most_errors or self._bytes > self._most_bytes:
            raise self._error()

    def _error(self) -> OverBudgetError:
        if self._errors > self._most_errors:
            problem = f"at most {self._most_errors} errors"
        elif self._rows > self._most_rows:
            problem = f"at most {self._most_rows} rows"
        elif self.values > self._most_values:
            problem = f"at most {self._most_values} values, elements of lists included"
        else:
            problem = f"at most {self._most_bytes} bytes"
        return OverBudgetError(f"The answer is too large: {problem}")


def too_large(error: OverBudgetError, *, is_mutation: bool) -> AppSyncError:
    """Return the error of an operation whose answer is too large; a mutation has been done by then."""
    way_out = (
        "this mutation has been done, and those behind it have not: do not send it again, but read by queries"
        if is_mutation
        else "ask for fewer fields, smaller pages or fewer rows"
    )
    return AppSyncError(f"{error}; {way_out}", error_type=LIMIT_EXCEEDED)


def too_slow(seconds: float) -> AppSyncError:
    """Return the error of an operation that took too long."""
    message = f"The operation took longer than {seconds:g} seconds; ask for less, or try again later"
    return AppSyncError(message, error_type=EXECUTION_TIMEOUT)
