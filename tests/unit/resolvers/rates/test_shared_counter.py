"""Several servers count together: what is added to the shared rows, when, and what is taken over."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from models import tables
from models.errors import UnavailableError
from models.storage.names import Names
from models.storage.store import Store
from resolvers.rates import due_windows, shared_counter
from resolvers.rates.due_windows import DueWindows, Window
from resolvers.rates.limits import DAY, MINUTE, Kind, RateLimits
from resolvers.rates.rates import RateLimitedError, Rates
from resolvers.rates.shared_counter import AT_ONCE, COUNTS, SharedCounter, row_id
from tests.engines.embedded import Embedded
from tests.unit.resolvers.rates.test_counters import Time

NAMES = Names(stack="shared", region="us-east-1", account="0" * 12)
PARTS = 10


class Cloud:
    """DynamoDB for all servers, which counts writes, and fails or waits as a test tells it."""

    def __init__(self) -> None:
        self.engine = Embedded(NAMES)
        self.writes = 0
        self.at_once = 0
        self.most_at_once = 0
        self.is_silent = False
        self.loses_answers = False
        self.open = asyncio.Event()
        self.open.set()

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        """Call DynamoDB."""
        self.writes += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.open.wait()
            if self.is_silent:
                raise UnavailableError(is_outcome_unknown=True)
            answer = await self.engine.call(service, operation, **params)
            if self.loses_answers:
                raise UnavailableError(is_outcome_unknown=True)
            return answer
        finally:
            self.at_once -= 1

    async def total(self, who: str, kind: Kind, ends: float, seconds: int = MINUTE) -> int:
        """Return what the row of a caller's minute or day says."""
        row = await Store(self.engine, NAMES).get(tables.RateCounter, row_id(Window(who, seconds), ends))
        return int(row[COUNTS[kind].attr_name]["N"]) if row else 0


