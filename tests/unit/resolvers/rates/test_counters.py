"""The counters of windows."""

import pytest

from resolvers.rates.counters import Counters


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def test_a_window_begins_with_the_first_count_and_ends(time: Time) -> None:
    counters = Counters(10, time)
    assert counters.incr("a", 60, 3) == 3
    time.now += 59
    assert counters.incr("a", 60) == 4
    assert counters.get_expiry("a") == 1_060
    time.now += 1
    assert counters.get("a") == 0
    assert counters.incr("a", 60) == 1
    assert counters.get_expiry("a") == 1_120


def test_a_count_is_never_less_than_nothing(time: Time) -> None:
    counters = Counters(10, time)
    assert counters.incr("a", 60, -1) == 0
    counters.incr("a", 60, 3)
    assert counters.incr("a", 60, -5) == 0
    assert counters.incr("a", 60) == 1


def test_windows_by_the_clock_end_at_whole_minutes_and_days(time: Time) -> None:
    counters = Counters(10, time, by_the_clock=True)
    counters.incr("minute", 60)
    counters.incr("day", 86_400)
    assert (counters.get_expiry("minute"), counters.get_expiry("day")) == (1_020, 86_400)
    time.now = 1_020
    assert (counters.get("minute"), counters.get("day")) == (0, 1)
    counters.incr("minute", 60)
    assert counters.get_expiry("minute") == 1_080


def test_a_total_is_taken_over_with_what_it_does_not_have_yet(time: Time) -> None:
    counters = Counters(10, time, by_the_clock=True)
    counters.incr("a", 60, 5)
    counters.note_shared("a", counters.unshared("a"))
    assert counters.unshared("a") == 0
    counters.incr("a", 60, 2)
    counters.take_over("a", 60, 30)
    assert (counters.get("a"), counters.unshared("a")) == (32, 2)
    counters.take_over("b", 60, 4)
    assert (counters.get("b"), counters.unshared("b")) == (4, 0)
    counters.take_over("c", 60, 0)
    counters.note_shared("c", 1)
    assert len(counters) == 2
    time.now += 60
    assert (counters.get("a"), counters.unshared("a"), counters.unshared("b")) == (0, 0, 0)
    assert len(counters) == 0


def test_what_is_given_back_does_not_move_the_window(time: Time) -> None:
    counters = Counters(10, time)
    counters.incr("a", 60, 3)
    time.now += 30
    assert counters.incr("a", 60, -3) == 0
    assert counters.incr("a", 60, 2) == 2
    assert counters.get_expiry("a") == 1_060


def test_nothing_is_given_back_of_a_window_that_is_over_or_forgotten(time: Time) -> None:
    counters = Counters(1, time)
    counters.incr("a", 60, 3)
    time.now += 60
    assert counters.incr("a", 60, -3) == 0
    counters.incr("b", 60, 3)
    assert counters.incr("a", 60, -3) == 0
    assert (counters.get("a"), counters.get("b"), len(counters)) == (0, 3, 1)


def test_the_first_are_forgotten_when_there_are_too_many(time: Time) -> None:
    counters = Counters(3, time)
    for key in "abcda":
        counters.incr(key, 60)
    assert len(counters) == 3
    assert [counters.get(key) for key in "abcd"] == [1, 0, 1, 1]


def test_a_hundred_thousand_callers_are_no_more_memory_than_the_most_that_are_kept(time: Time) -> None:
    counters = Counters(100, time)
    for number in range(100_000):
        counters.incr(str(number), 60)
    assert len(counters) == 100
