"""Which members are taken over: a stable share of them, together with whom they have open exchanges."""

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256

from models.migration.former import FormerMember

EVERYBODY = 100


class MemberAction(StrEnum):
    """What a run does with a member."""

    TAKE_OVER = "taken over"
    KEEP = "taken over already"
    WAIT = "waits for a member outside the share, with whom an exchange is open"
    LEAVE = "outside the share"


def place_of(member_id: str) -> int:
    """Return a member's place, 0 to 99; it depends on the id only, so that a larger share has all of a smaller."""
    return int.from_bytes(sha256(member_id.encode()).digest()[:8]) % EVERYBODY


def is_in_share(member_id: str, share: int) -> bool:
    """Return whether a member is in a share of so many per cent of all members."""
    return place_of(member_id) < share


def kept_back(links: Iterable[tuple[str, str]], share: int) -> frozenset[str]:
    """Return the members of a share who are linked, by others or directly, to somebody outside it.

    If one of two members were taken over, neither app could end the exchange that is open between them.

    Args:
        links: the two members of each open exchange.
        share: the share, in per cent.
    """
    neighbours: defaultdict[str, set[str]] = defaultdict(set)
    for one, other in links:
        neighbours[one].add(other)
        neighbours[other].add(one)
    reached = {member for member in neighbours if not is_in_share(member, share)}
    outside, ahead = frozenset(reached), list(reached)
    while ahead:
        for neighbour in neighbours[ahead.pop()] - reached:
            reached.add(neighbour)
            ahead.append(neighbour)
    return frozenset(reached - outside)


def action_for(member: FormerMember, share: int, waiting: frozenset[str]) -> MemberAction:
    """Return what a run does with a member.

    Args:
        member: the member.
        share: the share, in per cent.
        waiting: the members who are kept back, from `kept_back`.
    """
    if member.is_held:
        return MemberAction.KEEP
    if not is_in_share(member.id, share):
        return MemberAction.LEAVE
    return MemberAction.WAIT if member.id in waiting else MemberAction.TAKE_OVER
