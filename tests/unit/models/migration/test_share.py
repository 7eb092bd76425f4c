"""Which members are taken over."""

from collections import Counter

import pytest

from models.hours import ZERO
from models.migration.former import FormerMember
from models.migration.share import EVERYBODY, MemberAction, action_for, is_in_share, kept_back, place_of
from tests.unit.builders import hours


def test_a_place_depends_on_the_id_only() -> None:
    assert [place_of(name) for name in ("alice", "bob", "carol", "dan")] == [7, 50, 2, 5]


def test_members_are_spread_evenly() -> None:
    places = Counter(place_of(f"member-{number}") for number in range(20_000))
    assert set(places) == set(range(100))
    assert 140 < min(places.values()) <= max(places.values()) < 270


def test_a_larger_share_has_all_of_a_smaller_one() -> None:
    members = [f"member-{number}" for number in range(1_000)]
    shares = [{one for one in members if is_in_share(one, share)} for share in (0, 10, 50, EVERYBODY)]
    assert shares[0] == set()
    assert shares[3] == set(members)
    assert shares[1] < shares[2] < shares[3]


@pytest.mark.parametrize(("share", "expected"), [(50, False), (51, True)])
def test_a_share_ends_before_its_number(share: int, expected: bool) -> None:  # noqa: FBT001 — a parameter of the test
    assert is_in_share("bob", share) is expected


def test_who_has_an_open_exchange_with_somebody_outside_waits() -> None:
    # carol and dan are in the share of 6, alice and bob are not.
    assert kept_back([("carol", "dan")], 6) == frozenset()
    assert kept_back([("carol", "alice")], 6) == {"carol"}
    assert kept_back([("alice", "bob")], 6) == frozenset()
    assert kept_back([], 6) == frozenset()


def test_who_has_one_with_somebody_who_waits_waits_too() -> None:
    assert kept_back([("carol", "dan"), ("bob", "dan"), ("carol", "dan")], 6) == {"carol", "dan"}
    assert kept_back([("carol", "dan"), ("bob", "dan")], EVERYBODY) == frozenset()


@pytest.mark.parametrize(
    ("hours_left", "is_held", "share", "waiting", "expected"),
    [
        ("7", False, 8, frozenset[str](), MemberAction.TAKE_OVER),
        ("7", False, 7, frozenset[str](), MemberAction.LEAVE),
        ("7", False, 8, frozenset({"alice"}), MemberAction.WAIT),
        ("7", False, 8, frozenset({"bob"}), MemberAction.TAKE_OVER),
        ("0", True, 0, frozenset[str](), MemberAction.KEEP),
        ("0", True, 100, frozenset({"alice"}), MemberAction.KEEP),
    ],
)
def test_what_a_run_does_with_a_member(
    hours_left: str,
    is_held: bool,  # noqa: FBT001 — a parameter of the test
    share: int,
    waiting: frozenset[str],
    expected: MemberAction,
) -> None:
    member = FormerMember(id="alice", hours=hours(hours_left), taken_over=ZERO, is_held=is_held)
    assert action_for(member, share, waiting) is expected
