"""Who is counted, what is refused, and when to come back."""

import asyncio
import time as real_time

import pytest

from resolvers.identity.callers import GUEST, Caller
from resolvers.rates.limits import Kind, RateLimits
from resolvers.rates.rates import Held, Rate, RateLimitedError, Rates, key_of_address, key_of_caller
from schema.errors import AppSyncError
from tests.unit.mirror import ALICE
from tests.unit.resolvers.rates.test_counters import Time


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        (None, "unknown"),
    ],
)
def test_an_address_counts_as_whoever_can_have_it(host: str | None, key: str) -> None:
    assert key_of_address(host) == key


def test_members_count_by_their_sub_and_others_by_address() -> None:
    assert key_of_caller(ALICE, "192.0.2.7") == "sub-alice"
    assert key_of_caller(GUEST, "192.0.2.7") == key_of_caller(None, "192.0.2.7") == "192.0.2.7"


def test_what_is_over_a_limit_counts_for_nothing() -> None:
    time = Time()
    rates = Rates(RateLimits(requests=2, units=100), now=time)
    rates.charge("a", {Kind.UNITS: 90, Kind.REQUESTS: 1})
    with pytest.raises(RateLimitedError) as refused:
        rates.charge("a", {Kind.REQUESTS: 1, Kind.UNITS: 11})
    assert isinstance(refused.value, AppSyncError)
    assert refused.value.error_type == "RATE_LIMITED"
    assert refused.value.info == {"limit": "units", "allowed": 100, "seconds": 60, "retryAfter": 60}
    rates.charge("a", {Kind.REQUESTS: 1, Kind.UNITS: 10})
    time.now += 42.5
    with pytest.raises(RateLimitedError, match="Too many requests: 2 a minute are allowed; try again in 18 s"):
        rates.charge("a", {Kind.REQUESTS: 1})
    rates.charge("b", {Kind.REQUESTS: 2})
    time.now += 17.5
    rates.charge("a", {Kind.REQUESTS: 2, Kind.UNITS: 100})


def test_what_alone_is_over_the_limit_is_possible_once_a_window() -> None:
    rate = Rate("units", "units", 100, 60)
    assert rate.take("a", 1_000_000)
    assert not rate.take("a", 1)
    assert rate.take("b", 1)
    assert not rate.take("b", 1_000_000)
    assert rate.take("b", 99)


def test_a_day_is_a_day() -> None:
    rates = Rates(RateLimits(creations=1), now=(time := Time()))
    rates.charge("a", {Kind.CREATIONS: 1})
    time.now += 3_600
    with pytest.raises(RateLimitedError, match="Too many created rows: 1 a day are allowed") as refused:
        rates.charge("a", {Kind.CREATIONS: 1})
    assert refused.value.retry_after == 23 * 3_600


@pytest.mark.parametrize(("servers", "allowed"), [(1, 300), (2, 150), (7, 42), (1_000, 1)])
def test_each_server_allows_its_share(servers: int, allowed: int) -> None:
    rates = Rates(RateLimits(servers=servers, mutations=300))
    for _ in range(allowed):
        rates.charge("a", {Kind.MUTATIONS: 1})
    with pytest.raises(RateLimitedError):
        rates.charge("a", {Kind.MUTATIONS: 1})


def test_nothing_is_counted_that_costs_nothing() -> None:
    rates = Rates(RateLimits(units=1))
    for _ in range(3):
        rates.charge("a", {Kind.UNITS: 0})
    assert rates.try_charge("a", Kind.UNITS, 1)
    assert not rates.try_charge("a", Kind.UNITS, 1)


@pytest.mark.parametrize("name", ["requests", "servers", "callers", "open_sockets"])
def test_a_limit_that_lets_nothing_through_is_no_limit(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be more than 0, not 0"):
        RateLimits(**{name: 0})


def test_what_is_held_is_bounded_and_given_back() -> None:
    held = Held("open sockets", 3)
    with held.hold("a", 2):
        with pytest.raises(RateLimitedError, match="Too many open sockets: 3 at a time") as refused:
            held.take("a", 2)
        assert refused.value.retry_after == 1
        held.take("a")
        held.take("b", 3)
    held.take("a", 2)
    held.give_back("a", 3)
    held.give_back("b", 3)
    assert not held._held


async def test_starts_of_one_caller_wait_for_each_other_and_for_nobody_else() -> None:
    rates = Rates(RateLimits(starts_at_once=2, start_interval=0.2))
    begun: list[tuple[str, float]] = []
    start = real_time.monotonic()

    async def begin(who: str) -> None:
        async with rates.starting(who):
            begun.append((who, real_time.monotonic() - start))

    await asyncio.gather(*(begin("a") for _ in range(5)), begin("b"))
    assert [who for who, _ in begun] == ["a", "a", "b", "a", "a", "a"]
    times = [at for who, at in begun if who == "a"]
    assert times[2] >= 0.2
    assert times[4] >= 0.4
    await asyncio.sleep(0.25)
    assert not rates._starting


async def test_whoever_leaves_while_waiting_takes_no_place() -> None:
    rates = Rates(RateLimits(starts_at_once=1, start_interval=0))
    async with rates.starting("a"):
        waiting = asyncio.create_task(rates.starting("a").__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
    async with asyncio.timeout(1), rates.starting("a"):
        pass


def test_callers_are_equal_whatever_else_their_token_says() -> None:
    assert key_of_caller(Caller("s", "x"), None) == key_of_caller(Caller("s", "y", frozenset({"admin"})), "h")
