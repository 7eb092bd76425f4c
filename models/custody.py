"""Custody: which app keeps a member's hours while members move here from the app that HourBank replaces.

Until a member is taken over, the former app keeps their hours, and here nobody can spend or send them any. Members
who joined here, or were taken over, have no custody in their row: their hours are here.
"""

from collections.abc import Mapping
from enum import StrEnum

from models.errors import Code, Refusal


class Custody(StrEnum):
    """Who keeps a member's hours, if it is not HourBank."""

    FORMER_APP = "FORMER_APP"


def custody_refusal(members: Mapping[str, Custody | None]) -> Refusal | None:
    """Return the refusal of a movement of hours if the former app keeps the hours of one of its members.

    Args:
        members: the custody of each member, by the name of the input's field that names the member.
    """
    for field, custody in members.items():
        if custody is not None:
            return Refusal(
                Code.HOURS_NOT_HERE_YET,
                f"{field}: this member's hours are still kept by the former app; use that app for them until the "
                "member is moved here.",
                {"field": field, "custody": custody.value},
            )
    return None
