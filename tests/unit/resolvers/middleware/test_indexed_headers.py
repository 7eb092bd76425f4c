"""What a request's headers say, beside what Starlette's say of the same."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from resolvers.middleware.indexed_headers import IndexedHeaders, request_headers

NAMES = ("host", "authorization", "content-type", "x-one")
FIELDS = st.lists(st.tuples(st.sampled_from([name.encode() for name in NAMES]), st.binary(max_size=3)), max_size=6)


@given(FIELDS, st.sampled_from([*NAMES, "Host", "X-One", "absent"]))
def test_it_says_the_same(raw: list[tuple[bytes, bytes]], name: str) -> None:
    indexed, theirs = IndexedHeaders(raw), Headers(raw=raw)
    assert indexed.getlist(name) == theirs.getlist(name)
    assert indexed.get(name) == theirs.get(name)
    assert (name in indexed) == (name in theirs)
    assert indexed.items() == theirs.items()
    assert indexed.has_repeats == (len({name for name, _ in raw}) < len(raw))


def test_it_is_made_once_for_a_request() -> None:
    scope: dict[str, Any] = {"headers": [(b"host", b"one")]}
    assert request_headers(scope) is request_headers(scope)
    assert request_headers(scope).first == {b"host": b"one"}


def test_what_comes_behind_a_body_is_none_of_them() -> None:
    raw = [(b"x-one", b"1"), (b"x-one", b"2")]
    indexed = IndexedHeaders(raw)
    raw.append((b"idempotency-key", b"smuggled"))  # as the protocol does with trailers
    assert indexed.getlist("idempotency-key") == []
    assert indexed.keys() == ["x-one", "x-one"]
