"""The server killed, the server stopped, the local cloud restarted: every request goes on to its end."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.integration.conftest import STOP_LIMIT, RefusedError, Server, asking, joining, minting
from tests.integration.dispute_client import Quarrel, quarrel_over
from tests.integration.request_client import Deal, new_deal

PATIENT = {
    "HOURBANK_RESPONSE_WINDOW": "PT1H",
    "HOURBANK_CONFIRMATION_WINDOW": "PT1H",
    "HOURBANK_MARK_WINDOW": "PT1H",
}
PAID = ((Decimal(8), Decimal(0)), (Decimal(12), Decimal(0)))
# A step that was cut off is retried after 2, 4 and 8 s; one that failed for good is resumed at once.
WITHIN = 60


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, to be killed."""
    server = Server(tmp_path_factory.mktemp("mortal"), **PATIENT)
    server.start()
    yield server
    server.stop()


def kill(server: Server) -> None:
    """The local cloud lives on."""
    server.end(signal.SIGKILL)
    server.start()


def restart(server: Server) -> None:
    """The local cloud stops, too, and forgets every execution and token."""
    assert server.end(signal.SIGINT) == 0
    server.start()


Blow = Callable[[Server], None]
# A tale pauses wherever a blow is to be dealt.
Tale = AsyncIterator[None]


async def paid_for(deal: Deal) -> Tale:
    """A request goes its plain way."""
    await deal.ask()
    await deal.reach("AWAITING_RESPONSE")
    yield
    await deal.respond()
    await deal.reach("ACCEPTED", WITHIN)
    yield
    await deal.mark("markServiceStarted")
    yield
    await again_and_again(lambda: deal.mark("confirmServiceStart"))
    await deal.reach("IN_PROGRESS", WITHIN)
    yield
    await deal.mark("markServiceComplete")
    yield
    await again_and_again(lambda: deal.mark("confirmServiceCompletion"))


async def fought_over(quarrel: Quarrel) -> Tale:
    """Both sides dispute a request, the one after the other."""
    deal = quarrel.deal
    await deal.accepted()
    await quarrel.raise_it()
    yield
    await quarrel.assign()
    yield
    await again_and_again(lambda: quarrel.decide("DismissDispute"))
    yield
    await quarrel.reach("status", "DISMISSED", within=WITHIN)
    await again_and_again(lambda: deal.mark("markServiceStarted"))
    yield
    await again_and_again(lambda: deal.mark("confirmServiceStart"))
    await deal.reach("IN_PROGRESS", WITHIN)
    other = Quarrel(deal, quarrel.admin)
    await other.raise_it(deal.bob)
    await other.assign()
    await again_and_again(lambda: other.decide("PayToProvider"))
    yield


@pytest.mark.parametrize("blow", [kill, restart])
async def test_in_every_wait(mortal: Server, blow: Blow) -> None:
    async with asking(mortal) as graphql:
        members = joining(graphql, minting(mortal))
        plain = await new_deal(graphql, members)
        quarrel = await quarrel_over(await new_deal(graphql, members), members)
        tales = [paid_for(plain), fought_over(quarrel)]
        while any(await asyncio.gather(*(goes_on(tale) for tale in tales))):
            await asyncio.to_thread(blow, mortal)
        for deal in (plain, quarrel.deal):
            await deal.reach("PAID", WITHIN)
            assert await deal.all_hours() == PAID


async def goes_on(tale: Tale) -> bool:
    """Let a tale come to its next pause; tell whether it has one."""
    try:
        await anext(tale)
    except StopAsyncIteration:
        return False
    return True


async def again_and_again(act: Callable[[], Awaitable[object]]) -> None:
    """Do what a client does who is a little early."""
    for _ in range(10 * WITHIN):
        try:
            await act()
        except RefusedError as refused:
            if refused.code not in ("INVALID_REQUEST_STATUS", "INVALID_STATUS_FOR_COMPLETION"):
                raise
        else:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not go through")


def test_a_server_whose_cloud_is_killed_ends_and_the_next_one_goes_on(mortal: Server) -> None:
    """What it knows may be newer than the cloud's last save; whoever starts again begins with what there is."""
    assert mortal.process
    os.kill(json.loads((mortal.directory / "cloud.json").read_text())["pid"], signal.SIGKILL)
    assert mortal.process.wait(STOP_LIMIT) == 1
    assert mortal.log.rstrip().endswith("it goes on from its last save.")
    mortal.start()


def test_no_process_is_left_after_a_clean_stop(mortal: Server) -> None:
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
