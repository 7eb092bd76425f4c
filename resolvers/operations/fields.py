"""What the fields of our own operations share."""

from typing import TypeVar

from models.errors import Refusal
from schema.errors import RefusedError

_T = TypeVar("_T")


def accepted(outcome: _T | Refusal) -> _T:
    """Return what was done.

    Raises:
        RefusedError: the rules said no.
    """
    if isinstance(outcome, Refusal):
        raise RefusedError(outcome)
    return outcome
