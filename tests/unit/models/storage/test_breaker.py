"""The breaker: it opens when AWS does not answer, lets one call try after a pause, and closes with an answer."""

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from botocore.exceptions import ReadTimeoutError
from structlog.testing import capture_logs

from models.errors import UnavailableError
from models.storage.breaker import Breaker

SILENCE = ReadTimeoutError(endpoint_url="x")


class Clock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("dynamodb", pause=0.5, patience=1.5, now=clock)


@pytest.fixture
def log() -> Iterator[list[Any]]:
    structlog.reset_defaults()
    with capture_logs() as lines:
        yield lines


def is_open(breaker: Breaker) -> bool:
    try:
        breaker.begin()
    except UnavailableError:
        return True
    return False


def test_it_opens_with_a_call_that_failed_and_lets_one_try_after_a_pause(clock: Clock, breaker: Breaker) -> None:
    breaker.failed(breaker.begin(), SILENCE)
    assert is_open(breaker)
    clock.seconds += 0.49
    assert is_open(breaker)
    clock.seconds += 0.02
    assert not is_open(breaker)  # this one tries
    assert is_open(breaker)


def test_an_answer_closes_it(clock: Clock, breaker: Breaker) -> None:
    breaker.failed(breaker.begin(), SILENCE)
    clock.seconds += 0.5
    breaker.begin()
    breaker.answered()
    assert not is_open(breaker)
    assert not is_open(breaker)


def test_what_became_of_calls_is_counted_and_whether_it_is_open_can_be_asked(
    clock: Clock, breaker: Breaker
) -> None:
    assert (breaker.calls, breaker.is_open) == ({"answered": 0, "unanswered": 0, "refused": 0}, False)
    breaker.failed(breaker.begin(), SILENCE)
    breaker.failed(clock.seconds - 1, SILENCE)
    assert breaker.is_open
    for _ in range(3):
        assert is_open(breaker)
    assert breaker.calls == {"answered": 0, "unanswered": 2, "refused": 3}
    breaker.answered()
    breaker.failed(clock.seconds - 1, SILENCE)
    assert (breaker.calls, breaker.is_open) == ({"answered": 1, "unanswered": 3, "refused": 3}, False)


def test_a_try_that_failed_begins_another_pause(clock: Clock, breaker: Breaker) -> None:
    breaker.failed(breaker.begin(), SILENCE)
    clock.seconds += 0.5
    began = breaker.begin()
    clock.seconds += 1
    breaker.failed(began, SILENCE)
    clock.seconds += 0.49
    assert is_open(breaker)
    clock.seconds += 0.01
    assert not is_open(breaker)


def test_a_try_whose_client_left_is_followed_by_another(clock: Clock, breaker: Breaker) -> None:
    breaker.failed(breaker.begin(), SILENCE)
    clock.seconds += 0.5
    breaker.begin()
    clock.seconds += 1.9
    assert is_open(breaker)
    clock.seconds += 0.1
    assert not is_open(breaker)


def test_a_service_that_answers_others_stays_open_to_them(clock: Clock, breaker: Breaker) -> None:
    began = breaker.begin()
    clock.seconds += 1
    breaker.answered()
    clock.seconds += 0.5
    breaker.failed(began, SILENCE)
    assert not is_open(breaker)


def test_a_call_that_began_with_the_last_answer_does_not_open_it(breaker: Breaker) -> None:
    breaker.answered()
    breaker.failed(breaker.begin(), SILENCE)
    assert not is_open(breaker)


def test_one_line_tells_when_it_opens_and_one_when_it_closes(
    clock: Clock, breaker: Breaker, log: list[Any]
) -> None:
    breaker.answered()
    clock.seconds += 1
    began = breaker.begin()
    for _ in range(3):
        clock.seconds += 1
        breaker.failed(began, SILENCE)
    clock.seconds += 0.25
    breaker.answered()
    breaker.answered()
    assert [(line["event"], line["service"], line.get("seconds")) for line in log] == [
        ("AWS does not answer", "dynamodb", None),
        ("AWS answers again", "dynamodb", 2.2),
    ]
    assert "Read timeout" in log[0]["error"]
