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
from tests.integration.dispute_client import DisputeClient, new_dispute_client
from tests.integration.request_client import RequestClient, new_client

PATIENT = {
    "HOURBANK_RESPONSE_WINDOW": "PT1H",
    "HOURBANK_CONFIRMATION_WINDOW": "PT1H",
    "HOURBANK_MARK_WINDOW": "PT1H",
}
PAID = ((Decimal(8), Decimal(0)), (Decimal(12), Decimal(0)))
# A step that was cut off is retried after 2, 4 and 8 s; one that failed for good is resumed at once.
WITHIN = 60


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server of its own, to be killed."""
    server = Server(tmp_path_factory.mktemp("mortal"), **PATIENT)
    server.start()
    yield server
    server.stop()


def kill(server: Server) -> None:
    """Kill the server; the local cloud lives on."""
    server.end(signal.SIGKILL)
    server.start()


def restart(server: Server) -> None:
    """Stop the server and the local cloud, which forgets every execution and task token."""
    assert server.end(signal.SIGINT) == 0
    server.start()


Interruption = Callable[[Server], None]
# A scenario yields wherever it is to be interrupted.
Scenario = AsyncIterator[None]


async def paid_scenario(client: RequestClient) -> Scenario:
    """Take a request from its creation to its payment."""
    await client.ask()
    await client.reach("AWAITING_RESPONSE")
    yield
    await client.respond()
    await client.reach("ACCEPTED", WITHIN)
    yield
    await client.mark("markServiceStarted")
    yield
    await retry_while_early(lambda: client.mark("confirmServiceStart"))
    await client.reach("IN_PROGRESS", WITHIN)
    yield
    await client.mark("markServiceComplete")
    yield
    await retry_while_early(lambda: client.mark("confirmServiceCompletion"))


async def disputed_scenario(disputes: DisputeClient) -> Scenario:
    """Let both sides dispute a request, one after the other."""
    client = disputes.client
    await client.accepted()
    await disputes.raise_it()
    yield
    await disputes.assign()
    yield
    await retry_while_early(lambda: disputes.decide("DismissDispute"))
    yield
    await disputes.reach("status", "DISMISSED", within=WITHIN)
    await retry_while_early(lambda: client.mark("markServiceStarted"))
    yield
    await retry_while_early(lambda: client.mark("confirmServiceStart"))
    await client.reach("IN_PROGRESS", WITHIN)
    other = DisputeClient(client, disputes.admin)
    await other.raise_it(client.bob)
    await other.assign()
    await retry_while_early(lambda: other.decide("PayToProvider"))
    yield


@pytest.mark.long
@pytest.mark.parametrize("interrupt", [kill, restart])
async def test_in_every_wait(own_server: Server, interrupt: Interruption) -> None:
    await interrupt_every_wait(own_server, interrupt)


async def interrupt_every_wait(own_server: Server, interrupt: Interruption) -> None:
    async with asking(own_server) as graphql:
        members = joining(graphql, minting(own_server))
        plain = await new_client(graphql, members)
        disputes = await new_dispute_client(await new_client(graphql, members), members)
        scenarios = [paid_scenario(plain), disputed_scenario(disputes)]
        while any(await asyncio.gather(*(advance(scenario) for scenario in scenarios))):
            await asyncio.to_thread(interrupt, own_server)
        for client in (plain, disputes.client):
            await client.reach("PAID", WITHIN)
            assert await client.all_hours() == PAID


async def advance(scenario: Scenario) -> bool:
    """Advance a scenario to its next pause; return whether there is one."""
    try:
        await anext(scenario)
    except StopAsyncIteration:
        return False
    return True


async def retry_while_early(act: Callable[[], Awaitable[object]]) -> None:
    """Retry an action that may be too early for the workflow."""
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


def test_a_server_whose_cloud_is_killed_ends_and_the_next_one_goes_on(own_server: Server) -> None:
    """The server may know newer rows than the cloud's last save, so it ends; the next one uses the saved rows."""
    assert own_server.process
    os.kill(json.loads((own_server.directory / "cloud.json").read_text())["pid"], signal.SIGKILL)
    assert own_server.process.wait(STOP_LIMIT) == 1
    assert "it goes on from its last save." in own_server.log
    own_server.start()


def test_no_process_is_left_after_a_clean_stop(own_server: Server) -> None:
    assert own_server.end(signal.SIGTERM) == 0
    assert own_server.processes() == []


@pytest.mark.parametrize("later", [*(pytest.param(one, marks=pytest.mark.long) for one in (0.0, 0.15)), 0.4])
def test_an_interruption_while_the_cloud_starts_leaves_nothing_behind(tmp_path: Path, later: float) -> None:
    server = Server(tmp_path)
    server.launch()
    while not any("ministack_app" in line for line in server.processes()):
        time.sleep(0.01)
    time.sleep(later)
    assert server.end(signal.SIGINT) == 0
    assert server.processes() == []
    assert "Traceback" not in server.log
