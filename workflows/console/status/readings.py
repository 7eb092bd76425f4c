"""What a look at a deployment finds: readings, each with a verdict and with what mends it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from models.clock import to_text

_RUNBOOKS = "docs/runbooks"


class Verdict(StrEnum):
    """Whether somebody must look into a reading."""

    OK = "ok"
    LOOK = "look"


class Runbook(StrEnum):
    """The runbooks that readings lead to, by their names in docs/runbooks."""

    REDRIVE = "redrive"
    RECONCILE = "reconcile"
    STUCK_REQUEST = "stuck-request"
    STUCK_DISPUTE = "stuck-dispute"
    TROUBLESHOOTING = "troubleshooting"

    @property
    def path(self) -> str:
        """Return the runbook's file, from the root of the repository."""
        return f"{_RUNBOOKS}/{self.value}.md"


@dataclass(frozen=True, slots=True)
class Mend:
    """What mends whatever needs a look: a runbook and, if one command does it, that command of server.py."""

    runbook: Runbook
    command: str | None = None

    def line(self, *, on_aws: bool) -> str | None:
        """Return the command as it is typed; None if there is none."""
        if self.command is None:
            return None
        return f"python server.py {self.command}{' --aws' if on_aws else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One line of the status.

    Args:
        name: what was looked at.
        says: what was found, for people.
        values: the same for programs, as JSON's values.
        mend: what mends it; None if nothing needs a look.
    """

    name: str
    says: str
    values: Mapping[str, Any] = field(default_factory=dict)
    mend: Mend | None = None

    @property
    def verdict(self) -> Verdict:
        """Return whether somebody must look into it."""
        return Verdict.OK if self.mend is None else Verdict.LOOK


@dataclass(frozen=True, slots=True)
class Count:
    """How many there are; if not all were counted, there are more."""

    number: int
    is_all: bool = True

    def __str__(self) -> str:
        """Return it in words, such as "12" or "more than 100"."""
        return str(self.number) if self.is_all else f"more than {self.number}"

    def __add__(self, other: "Count") -> "Count":
        """Return how many there are in both places."""
        return Count(self.number + other.number, self.is_all and other.is_all)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All readings of one look at a deployment."""

    stack: str
    at: datetime
    readings: Sequence[Reading]
    on_aws: bool

    @property
    def verdict(self) -> Verdict:
        """Return whether anything needs a look."""
        return Verdict.LOOK if any(one.mend is not None for one in self.readings) else Verdict.OK

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "stack": self.stack,
            "at": to_text(self.at),
            "verdict": self.verdict.value,
            "readings": [self._reading_as_json(one) for one in self.readings],
        }

    def _reading_as_json(self, reading: Reading) -> dict[str, Any]:
        mend = reading.mend
        return {
            "name": reading.name,
            "verdict": reading.verdict.value,
            "says": reading.says,
            "values": dict(reading.values),
            "runbook": None if mend is None else mend.runbook.path,
            "command": None if mend is None else mend.line(on_aws=self.on_aws),
        }


def in_words(span: timedelta) -> str:
    """Return a duration in its largest unit, such as "3 days", "1 hour" or "0 seconds"."""
    seconds = max(0, int(span.total_seconds()))
    for name, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            return counted(seconds // size, name)
    return counted(seconds, "second")


def counted(number: int, name: str, names: str | None = None) -> str:
    """Return a number with a noun, such as "1 letter" or "2 letters"; `names` is a plural that takes no s."""
    return f"{number} {name if number == 1 else names or f'{name}s'}"
