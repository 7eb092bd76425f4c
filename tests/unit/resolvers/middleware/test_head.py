"""What a request's headers say, beside what Starlette's say of the same."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from resolvers.middleware.head import Head, head_of

NAMES = ("host", "authorization", "content-type", "x-one")
FIELDS = st.lists(st.tuples(st.sampled_from([name.encode() for name in NAMES]), st.binary(max_size=3)), max_size=6)


@given(FIELDS, st.sampled_from([*NAMES, "Host", "X-One", "absent"]))
def test_it_says_the_same(raw: list[tuple[bytes, bytes]], name: str) -> None:
    head, theirs = Head(raw), Headers(raw=raw)
    assert head.getlist(name) == theirs.getlist(name)
    assert head.get(name) == theirs.get(name)
    assert (name in head) == (name in theirs)
    assert head.items() == theirs.items()
    assert head.has_repeats == (len({name for name, _ in raw}) < len(raw))


def test_it_is_made_once_for_a_request() -> None:
    scope: dict[str, Any] = {"headers": [(b"host", b"one")]}
    assert head_of(scope) is head_of(scope)
    assert head_of(scope).first == {b"host": b"one"}
