"""The head of an answer goes out with its body, and is never kept for good."""

from typing import Any, cast

import pytest

from resolvers.hosting.connections.whole_answers import WholeAnswers


class Wire:
    """Notes what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def answer(wire: Wire) -> WholeAnswers:
    return WholeAnswers(cast("Any", wire))


def test_the_head_waits_for_the_first_part_of_the_body(wire: Wire, answer: WholeAnswers) -> None:
    answer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    assert wire.written == []
    answer.write(b"one")
    answer.write(b"two")
    assert wire.written == [b"HTTP/1.1 200 OK\r\n\r\none", b"two"]


def test_an_empty_body_lets_the_head_go(wire: Wire, answer: WholeAnswers) -> None:
    answer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
    answer.write(b"")
    assert wire.written == [b"HTTP/1.1 204 No Content\r\n\r\n"]


def test_that_a_body_may_come_is_said_at_once(wire: Wire, answer: WholeAnswers) -> None:
    answer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert wire.written == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    answer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    answer.write(b"one")
    assert wire.written[1:] == [b"HTTP/1.1 200 OK\r\n\r\none"]


def test_an_answer_that_breaks_off_ends_with_what_there_is(wire: Wire, answer: WholeAnswers) -> None:
    answer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    answer.close()
    assert (wire.written, wire.closed, answer.is_closing()) == ([b"HTTP/1.1 200 OK\r\n\r\n"], True, True)
