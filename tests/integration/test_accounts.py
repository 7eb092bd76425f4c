"""Direct transfers and locks on a real engine: concurrent, repeated, cut off, overtaken, with one effect each."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from models import clock
from models.errors import Code, Refusal
from models.storage.async_calls import AsyncCalls
from models.storage.calls import Calls
from models.storage.names import Names
from tests.chaos.faults import Fault, FaultyCalls, each_write
from tests.integration.conftest import LONG_LINES
from tests.integration.two_members import TwoMembers
from tests.unit.books import replay
from tests.unit.builders import ADA, figures, hours


@pytest.fixture
async def calls(names: Names) -> AsyncIterator[AsyncCalls]:  # noqa: ARG001 — its environment leads to the engine
    async with AsyncCalls(["dynamodb"], lines=LONG_LINES) as opened:
        yield opened


@pytest.fixture
async def pair(calls: AsyncCalls, names: Names) -> TwoMembers:
    pair = TwoMembers(calls, names)
    await pair.set_up(0)
    return pair


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNSENT, Fault.CONFLICT, Fault.THROTTLED])
async def test_a_transfer_that_was_cut_off_has_one_effect(
    pair: TwoMembers, calls: AsyncCalls, fault: Fault
) -> None:
    transfer = pair.make_transfer(pair.alice, pair.bob, "10")
    entry = await pair.accounts(FaultyCalls(calls, each_write(fault))).transfer(transfer)
    assert not isinstance(entry, Refusal)
    assert await pair.accounts(calls).transfer(transfer) == entry
    await pair.audit(("0", "0"), ("20", "0"))


async def test_one_transfer_by_many_at_once_is_one_transfer(pair: TwoMembers, calls: AsyncCalls) -> None:
    transfer = pair.make_transfer(pair.alice, pair.bob, "10")
    async with AsyncCalls(["dynamodb"], lines=LONG_LINES) as other:
        servers = (pair.accounts(calls), pair.accounts(other))
        entries = await asyncio.gather(*(servers[number % 2].transfer(transfer) for number in range(10)))
    assert all(entry == entries[0] for entry in entries)
    assert not isinstance(entries[0], Refusal)
    await pair.audit(("0", "0"), ("20", "0"))


class Overtaken:
    """Calls of a process that another process overtakes just before its second read."""

    def __init__(self, calls: Calls, overtake: Callable[[], Awaitable[object]]) -> None:
        self._calls = calls
        self._overtake = overtake
        self._reads = 0

    async def call(self, service: str, operation: str, **params: Any) -> Any:
        self._reads += operation == "batch_get_item"
        if self._reads == 2:
            await self._overtake()
        return await self._calls.call(service, operation, **params)

    async def pause(self, seconds: float) -> None:
        await self._calls.pause(seconds)

    def is_free(self, keys: Iterable[str]) -> bool:
        return self._calls.is_free(keys)

    def queue(self, keys: Iterable[str], *, by: str | None = None) -> AbstractAsyncContextManager[None]:
        return self._calls.queue(keys, by=by)


async def test_a_refusal_is_not_of_what_another_process_has_just_done(pair: TwoMembers, calls: AsyncCalls) -> None:
    transfer = pair.make_transfer(pair.alice, pair.bob, "10")
    async with AsyncCalls(["dynamodb"], lines=LONG_LINES) as other:
        overtaken = Overtaken(calls, lambda: pair.accounts(other).transfer(transfer))
        entry = await pair.accounts(overtaken).transfer(transfer)
    assert not isinstance(entry, Refusal), entry
    await pair.audit(("0", "0"), ("20", "0"))


async def test_opposite_transfers_at_once_end_exact(pair: TwoMembers, calls: AsyncCalls) -> None:
    async with AsyncCalls(["dynamodb"], lines=LONG_LINES) as other:
        servers = (pair.accounts(calls), pair.accounts(other))
        pairs = [
            (servers[number % 2].transfer(pair.make_transfer(pair.alice, pair.bob, "2")),
             servers[1 - number % 2].transfer(pair.make_transfer(pair.bob, pair.alice, "1.25")))
            for number in range(4)
        ]  # fmt: skip
        done = await asyncio.gather(*(one for pair in pairs for one in pair))
    assert not any(isinstance(one, Refusal) for one in done)
    await pair.audit(("7", "0"), ("13", "0"))


async def test_thirty_transfers_at_once_from_one_account_end_exact(pair: TwoMembers, calls: AsyncCalls) -> None:
    async with AsyncCalls(["dynamodb"], lines=LONG_LINES) as other:
        servers = (pair.accounts(calls), pair.accounts(other))
        done = await asyncio.gather(
            *(
                servers[number % 2].transfer(pair.make_transfer(pair.alice, pair.bob, "0.5"))
                for number in range(30)
            )
        )
    refused = [one for one in done if isinstance(one, Refusal)]
    assert {one.code for one in refused} == {Code.INSUFFICIENT_BALANCE}
    assert len(refused) == 10
    await pair.audit(("0", "0"), ("20", "0"))
    log = await pair.entries(pair.alice)
    assert figures(replay(log, user_id=pair.alice, now=clock.now())) == figures(await pair.balance(pair.alice))


@pytest.mark.parametrize("_turn", range(5))
async def test_a_lock_and_gifts_at_once_nothing_is_given_afterwards(
    pair: TwoMembers, calls: AsyncCalls, _turn: int
) -> None:
    async with AsyncCalls(["dynamodb"], lines=LONG_LINES) as other:
        *given, locked = await asyncio.gather(
            *(pair.accounts(calls).transfer(pair.make_transfer(pair.alice, pair.bob, "0.5")) for _ in range(4)),
            pair.accounts(other).lock(pair.alice, by=ADA, reason="A complaint"),
        )
    assert not isinstance(locked, Refusal)
    refused = [one for one in given if isinstance(one, Refusal)]
    assert {one.code for one in refused} <= {Code.ACCOUNT_LOCKED}
    balance = await pair.balance(pair.alice)
    # The lock was the last version, whatever had been transferred before.
    assert balance == locked
    assert balance.available_balance == 10 - (4 - len(refused)) * hours("0.5")
    assert (await pair.balance(pair.bob)).total_balance == 20 - balance.total_balance
    assert len(await pair.entries(pair.alice)) == balance.version - 1
