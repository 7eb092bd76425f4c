"""Why a member cannot be erased now, and what is to be done about it. Pure rules."""

from collections.abc import Iterator, Mapping, Sequence

from models.hours import ZERO, Hours
from models.privacy.traces import OPEN_MATTERS, OpenMatter

# Ids that are named of each matter; others are counted only.
_NAMED = 5


def hindrances(
    *, available: Hours, escrowed: Hours, is_here: bool, open_ids: Mapping[OpenMatter, Sequence[str]]
) -> Iterator[str]:
    """Yield a line for each thing that must be settled first, which says how.

    Args:
        available: the hours that the member can spend.
        escrowed: the hours that are held of theirs.
        is_here: whether their hours are here, and not with the app that HourBank replaces.
        open_ids: the ids of what is not over, by the matter.
    """
    if not is_here:
        yield "The former app keeps their hours: erase them there, or move them here first."
    if escrowed != ZERO:
        yield f"{escrowed} hours of theirs are held: let the requests that hold them end first."
    if available != ZERO:
        yield (
            f"They have {available} hours: let them give these away (processDirectTransfer), or take them back as "
            "an administrator (ADMIN_ADJUSTMENT)."
        )
    for matter in OPEN_MATTERS:
        if ids := open_ids.get(matter, ()):
            more = "" if len(ids) <= _NAMED else f" and {len(ids) - _NAMED} more"
            yield f"They have {matter.what}: {', '.join(ids[:_NAMED])}{more}; {matter.way_out}."