class Servers:
    """Servers over one cloud, at one time."""

    def __init__(self, cloud: Cloud, time: Time) -> None:
        self.cloud = cloud
        self.time = time
        self._tasks: list[asyncio.Task[None]] = []

    def one(self, **limits: int) -> Rates:
        """Begin a server."""
        rates = Rates(RateLimits(**{"shared_parts": PARTS, "requests": 100, **limits}), now=self.time)
        assert rates.due
        store = Store(self.cloud, NAMES)  # type: ignore[arg-type]  # nobody waits or queues
        counter = SharedCounter(rates, rates.due, store, now=self.time)
        self._tasks.append(asyncio.create_task(counter.run()))
        return rates

    async def end(self) -> None:
        """End the servers, as the composition does."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    opened = Cloud()
    yield opened
    opened.engine.close()


@pytest.fixture
async def servers(cloud: Cloud, time: Time) -> AsyncIterator[Servers]:
    running = Servers(cloud, time)
    yield running
    await running.end()


async def settle(*rates: Rates) -> None:
    """Wait until nothing is due."""
    async with asyncio.timeout(5):
        await asyncio.sleep(0)
        while any(one.due and one.due._known for one in rates):  # noqa: ASYNC110 — nobody else wants to know
            await asyncio.sleep(0.001)


async def allowed(*rates: Rates, who: str = "a", most: int = 1_000) -> int:
    """Let a caller ask one server after another until each refuses; return how much was allowed."""
    count = 0
    for _ in range(most):
        before = count
        for one in rates:
            count += one.try_charge(who, Kind.REQUESTS, 1)
            await settle(one)
        if count == before:
            break
    return count


@asynccontextmanager
async def quick_pauses(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(shared_counter, "PAUSE_SECONDS", 0.001)
        yield


@pytest.mark.parametrize("count", [1, 2, 3, 5])
async def test_all_servers_together_allow_the_whole_and_a_part_for_each_at_most(
    servers: Servers, count: int
) -> None:
    total = await allowed(*(servers.one() for _ in range(count)))
    assert 100 <= total <= 100 + (count - 1) * 10


async def test_without_the_setting_each_allows_its_own(time: Time) -> None:
    alone = [Rates(RateLimits(requests=100), now=time) for _ in range(2)]
    assert alone[0].due is None
    assert await allowed(*alone) == 200


async def test_each_server_of_a_shared_counter_allows_the_whole_however_many_there_are(servers: Servers) -> None:
    assert await allowed(servers.one(servers=7)) == 100


async def test_whoever_asks_for_little_costs_no_write_and_others_one_for_each_part(
    servers: Servers, cloud: Cloud
) -> None:
    rates = servers.one(units=1_000)
    for caller in range(50):
        rates.charge(f"c{caller}", {Kind.REQUESTS: 9, Kind.UNITS: 99})
    await settle(rates)
    assert cloud.writes == 0
    for _ in range(100):
        rates.charge("a", {Kind.REQUESTS: 1, Kind.UNITS: 10})
        await settle(rates)
    assert cloud.writes == 10
    with pytest.raises(RateLimitedError):
        rates.charge("a", {Kind.REQUESTS: 1})
    await settle(rates)
    assert cloud.writes == 10


async def test_one_write_has_all_kinds_of_a_minute_and_none_of_a_day(servers: Servers, cloud: Cloud) -> None:
    one, other = servers.one(mutations=10, creations=100), servers.one(mutations=10, creations=100)
    one.charge("a", {Kind.UNITS: 5, Kind.CREATIONS: 2, Kind.MUTATIONS: 9})
    await settle(one)
    assert cloud.writes == 1
    assert await cloud.total("a", Kind.UNITS, 1_020) == 5
    assert await cloud.total("a", Kind.CREATIONS, DAY, DAY) == 0
    one.charge("a", {Kind.CREATIONS: 10, Kind.STORED_BYTES: 7})
    await settle(one)
    assert await cloud.total("a", Kind.CREATIONS, DAY, DAY) == 12
    assert await cloud.total("a", Kind.STORED_BYTES, DAY, DAY) == 7
    other.charge("a", {Kind.MUTATIONS: 1})
    await settle(other)
    with pytest.raises(RateLimitedError, match="mutations"):
        other.charge("a", {Kind.MUTATIONS: 1})


async def test_windows_are_the_clocks_on_all_servers(servers: Servers, time: Time) -> None:
    rates = servers.one(creations=1)
    time.now = 7 * DAY - 45.5
    rates.charge("a", {Kind.REQUESTS: 100, Kind.CREATIONS: 1})
    for kind, seconds in ((Kind.REQUESTS, 46), (Kind.CREATIONS, 46)):
        with pytest.raises(RateLimitedError) as refused:
            rates.charge("a", {kind: 1})
        assert refused.value.retry_after == seconds
    await settle(rates)
    time.now = 7.0 * DAY
    rates.charge("a", {Kind.REQUESTS: 100, Kind.CREATIONS: 1})
    with pytest.raises(RateLimitedError) as refused:
        rates.charge("a", {Kind.CREATIONS: 1})
    assert refused.value.retry_after == DAY
    time.now += 61
    rates.charge("a", {Kind.REQUESTS: 100})


async def test_an_answer_that_comes_in_the_next_minute_counts_for_nothing(
    servers: Servers, cloud: Cloud, time: Time
) -> None:
    rates = servers.one()
    cloud.open.clear()
    rates.charge("a", {Kind.REQUESTS: 90})
    await asyncio.sleep(0.01)
    time.now += 60
    rates.charge("a", {Kind.REQUESTS: 5})
    cloud.open.set()
    await settle(rates)
    assert await cloud.total("a", Kind.REQUESTS, 1_020) == 90
    assert rates._rates[Kind.REQUESTS].unshared("a") == 5
    rates.charge("a", {Kind.REQUESTS: 95})


async def test_what_is_counted_during_a_write_is_added_by_the_next(servers: Servers, cloud: Cloud) -> None:
    one, other = servers.one(), servers.one()
    other.charge("a", {Kind.REQUESTS: 30})
    await settle(other)
    cloud.open.clear()
    one.charge("a", {Kind.REQUESTS: 20})
    await asyncio.sleep(0.01)
    one.charge("a", {Kind.REQUESTS: 15})
    cloud.open.set()
    await settle(one)
    assert await cloud.total("a", Kind.REQUESTS, 1_020) == 50
    assert one._rates[Kind.REQUESTS].unshared("a") == 15
    one.charge("a", {Kind.REQUESTS: 1})
    await settle(one)
    assert await cloud.total("a", Kind.REQUESTS, 1_020) == 66
    assert one.try_charge("a", Kind.REQUESTS, 34)
    assert not one.try_charge("a", Kind.REQUESTS, 1)


async def test_what_is_refused_or_given_back_is_not_added(servers: Servers, cloud: Cloud) -> None:
    rates = servers.one(mutations=1)
    rates.charge("a", {Kind.MUTATIONS: 1})
    await settle(rates)
    for _ in range(20):
        with pytest.raises(RateLimitedError):
            rates.charge("a", {Kind.REQUESTS: 50, Kind.MUTATIONS: 1})
        await settle(rates)
    assert cloud.writes == 1
    rate = rates._rates[Kind.REQUESTS]
    assert rate.take("a", 50)
    await settle(rates)
    rate.give_back("a", 20)
    assert rate.unshared("a") == -20
    assert rate.take("a", 30)
    await settle(rates)
    assert await cloud.total("a", Kind.REQUESTS, 1_020) == 60


async def test_while_dynamodb_is_silent_each_counts_alone_and_one_line_says_so(
    servers: Servers, cloud: Cloud, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with quick_pauses(monkeypatch):
        one, other = servers.one(), servers.one()
        cloud.is_silent = True
        with capture_logs() as lines:
            assert await allowed(one) == 100
        assert [(line["log_level"], line["failures"]) for line in lines] == [("warning", 1)]
        assert "by this server alone" in lines[0]["event"]
        assert cloud.writes > 10
        with capture_logs() as lines:
            assert await allowed(one) == 0
            cloud.is_silent = False
            assert one.due
            one.due.add(Window("a", MINUTE))
            await settle(one)
        assert lines == []
        assert await cloud.total("a", Kind.REQUESTS, 1_020) == 100
        assert await allowed(other) == 10
        cloud.is_silent = True
        time.now += 60
        with capture_logs() as lines:
            await allowed(one)
        assert len(lines) == 1


async def test_writes_pause_while_dynamodb_is_silent(servers: Servers, cloud: Cloud) -> None:
    rates = servers.one()
    cloud.is_silent = True
    for caller in range(5 * AT_ONCE):
        rates.charge(f"c{caller}", {Kind.REQUESTS: 10})
    await asyncio.sleep(0.05)
    assert cloud.writes == AT_ONCE


async def test_a_lost_answer_counts_twice_at_most(
    servers: Servers, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with quick_pauses(monkeypatch):
        rates = servers.one()
        cloud.loses_answers = True
        rates.charge("a", {Kind.REQUESTS: 10})
        await settle(rates)
        cloud.loses_answers = False
        rates.charge("a", {Kind.REQUESTS: 1})
        await settle(rates)
        assert await cloud.total("a", Kind.REQUESTS, 1_020) == 21
        assert await allowed(rates) == 79


async def test_few_writes_are_under_way_at_once_and_few_windows_wait(
    servers: Servers, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(due_windows, "MOST_DUE", 30)
    rates = servers.one()
    cloud.open.clear()
    for caller in range(200):
        rates.charge(f"c{caller}", {Kind.REQUESTS: 10})
        rates.charge(f"c{caller}", {Kind.REQUESTS: 10})
    await asyncio.sleep(0.01)
    assert cloud.writes == AT_ONCE
    cloud.open.set()
    await settle(rates)
    assert (cloud.writes, cloud.most_at_once) == (30, AT_ONCE)
    rates.charge("c199", {Kind.REQUESTS: 1})  # the next request of whoever did not fit
    await settle(rates)
    assert await cloud.total("c199", Kind.REQUESTS, 1_020) == 21


async def test_callers_who_are_forgotten_meanwhile_are_counted_as_the_row_says(
    servers: Servers, cloud: Cloud
) -> None:
    rates = servers.one(callers=2)
    cloud.open.clear()
    rates.charge("a", {Kind.REQUESTS: 40})
    await asyncio.sleep(0.01)
    for caller in ("b", "c", "d"):
        rates.charge(caller, {Kind.REQUESTS: 1})
    cloud.open.set()
    await settle(rates)
    assert not rates.try_charge("a", Kind.REQUESTS, 61)
    counters = rates._rates[Kind.REQUESTS]._counters
    assert len(counters) == 2


async def test_a_server_ends_in_the_middle_of_a_write(servers: Servers, cloud: Cloud) -> None:
    rates = servers.one()
    cloud.open.clear()
    rates.charge("a", {Kind.REQUESTS: 10})
    await asyncio.sleep(0.01)
    async with asyncio.timeout(1):
        await servers.end()
    assert cloud.at_once == 0


async def test_rows_expire(servers: Servers, cloud: Cloud) -> None:
    rates = servers.one()
    rates.charge("a", {Kind.REQUESTS: 10})
    await settle(rates)
    row = await Store(cloud.engine, NAMES).get(tables.RateCounter, row_id(Window("a", MINUTE), 1_020))
    assert row
    assert row["expiresAt"] == {"N": str(1_020 + 600)}
    assert row.keys() == {"id", "requests", "expiresAt"}


def test_no_caller_has_anothers_row() -> None:
    keys = ["a", "a\x1f60", "60\x1fa", "192.0.2.7", "2001:db8:1:2::/64", "", "\x1f"]
    ids = [row_id(Window(who, seconds), ends) for who in keys for seconds in (MINUTE, DAY) for ends in (60, DAY)]
    assert len(set(ids)) == len(ids)


def test_every_kind_has_an_attribute() -> None:
    assert set(COUNTS) == set(Kind)
    attributes = {name for name, one in tables.RateCounter.get_attributes().items() if one.attr_type == "N"}
    assert attributes - {"expiresAt"} == {one.attr_name for one in COUNTS.values()}


async def test_what_is_due_is_known_until_it_is_dealt_with() -> None:
    due, window = DueWindows(PARTS), Window("a", MINUTE)
    due.add(window)
    due.add(window)
    async with due.next() as first:
        assert first == window
        due.add(window)
    assert due._queue.empty()
    due.add(window)
    assert due._queue.qsize() == 1
