"""A change arrives as it was sent, however large its row is, and no change of a row gets ahead of another."""

import json
import string
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.changes import (
    LARGEST_CALL,
    LARGEST_ROW,
    MOST_MESSAGES,
    Change,
    ChangeKind,
    Feed,
    Message,
    Row,
    batches,
)

LABEL = "2026-11-29T00:00:00.000"
ARN = f"arn:aws:dynamodb:us-east-1:000000000000:table/bank-Message/stream/{LABEL}"
KEY: Row = {"id": {"S": "m1"}}
# SNS takes these characters in a group and in an id, 128 of them at most.
ALLOWED = frozenset(string.ascii_letters + string.digits + string.punctuation)


def record(kind: str = "INSERT", **images: Any) -> dict[str, Any]:
    image = {"Keys": KEY, "SequenceNumber": "00000000000000000000042", "NewImage": KEY} | images
    return {"eventSourceARN": ARN, "eventName": kind, "dynamodb": image}


def change(sequence: int = 1, *, key: str = "m1", size: int = 0, kind: ChangeKind = ChangeKind.UPDATE) -> Change:
    row = {"id": {"S": key}, "content": {"S": "x" * size}}
    return Change("bank-Message", kind, {"id": {"S": key}}, sequence, row)


def test_a_record_is_the_row_after_its_change() -> None:
    new, old = KEY | {"text": {"S": "new"}}, KEY | {"text": {"S": "old"}}
    found = Change.of(record("MODIFY", NewImage=new, OldImage=old))
    assert found == Change("bank-Message", ChangeKind.UPDATE, KEY, 42, new, LABEL)


def test_a_deletions_record_is_the_row_before() -> None:
    deleted = record("REMOVE", OldImage=KEY | {"text": {"S": "old"}})
    del deleted["dynamodb"]["NewImage"]
    row = KEY | {"text": {"S": "old"}}
    assert Change.of(deleted) == Change("bank-Message", ChangeKind.DELETE, KEY, 42, row, LABEL)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        record() | {"eventSourceARN": "arn"},
        record("UNKNOWN"),
        record(SequenceNumber="x"),
        {**record("REMOVE"), "dynamodb": {"Keys": KEY, "SequenceNumber": "1"}},
    ],
)
def test_what_is_no_record_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises((LookupError, ValueError)):
        Change.of(broken)


VALUES = st.recursive(
    st.one_of(
        st.text(max_size=20).map(lambda text: {"S": text}),
        st.integers().map(lambda number: {"N": str(number)}),
        st.just({"NULL": True}),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda members: {"L": members}),
        st.dictionaries(st.text(max_size=5), inner, max_size=3).map(lambda members: {"M": members}),
    ),
    max_leaves=8,
)


@given(
    st.sampled_from(ChangeKind),
    st.integers(min_value=0, max_value=10**40),
    st.dictionaries(st.text(min_size=1, max_size=10), VALUES, max_size=6),
)
def test_a_change_arrives_as_it_was_sent(kind: ChangeKind, sequence: int, row: Row) -> None:
    sent = Change("bank-Message", kind, KEY, sequence, row, LABEL)
    message = sent.message()
    assert Change.decoded(message.text) == sent
    # Neither SNS nor SQS takes every character of Unicode.
    assert message.text.isascii()
    assert message.text.isprintable()


def test_a_message_says_no_more_than_it_must() -> None:
    sent = Change("bank-Message", ChangeKind.CREATE, KEY, 7, KEY, LABEL)
    key = '{"id":{"S":"m1"}}'
    assert sent.message().text == (
        f'{{"table":"bank-Message","kind":"INSERT","key":{key},"sequence":"7","row":{key},"stream":"{LABEL}"}}'
    )


def test_a_message_of_a_former_release_does_not_name_the_stream() -> None:
    sent = change()
    assert Change.decoded(sent.message().text.replace(',"stream":""', "")) == sent


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"kind": "INSERT"}', change().message().text.replace("MODIFY", "x"), "7"],
)
def test_a_text_that_is_none_of_ours_is_refused(text: str) -> None:
    with pytest.raises((LookupError, TypeError, ValueError)):
        Change.decoded(text)


def test_the_group_is_the_row_and_the_id_is_the_change() -> None:
    first, second, other = change(1).message(), change(2).message(), change(1, key="m2").message()
    elsewhere = Change("bank-Service", ChangeKind.UPDATE, KEY, 1, KEY).message()
    assert first.group == second.group == change().row_id
    again = Change("bank-Message", ChangeKind.UPDATE, KEY, 1, KEY, LABEL).message()
    assert again.group == first.group
    assert len({first.group, other.group, elsewhere.group}) == 3
    assert len({one.id for one in (first, second, other, elsewhere, again)}) == 5
    assert change(1, size=5).message().id == first.id
    for text in (first.group, first.id):
        assert set(text) <= ALLOWED
        assert len(text) <= 128


def test_the_order_of_a_keys_fields_does_not_matter() -> None:
    key: Row = {"a": {"S": "1"}, "b": {"S": "2"}}
    turned = dict(reversed(key.items()))
    one, two = (Change("t", ChangeKind.CREATE, each, 1, {}) for each in (key, turned))
    assert one.row_id == two.row_id


