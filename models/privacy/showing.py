"""What of a row is shown to the member whom it is about: all but what is another's, or a key to anything."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from models.privacy.remains import Row, named
from models.privacy.traces import EVENT

# What a member is not told, by the field that does not name them: who complained about them, or acted on them.
_OTHERS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "Report": {"reporterId": ("reporterId", "description", "adminNotes")},
    EVENT: {"actorUserId": ("actorUserId",)},
    "UserBalance": {"lockedBy": ("lockedBy",)},
}
# The type's name; what says nothing about anybody; and the token with which a workflow could be moved on.
_UNSHOWN = frozenset({"__typename", "dueShard", "dueAt", "token"})


def shown(table: str, row: Row, member: str) -> dict[str, Any]:
    """Return a row as JSON has it, as far as it is the member's."""
    roles = _OTHERS.get(table, {})
    hidden = {name for field in roles if named(row, field) != member for name in roles[field]}
    return _members({name: wire for name, wire in row.items() if name not in hidden})


def _members(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    return {name: _plain(wire) for name, wire in sorted(values.items()) if name not in _UNSHOWN}


def _plain(wire: Mapping[str, Any]) -> Any:
    """Return a value as JSON has it."""
    ((kind, value),) = wire.items()
    if kind == "N":
        number = Decimal(value)
        return int(number) if number == number.to_integral_value() else float(number)
    if kind == "L":
        return [_plain(one) for one in value]
    if kind == "M":
        return _members(value)
    return None if kind == "NULL" else value
