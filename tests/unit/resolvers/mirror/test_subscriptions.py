"""How much work one caller's subscriptions may make, on all their sockets together."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from resolvers.feed.limits import SubscriptionLimits
from resolvers.mirror.subscriptions import _Timed
from resolvers.rates.rates import Rate, RateLimitedError
from schema.build import MirrorSchema
from tests.unit.realtime import FILTERED, listening, problem, start, started


def of(operators: int, text: str = "x") -> dict[str, Any]:
    return {"or": [{"title": {"contains": f"{text}{number}"}} for number in range(operators)]}


@pytest.mark.parametrize("operators", [5, 10])
async def test_the_operators_of_all_sockets_count_together(realtime_schema: MirrorSchema, operators: int) -> None:
    limits = SubscriptionLimits(open_operators=20)
    async with listening(realtime_schema, limits=limits) as server, AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(server.client()) for _ in range(2)]
        most = 20 // operators
        for number in range(most):
            await started(sockets[number % 2], str(number), FILTERED, f=of(operators))
        start(sockets[0], "more", FILTERED, f=of(1))
        assert problem(await sockets[0].receive_json()) == "RATE_LIMITED"
        sockets[0].send(id="0", type="stop")
        assert (await sockets[0].receive_json())["type"] == "complete"
        await started(sockets[1], "again", FILTERED, f=of(operators))
        other = await stack.enter_async_context(server.client("bob"))
        await started(other, "1", FILTERED, by="bob", f=of(20))


async def test_a_filter_over_its_limit_is_refused_and_the_socket_goes_on(realtime_schema: MirrorSchema) -> None:
    async with listening(realtime_schema) as server, server.client() as socket:
        start(socket, "1", FILTERED, f=of(51))
        assert problem(await socket.receive_json()) == "BadRequest"
        await started(socket, "1", FILTERED, f=of(50))


async def test_filters_that_take_too_long_end_their_own_subscription(realtime_schema: MirrorSchema) -> None:
    limits = SubscriptionLimits(filtering=1)
    heavy = "needle " * 60_000
    async with listening(realtime_schema, limits=limits) as server, AsyncExitStack() as stack:
        alice, bob = [await stack.enter_async_context(server.client(name)) for name in ("alice", "bob")]
        await started(alice, "1", FILTERED, f=of(50, "needle needlf"))
        await started(bob, "1", FILTERED, by="bob", f={"title": {"beginsWith": "n"}})
        for number in range(8):
            server.write(f"s{number}", title=heavy)
        assert problem(await alice.receive_json()) == "RATE_LIMITED"
        for number in range(8):
            assert (await bob.receive_json())["payload"]["data"]["onCreateService"]["id"] == f"s{number}"


def test_time_is_charged_by_the_millisecond() -> None:
    charged: list[int] = []
    test = _Timed(lambda row: sum(range(20_000)) > len(row), charged.append)
    for _ in range(100):
        assert test({})
    assert charged
    assert min(charged) >= 1_000
    rate = Rate("filtering", "microseconds", 1_000, 60)
    rate.charge("a", 600)
    with pytest.raises(RateLimitedError):
        rate.charge("a", 600)
