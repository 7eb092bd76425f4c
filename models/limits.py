"""How limits are declared, so that the code that keeps one is also what documents it."""

from dataclasses import Field, dataclass, field, fields
from typing import Any, TypeVar

_T = TypeVar("_T")
_KEY = "limit"


@dataclass(frozen=True, slots=True)
class LimitInfo:
    """What a limit means to those who meet it.

    Args:
        meaning: what is limited, with its unit, such as "seconds for a request's headers".
        code: what a client gets beyond it: an `errorType`, an HTTP status or a socket's close code.
    """

    meaning: str
    code: str


def limit(default: _T, meaning: str, *, code: str) -> _T:
    """Declare a field of a frozen dataclass of limits; its arguments are those of `LimitInfo`.

    Example:
        >>> @dataclass(frozen=True)
        ... class Limits:
        ...     rows: int = limit(2_000, "rows to be read, with every page full", code="ValidationError")
    """
    declared: Any = field(default=default, metadata={_KEY: LimitInfo(meaning, code)})
    return declared  # type: ignore[no-any-return]  # as `dataclasses.field` does: what it returns becomes the field


def declared_limits(limits: type) -> dict[str, tuple[Field[Any], LimitInfo]]:
    """Return the limits that a dataclass declares, by the names of their fields."""
    return {one.name: (one, one.metadata[_KEY]) for one in fields(limits) if _KEY in one.metadata}


_fixed: list[type] = []


def fixed_limits(limits: type[_T]) -> type[_T]:
    """Mark a dataclass of limits that are no settings, so that they are listed all the same.

    Example:
        >>> @fixed_limits
        ... @dataclass(frozen=True)
        ... class Fixed:
        ...     errors: int = limit(5, "errors that are shown of a document", code="the others are left out")
    """
    _fixed.append(limits)
    return limits


def all_fixed_limits() -> list[type]:
    """Return the dataclasses that were marked by `fixed_limits`, in the modules that were imported."""
    return sorted(_fixed, key=lambda limits: (limits.__module__, limits.__qualname__))
