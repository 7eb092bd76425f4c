"""What names a piece of work, and the trace that it belongs to."""

import asyncio
from collections.abc import Iterator
from contextvars import Context

import pytest

from models.correlation import correlate, correlated, correlated_facts, correlation_id, trace_header, trace_id

ROOT = "1-67891233-abcdef012345678912345678"
PARENT = "53995c3f42cd8ad8"


@pytest.fixture(autouse=True)
def _nothing_in_particular() -> Iterator[None]:
    with correlated(None):
        yield


async def test_a_task_names_what_it_does_and_no_other() -> None:
    async def work(name: str) -> str | None:
        correlate(name)
        await asyncio.sleep(0)
        return correlation_id()

    assert list(await asyncio.gather(work("a"), work("b"))) == ["a", "b"]
    assert correlation_id() is None


def test_what_nobody_has_named_has_neither_name_nor_trace() -> None:
    unnamed = Context()
    assert (unnamed.run(correlation_id), unnamed.run(trace_id)) == (None, None)


def test_a_task_has_the_trace_that_came_with_its_name() -> None:
    correlate("a", f"Root={ROOT}")
    assert (correlation_id(), trace_id()) == ("a", ROOT)


def test_what_is_done_within_another_piece_of_work_has_a_name_of_its_own() -> None:
    with correlated("outer", f"Root={ROOT}"):
        with correlated("inner"):
            assert (correlation_id(), trace_header()) == ("inner", None)
        with correlated(None):
            assert (correlation_id(), trace_header(), trace_id()) == (None, None, None)
        assert (correlation_id(), trace_id()) == ("outer", ROOT)
    assert correlation_id() is None


def test_what_is_said_of_it_is_said_until_it_ends() -> None:
    with correlated("outer", facts={"function": "f"}):
        with correlated("inner"):
            assert correlated_facts() == {"function": "f"}
            with correlated("another", facts={}):
                assert correlated_facts() == {}
        assert correlated_facts() == {"function": "f"}
    assert correlated_facts() == {}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (f"Root={ROOT}", f"Root={ROOT}"),
        (f"Root={ROOT};Parent={PARENT};Sampled=1", f"Root={ROOT};Parent={PARENT};Sampled=1"),
        (f"Self=1-67891234-12456789abcdef012345678;Root={ROOT};CalledFrom=app", f"Root={ROOT}"),
        (f"Parent={PARENT};Sampled=1", None),
        (f"Root={ROOT}9", None),
        ("Root=nonsense", None),
        ("abc", None),
        (None, None),
    ],
)
def test_of_a_trace_only_what_xray_knows_is_handed_on(given: str | None, expected: str | None) -> None:
    with correlated("a", given):
        assert trace_header() == expected
        assert trace_id() == (ROOT if expected else None)


def test_a_trace_may_be_named_after_its_parent() -> None:
    with correlated("a", f"Parent={PARENT};Root={ROOT}"):
        assert trace_id() == ROOT
