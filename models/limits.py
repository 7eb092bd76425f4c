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
        may_be_zero: whether a limit of 0 makes sense.
    """

    meaning: str
    code: str
    may_be_zero: bool = False


class LimitSet:
    """The base of dataclasses of limits, which are settings."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Check that each limit lets something through.

        Raises:
            ValueError: a limit makes no sense.
        """
        for name, (_, info) in declared_limits(type(self)).items():
            value = getattr(self, name)
            if value < 0 or (value == 0 and not info.may_be_zero):
                least = "0 or more" if info.may_be_zero else "more than 0"
                raise ValueError(f"{name} must be {least}, not {value}")


def limit(default: _T, meaning: str, *, code: str, may_be_zero: bool = False) -> _T:
    """Declare a field of a `LimitSet`; its arguments are those of `LimitInfo`.

    Example:
        >>> @dataclass(frozen=True)
        ... class Limits(LimitSet):
        ...     rows: int = limit(2_000, "rows to be read, with every page full", code="ValidationError")
    """
    declared: Any = field(default=default, metadata={_KEY: LimitInfo(meaning, code, may_be_zero)})
    return declared  # type: ignore[no-any-return]  # as `dataclasses.field` does: what it returns becomes the field


def declared_limits(limits: type) -> dict[str, tuple[Field[Any], LimitInfo]]:
    """Return the limits that a dataclass declares, by the names of their fields."""
    return {one.name: (one, one.metadata[_KEY]) for one in fields(limits) if _KEY in one.metadata}


@dataclass(frozen=True, slots=True)
class FixedLimit:
    """A limit that is no setting.

    Args:
        topic: what it is about, such as "bookings".
        value: the limit.
        info: what it means.
    """

    topic: str
    value: object
    info: LimitInfo


_fixed: list[FixedLimit] = []


def fixed_limit(value: _T, meaning: str, *, topic: str, code: str) -> _T:
    """Return the value of a limit that is no setting, once it is listed; `FixedLimit` explains the arguments.

    Example:
        >>> MOST_BOOKINGS = fixed_limit(
        ...     96, "bookings of a provider on one day", topic="bookings", code="SLOT_TAKEN"
        ... )
    """
    _fixed.append(FixedLimit(topic, value, LimitInfo(meaning, code)))
    return value


def all_fixed_limits() -> list[FixedLimit]:
    """Return the fixed limits of the modules that were imported, by topic."""
    return sorted(_fixed, key=lambda one: (one.topic, one.info.meaning))
