"""Who keeps a member's hours, and what is said while it is not us."""

from models.custody import Custody, custody_refusal
from models.errors import Code


def test_who_is_here_is_refused_nothing() -> None:
    assert custody_refusal({"fromUserId": None, "toUserId": None}) is None
    assert custody_refusal({}) is None


def test_the_refusal_names_the_field_and_the_way_out() -> None:
    refusal = custody_refusal({"fromUserId": None, "toUserId": Custody.FORMER_APP})
    assert refusal is not None
    assert refusal.code is Code.HOURS_NOT_HERE_YET
    assert refusal.message == (
        "toUserId: this member's hours are still kept by the former app; use that app for them until the member "
        "is moved here."
    )
    assert refusal.facts == {"field": "toUserId", "custody": "FORMER_APP"}
