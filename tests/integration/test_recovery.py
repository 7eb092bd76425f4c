"""The server killed, the server stopped, the local cloud restarted: every request goes on to its end."""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from tests.integration.conftest import GraphQL, Member, RefusedError, Server, asking, joining, minting
from tests.integration.quarrels import Quarrel, quarrel_over
from tests.integration.requests import Deal, new_deal

PATIENT = {
    "HOURBANK_RESPONSE_WINDOW": "PT1H",
    "HOURBANK_CONFIRMATION_WINDOW": "PT1H",
    "HOURBANK_MARK_WINDOW": "PT1H",
}
PAID = ((Decimal(8), Decimal(0)), (Decimal(12), Decimal(0)))
# A step that was cut off is retried after 2, 4 and 8 s; one that failed for good is found by the sweep's minute.
WITHIN = 100


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, to be killed."""
    server = Server(tmp_path_factory.mktemp("mortal"), **PATIENT)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def quarrel(mortal: Server) -> AsyncIterator[Quarrel]:
    """Two who deal, and an admin in case they fall out."""
    if mortal.process is None:
        mortal.start()
    async with asking(mortal) as graphql:
        members = joining(graphql, minting(mortal))
        yield await quarrel_over(await new_deal(graphql, members), members)


@pytest.fixture
def deal(quarrel: Quarrel) -> Deal:
    return quarrel.deal


def kill(server: Server) -> None:
    server.end(signal.SIGKILL)
    server.start()


def restart(server: Server) -> None:
    assert server.end(signal.SIGINT) == 0
    server.start()


Blow = Callable[[Server], None]


@pytest.mark.parametrize("blow", [kill, restart])
async def test_in_every_wait(mortal: Server, deal: Deal, blow: Blow) -> None:
    """Killed: the local cloud lives on. Stopped: it stops, too, and forgets every execution and token."""
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    blow(mortal)
    await deal.respond()
    await deal.reach("ACCEPTED", WITHIN)
    blow(mortal)
    await deal.mark("markServiceStarted")
    blow(mortal)
    await again_and_again(lambda: deal.mark("confirmServiceStart"))
    await deal.reach("IN_PROGRESS", WITHIN)
    blow(mortal)
    await deal.mark("markServiceComplete")
    blow(mortal)
    await again_and_again(lambda: deal.mark("confirmServiceCompletion"))
    await deal.reach("PAID", WITHIN)
    assert await deal.all_hours() == PAID


@pytest.mark.parametrize("blow", [kill, restart])
async def test_in_every_wait_of_a_dispute(mortal: Server, quarrel: Quarrel, blow: Blow) -> None:
    deal = quarrel.deal
    await deal.accepted()
    await quarrel.raise_it()
    blow(mortal)
    await quarrel.assign()
    blow(mortal)
    await again_and_again(lambda: quarrel.decide("DismissDispute"))
    blow(mortal)
    await quarrel.reach("status", "DISMISSED", within=WITHIN)
    await again_and_again(lambda: deal.mark("markServiceStarted"))
    blow(mortal)
    await again_and_again(lambda: deal.mark("confirmServiceStart"))
    await deal.reach("IN_PROGRESS", WITHIN)
    other = Quarrel(deal, quarrel.admin)
    await other.raise_it(deal.bob)
    await other.assign()
    await again_and_again(lambda: other.decide("PayToProvider"))
    blow(mortal)
    await deal.reach("PAID", WITHIN)
    assert await deal.all_hours() == PAID


async def again_and_again(act: Callable[[], Awaitable[object]]) -> None:
    """Do what a client does whose answer is lost, or who is a little early."""
    for _ in range(600):
        with suppress(httpx.TransportError):
            try:
                await act()
            except RefusedError as refused:
                if refused.code not in (
                    "INVALID_REQUEST_STATUS",
                    "INVALID_STATUS_FOR_COMPLETION",
                    "InternalFailure",
                ):
                    raise
            else:
                return
        await asyncio.sleep(0.2)
    raise AssertionError("it did not go through")


@pytest.mark.parametrize("seed", range(3))
async def test_between_any_two_steps(mortal: Server, deal: Deal, seed: int) -> None:
    """Killed after a random while, again and again, while two clients repeat whatever is cut off."""
    moments = random.Random(seed)  # noqa: S311 — no secret

    async def live() -> None:
        await again_and_again(deal.ask)
        await again_and_again(deal.respond)
        await again_and_again(lambda: deal.mark("markServiceStarted"))
        await again_and_again(lambda: deal.mark("confirmServiceStart"))
        await again_and_again(lambda: deal.mark("markServiceComplete"))
        await again_and_again(lambda: deal.mark("confirmServiceCompletion"))

    living = asyncio.create_task(live())
    for _ in range(5):
        await asyncio.sleep(moments.uniform(0.05, 0.6))
        await asyncio.to_thread(kill, mortal)
    await living
    await deal.reach("PAID", WITHIN)
    assert await deal.all_hours() == PAID
    for member, moves in ((deal.alice, 3), (deal.bob, 2)):
        assert await log_length(deal.graphql, member) == moves


async def log_length(graphql: GraphQL, member: Member) -> int:
    query = "query Q($userId: ID!) { transactionLogsByUserId(userId: $userId) { items { id } } }"
    data = await graphql(member.token, query, {"userId": member.sub})
    return len(data["transactionLogsByUserId"]["items"])


async def test_no_process_is_left_after_a_clean_stop(mortal: Server) -> None:
    if mortal.process is None:
        mortal.start()
    assert mortal.end(signal.SIGTERM) == 0
    assert mortal.processes() == []


@pytest.mark.parametrize("later", [0.0, 0.15, 0.4])
def test_an_interruption_while_the_cloud_starts_leaves_nothing_behind(tmp_path: Path, later: float) -> None:
    server = Server(tmp_path)
    server.launch()
    while not any("ministack_app" in line for line in server.processes()):
        time.sleep(0.01)
    time.sleep(later)
    assert server.end(signal.SIGINT) == 0
    assert server.processes() == []
    assert "Traceback" not in server.log
