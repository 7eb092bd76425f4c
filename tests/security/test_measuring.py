"""The means by which attacks are measured see what there is to see."""

import asyncio

import pytest

from tests.security.measuring import Target, measuring, neighbour
from tests.security.wire import exchange, frame, operation, request, signed_in

pytestmark = pytest.mark.long

MEMBERS = "query($limit: Int) { listUsers(limit: $limit) { items { id username } } }"


async def test_an_idle_server_costs_next_to_nothing(measured_server: Target) -> None:
    async with measuring(measured_server) as cost:
        await asyncio.sleep(1)
    cost.check()
    assert len(cost.others.polls) > 10
    assert cost.others.waits


async def test_work_is_seen_as_cpu(measured_server: Target) -> None:
    headers = {"Authorization": measured_server.token("alice")}
    sent = request(measured_server, operation(MEMBERS, {"limit": 5}), headers)
    async with measuring(measured_server) as cost:
        for _ in range(100):
            answer = await exchange(measured_server, sent)
            assert b'"username"' in answer, answer
    assert cost.cpu > 0.02
    assert not cost.is_within(cpu=0.02)


async def test_a_server_that_stands_still_is_seen_by_others(measured_server: Target) -> None:
    async with neighbour(measured_server) as waited:
        await asyncio.sleep(0.2)
        await asyncio.to_thread(measured_server.stall, 0.5)
        await asyncio.sleep(0.2)
    assert 0.4 < waited.p99 <= waited.longest
    assert waited.p50 < waited.longest
    # All the polls that were due meanwhile count.
    assert sum(wait > 0.1 for wait in waited.waits) > 10


async def test_memory_descriptors_and_the_log_are_the_servers(measured_server: Target) -> None:
    before = measured_server.descriptors()
    async with signed_in(measured_server, "alice") as wire:
        assert measured_server.descriptors() == before + 1
        await wire.send(frame({"type": "ping"}))
        assert b"pong" in await wire.until(b"}", within=5)
    assert 20_000_000 < measured_server.memory() < 1_000_000_000
    assert "Traceback" not in measured_server.log()
