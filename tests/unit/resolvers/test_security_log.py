"""The security log: what is written, what is only counted, and that nothing is lost without a number."""

import asyncio

import pytest
from structlog.testing import capture_logs

from models.correlation import correlate, correlated
from resolvers.security_log import SecurityEvent, SecurityLog, SecurityLogLimits

REFUSED, ACT = SecurityEvent.RULE_REFUSED, SecurityEvent.ADMIN_ACT


class Log:
    """A security log whose time a test moves."""

    def __init__(self, **limits: int) -> None:
        self.now = 0.0
        self.log = SecurityLog(SecurityLogLimits(**limits), clock=lambda: self.now)


def test_a_line_has_its_facts_and_none_is_left_out() -> None:
    with capture_logs() as lines:
        Log().log.write(REFUSED, "alice", sub="alice", code="SELF_REQUEST", reason=None)
    assert lines == [{"event": "refused by a rule", "log_level": "info", "sub": "alice", "code": "SELF_REQUEST"}]


def test_a_flood_becomes_a_number() -> None:
    tested = Log(each=3)
    with capture_logs() as lines:
        for _ in range(1_000):
            tested.log.write(REFUSED, "mallory")
        tested.log.write(REFUSED, "alice")
        tested.now = 10.0
        tested.log.write(REFUSED, "mallory")
    assert [line["event"] for line in lines] == [
        *["refused by a rule"] * 4,
        "refused by a rule: further lines left out",
        "refused by a rule",
    ]
    assert lines[4]["count"] == 997


def test_many_sources_together_are_limited_too_and_take_no_memory() -> None:
    tested = Log(all=50)
    with capture_logs() as lines:
        for number in range(5_000):
            tested.log.write(REFUSED, str(number))
    assert len(lines) == 50
    assert len(tested.log._lines) == 50


def test_kinds_are_counted_apart() -> None:
    tested = Log(each=1)
    with capture_logs() as lines:
        for event in SecurityEvent:
            tested.log.write(event, "alice")
    assert len(lines) == len(SecurityEvent)


def test_every_act_of_an_administrator_is_written() -> None:
    tested = Log(each=1, all=1)
    with capture_logs() as lines:
        for _ in range(100):
            tested.log.write(ACT, "admin", mutation="deleteUser")
    assert len(lines) == 100


def test_without_a_source_the_address_counts() -> None:
    tested = Log(each=1)
    with capture_logs() as lines:
        for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
            with correlated("abc"):
                correlate("abc", facts={"address": address})
                tested.log.write(REFUSED)
    assert len(lines) == 2


@pytest.mark.parametrize(("given", "written"), [("x" * 10, "x" * 10), ("x" * 11, "x" * 10 + "…"), (12, 12)])
def test_a_long_fact_is_cut(given: str | int, written: str | int) -> None:
    with capture_logs() as lines:
        Log(characters=10).log.write(REFUSED, "alice", reason=given)
    assert lines[0]["reason"] == written


async def test_the_number_comes_even_if_the_flood_has_ended() -> None:
    tested = Log(each=1)
    with capture_logs() as lines:
        with correlated("of the flood"):
            tested.log.write(REFUSED, "mallory")
            tested.now = 9.99
            tested.log.write(REFUSED, "mallory")
        await asyncio.sleep(0.05)
    assert [line.get("count") for line in lines] == [None, 1]
