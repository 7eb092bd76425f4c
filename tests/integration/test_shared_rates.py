"""Two servers over one cloud: what one caller may ask both for, with a shared counter and without."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from structlog.testing import capture_logs

from models.changes import Feed
from models.settings import Settings
from models.storage.breaker import AwsLimits
from resolvers.apps.hourbank import HOURBANK
from resolvers.composition import composed
from resolvers.hosting.settings import ServerSettings
from resolvers.identity.issuer import LocalIssuer
from resolvers.rates.limits import MINUTE, RateLimits
from tests.unit.rates import NO_LIMITS
from workflows.deployment.target import page_secret

ALLOWED = 30
PARTS = 10
ASKED = {"query": "{ __typename }"}
# Seconds between a member's requests, so that a busy cloud has written meanwhile.
PACE = 0.02


class Servers:
    """Two servers that know nothing of each other.

    Args:
        issuer: of the tokens.
        clients: a client of each.
    """

    def __init__(self, issuer: LocalIssuer, clients: list[httpx.AsyncClient]) -> None:
        self._issuer = issuer
        self.clients = clients

    def member(self) -> dict[str, str]:
        """Return the headers of a member whom no other test knows."""
        return {"Authorization": self._issuer.mint(f"sub-{uuid4()}", "asker")}

    async def allowed(self, member: dict[str, str], *numbers: int) -> list[int]:
        """Let a member ask servers in turn until all of them refuse; return how much each has allowed."""
        counts = dict.fromkeys(numbers, 0)
        while True:
            answers = {n: await self.clients[n].post("/graphql", json=ASKED, headers=member) for n in numbers}
            statuses = {number: answer.status_code for number, answer in answers.items()}
            assert set(statuses.values()) <= {200, 429}
            for number, status in statuses.items():
                counts[number] += status == 200
            if 200 not in statuses.values():
                return list(counts.values())
            await asyncio.sleep(PACE)


@asynccontextmanager
async def two_servers(directory: Path, **limits: int) -> AsyncIterator[Servers]:
    """Compose two servers over the cloud that the AWS variables lead to."""
    issuer = LocalIssuer(directory)
    rates = RateLimits(**{**NO_LIMITS, "requests": ALLOWED, **limits})
    own = ServerSettings().with_defaults(is_local=False)
    shared = page_secret(Settings())
    own = own.model_copy(update={"rates": rates, "aws": AwsLimits(call_seconds=10), "page_secret": shared})
    async with AsyncExitStack() as stack:
        clients = []
        for _ in range(2):
            server = composed(HOURBANK, Settings(feed=Feed.STREAMS), own, issuer.identity())
            transport = httpx.ASGITransport(await stack.enter_async_context(server))
            client = httpx.AsyncClient(transport=transport, base_url="http://server")
            clients.append(await stack.enter_async_context(client))
        yield Servers(issuer, clients)


async def enough_of_the_minute() -> None:
    """Wait for the next minute if this one ends soon: windows of a shared counter are the clock's."""
    if (left := MINUTE - time.time() % MINUTE) < 3:
        await asyncio.sleep(left)


@pytest.mark.usefixtures("aws")
async def test_with_a_shared_counter_all_together_allow_the_whole_and_little_more(tmp_path: Path) -> None:
    with capture_logs() as lines:
        async with two_servers(tmp_path, shared_parts=PARTS, servers=2) as servers:
            await enough_of_the_minute()
            # A part for the other server, and what was asked while writes were under way.
            in_turn = servers.member()
            assert ALLOWED <= sum(await servers.allowed(in_turn, 0, 1)) <= 1.5 * ALLOWED
            at_one = servers.member()
            assert await servers.allowed(at_one, 0) == [ALLOWED]
            (elsewhere,) = await servers.allowed(at_one, 1)
            assert elsewhere <= ALLOWED / 4
    assert [line for line in lines if line["log_level"] not in ("debug", "info")] == []


@pytest.mark.usefixtures("aws")
async def test_without_one_each_server_allows_its_own(tmp_path: Path) -> None:
    async with two_servers(tmp_path) as servers:
        assert await servers.allowed(servers.member(), 0, 1) == [ALLOWED, ALLOWED]
