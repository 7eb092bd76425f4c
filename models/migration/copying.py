"""Whether a row of the former app is copied here, and how it is merged with what is stored here already."""

from datetime import datetime
from typing import Any

from models.clock import from_text
from models.custody import Custody
from models.migration.former import Row

Item = dict[str, dict[str, Any]]
CUSTODY = "custody"


def copied_member(stored: Row | None, row: Row) -> Item | None:
    """Return a member's row as it is to be stored, with the former app as keeper of their hours; None if it stays.

    The row of a member whose hours are here is theirs, and stays.

    Args:
        stored: the row that is stored here; None if there is none.
        row: the former app's row, without nulls.
    """
    if stored is not None and CUSTODY not in stored:
        return None
    copied = copied_row(stored, row)
    return None if copied is None else {**copied, CUSTODY: {"S": Custody.FORMER_APP.value}}


def copied_row(stored: Row | None, row: Row) -> Item | None:
    """Return a row as it is to be stored; None if the one that is stored here is as new, or newer.

    Args:
        stored: the row that is stored here; None if there is none.
        row: the former app's row, without nulls.
    """
    # Not compared as texts: the former app writes moments with any fraction of a second.
    if stored is not None and _updated_at(stored) >= _updated_at(row):
        return None
    # What only our table knows, such as the id of a rating, is kept.
    return {name: dict(wire) for name, wire in {**(stored or {}), **row}.items()}


def _updated_at(row: Row) -> datetime:
    return from_text(row["updatedAt"]["S"])
