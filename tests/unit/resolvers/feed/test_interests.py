"""A change finds every subscriber who may want it, and few others."""

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.changes import ChangeKind
from resolvers.feed.interests import ANY_CHANGE, Interest, SubscriberIndex
from resolvers.feed.row_changes import RowChange

CREATED, UPDATED, DELETED = ChangeKind.CREATE, ChangeKind.UPDATE, ChangeKind.DELETE


def change(kind: ChangeKind = CREATED, **texts: str) -> RowChange:
    return RowChange(kind, {name: {"S": text} for name, text in texts.items()}, 1)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (change(userId="alice"), {"alice", "all", "created"}),
        (change(userId="sub-x::alice"), {"alice", "all", "created"}),
        (change(userId="alice::x"), {"all", "created"}),
        (change(UPDATED, userId="bob"), {"all"}),
        (change(senderId="alice", receiverId="bob"), {"alice", "all", "created"}),
        (change(UPDATED, id="r"), {"all", "row"}),
        (change(DELETED, id="r", userId="alice"), {"all", "row", "alice"}),
        (change(), {"all", "created"}),
        (RowChange(CREATED, {"userId": {"NULL": True}, "senderId": {"L": []}}, 1), {"all", "created"}),
    ],
)
def test_a_change_is_of_interest_to(changed: RowChange, expected: Collection[str]) -> None:
    interested: SubscriberIndex[str] = SubscriberIndex()
    interested.add("all", ANY_CHANGE)
    interested.add("created", Interest(frozenset({CREATED})))
    interested.add("alice", Interest(pins=[("userId", "alice"), ("senderId", "alice")]))
    interested.add("row", Interest(pins=[("id", "r")]))
    interested.add("nothing", Interest(pins=[]))
    assert set(interested.of(changed)) == expected


def test_whoever_has_left_leaves_nothing_behind() -> None:
    interested: SubscriberIndex[int] = SubscriberIndex()
    for number in range(100):
        interested.add(number, Interest(pins=[("userId", f"u{number % 7}"), ("id", f"r{number}")]))
    for number in range(100):
        assert number in interested.of(change(id=f"r{number}"))
        interested.discard(number)
        interested.discard(number)
    assert len(interested) == 0
    assert not any(interested._pinned.values())
    assert not any(interested._unpinned.values())


FIELDS, TEXTS = st.sampled_from(["a", "b"]), st.sampled_from(["x", "y", "z::x"])
PINS = st.none() | st.lists(st.tuples(FIELDS, TEXTS), max_size=3)


@given(
    st.lists(st.tuples(st.frozensets(st.sampled_from(ChangeKind)), PINS), max_size=8),
    st.sampled_from(ChangeKind),
    st.dictionaries(FIELDS, TEXTS),
)
def test_nobody_is_left_out(
    interests: list[tuple[frozenset[ChangeKind], list[tuple[str, str]] | None]],
    kind: ChangeKind,
    row: dict[str, str],
) -> None:
    interested: SubscriberIndex[int] = SubscriberIndex()
    for number, (kinds, pins) in enumerate(interests):
        interested.add(number, Interest(kinds, pins))
    expected = {
        number
        for number, (kinds, pins) in enumerate(interests)
        if kind in kinds
        and (
            pins is None
            or any(field in row and text in {row[field], row[field].rpartition("::")[2]} for field, text in pins)
        )
    }
    assert set(interested.of(change(kind, **row))) == expected