@pytest.mark.parametrize("kind", [ChangeKind.CREATE, ChangeKind.UPDATE])
def test_a_row_that_is_too_large_is_pointed_to(kind: ChangeKind) -> None:
    empty = len(change(kind=kind).message().text)
    whole = change(size=LARGEST_ROW - empty, kind=kind)
    assert len(whole.message().text) == LARGEST_ROW
    assert Change.decoded(whole.message().text) == whole
    larger = change(size=LARGEST_ROW - empty + 1, kind=kind)
    found = Change.decoded(larger.message().text)
    assert found == Change(larger.table, kind, larger.key, larger.sequence, None)
    assert Change.decoded(found.message().text) == found


def test_a_deleted_row_that_is_too_large_keeps_its_short_values() -> None:
    row: Row = {
        "id": {"S": "m1"},
        "ownerId": {"S": "o" * 990},
        "nearly": {"S": "o" * 991},
        "content": {"S": "x" * LARGEST_ROW},
        "tags": {"L": [{"S": "x" * 1_000}]},
        "extra": {"M": {"a": {"S": "x" * 1_000}}},
        "few": {"L": [{"S": "x"}]},
        "names": {"SS": ["x" * 1_000]},
    }
    found = Change.decoded(Change("t", ChangeKind.DELETE, KEY, 1, row).message().text)
    assert found.row == {
        "id": {"S": "m1"},
        "ownerId": {"S": "o" * 990},
        "nearly": {"S": "o" * 991},
        "content": {"S": "x" * 1_000},
        "tags": {"L": []},
        "extra": {"M": {}},
        "few": {"L": [{"S": "x"}]},
    }


def test_a_deleted_row_travels_whole_if_it_can() -> None:
    deleted = change(size=100_000, kind=ChangeKind.DELETE)
    assert Change.decoded(deleted.message().text) == deleted


def test_a_value_is_short_up_to_a_thousand_characters() -> None:
    long: Row = {"x": {"S": "x" * LARGEST_ROW}, "y": {"SS": ["x" * 988]}, "z": {"SS": ["x" * 989]}}
    assert len(json.dumps(long["y"])) == 1_000
    found = Change.decoded(Change("t", ChangeKind.DELETE, KEY, 1, long).message().text)
    assert found.row is not None
    assert set(found.row) == {"x", "y"}


def test_a_call_takes_ten_messages() -> None:
    changes = [change(number, key=f"m{number}") for number in range(2 * MOST_MESSAGES + 1)]
    assert [len(batch) for batch in batches(changes)] == [10, 10, 1]
    assert [message for batch in batches(changes) for message in batch] == [one.message() for one in changes]
    assert list(batches([])) == []


def test_a_call_takes_so_many_bytes() -> None:
    size = LARGEST_CALL // 2 - len(change(key="m1").message().text)
    halves = [change(key=f"m{number}", size=size) for number in range(4)]
    assert [len(one.message().text) for one in halves] == [LARGEST_CALL // 2] * 4
    assert [len(batch) for batch in batches(halves)] == [2, 2]
    halves[0] = change(key="m0", size=size + 1)
    assert [len(batch) for batch in batches(halves)] == [1, 2, 1]


def test_the_changes_of_a_row_go_in_calls_of_their_own() -> None:
    changes = [change(1), change(2, key="m2"), change(3), change(4), change(5, key="m2")]
    found = list(batches(changes))
    assert [len(batch) for batch in found] == [2, 1, 2]
    assert [message for batch in found for message in batch] == [one.message() for one in changes]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 150_000)), max_size=40))
def test_whatever_is_published_is_in_order_and_fits(rows: list[tuple[str, int]]) -> None:
    changes = [change(number, key=key, size=size) for number, (key, size) in enumerate(rows)]
    found: list[list[Message]] = list(batches(changes))
    assert [message.id for batch in found for message in batch] == [one.message().id for one in changes]
    for batch in found:
        assert 0 < len(batch) <= MOST_MESSAGES
        assert len({message.group for message in batch}) == len(batch)
        assert sum(len(message.text) for message in batch) <= LARGEST_CALL
    for before, after in pairwise(found):
        is_needed = (
            len(before) == MOST_MESSAGES
            or after[0].group in {message.group for message in before}
            or sum(len(message.text) for message in [*before, after[0]]) > LARGEST_CALL
        )
        assert is_needed


def test_the_feeds_are_named_as_their_setting() -> None:
    assert [*Feed] == ["streams", "queue"]


def test_of_very_many_short_values_the_keys_are_told_and_a_large_message_goes_alone() -> None:
    row = {f"text{number}": {"S": "\N{GRINNING FACE}" * 1_100} for number in range(25)}
    large = Change("unit-User", ChangeKind.DELETE, {"id": {"S": "a"}}, 1, row)
    small = Change("unit-User", ChangeKind.DELETE, {"id": {"S": "b"}}, 2, {"id": {"S": "b"}})
    told = list(batches([large, small]))
    assert all(told)
    assert json.loads(told[0][0].text)["row"] == {"id": {"S": "a"}}
