"""Why a member cannot be erased now: a line for each reason, which says what to do."""

from typing import Any

import pytest

from models.hours import ZERO
from models.privacy.hindrances import hindrances
from models.privacy.traces import OPEN_MATTERS
from tests.unit.builders import hours

REQUESTS, DISPUTES, BOOKINGS = OPEN_MATTERS


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"is_here": False}, "The former app keeps their hours: erase them there, or move them here first."),
        (
            {"escrowed": hours("2")},
            "2.00 hours of theirs are held: let the requests that hold them end first.",
        ),
        (
            {"available": hours("1.5")},
            "They have 1.50 hours: let them give these away (processDirectTransfer), or take them back as an ",
        ),
        (
            {"open_ids": {REQUESTS: ["1", "2"]}},
            "They have open requests: 1, 2; let them end, cancel or withdraw them, or use cancelEscrow.",
        ),
        ({"open_ids": {DISPUTES: list("12345")}}, "They have open disputes: 1, 2, 3, 4, 5; decide them by "),
        (
            {"open_ids": {BOOKINGS: list("1234567")}},
            "They have open bookings: 1, 2, 3, 4, 5 and 2 more; complete or cancel them.",
        ),
    ],
)
def test_each_reason_has_a_line(changes: dict[str, Any], line: str) -> None:
    given: dict[str, Any] = {"available": ZERO, "escrowed": ZERO, "is_here": True, "open_ids": {}}
    (found,) = hindrances(**{**given, **changes})
    assert found.startswith(line)
    assert found.endswith((".", "administrator (ADMIN_ADJUSTMENT)."))
    assert list(hindrances(**given)) == []
