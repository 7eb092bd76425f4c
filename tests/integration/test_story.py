"""The demo's story, and how soon a subscriber receives what a Lambda handler has written."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.integration.conftest import GraphQL, Server
from tests.integration.polling import SOON
from tests.integration.request_client import Joining, new_client
from tests.story.client import Client
from tests.story.play import Actor, Figures, Story

WATCH = "subscription($requesterId:String){onUpdateServiceRequest(requesterId:$requesterId){id status updatedAt}}"


@dataclass
class Audience:
    """A stage that records the story."""

    statuses: list[str] = field(default_factory=list)
    sums: list[float] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)

    def says(self, who: str, text: str) -> None:
        pass

    def hears(self, who: str, notice: dict[str, Any]) -> None:
        self.heard.append(f"{who}: {notice['title']}")

    def sees(self, event: dict[str, Any]) -> None:
        if event["status"] not in self.statuses:
            self.statuses.append(event["status"])

    def counts(self, when: str, hours: dict[str, Figures]) -> None:
        assert when
        self.sums.append(sum(figures.total for figures in hours.values()))


async def test_the_story_ends_in_paid_and_every_status_was_pushed(server: Server, members: Joining) -> None:
    audience = Audience()
    async with httpx.AsyncClient(timeout=30) as http:
        alice, bob = [
            Actor(name, member.sub, Client(server.url, member.token, http))
            for name in ("alice", "bob")
            for member in [await members(name)]
        ]
        assert await Story(alice, bob, audience).play() == "PAID"
        assert await alice.figures() == Figures(8, 0, 8)
        assert await bob.figures() == Figures(12, 0, 12)
    straight = ["AWAITING_RESPONSE", "ACCEPTED", "IN_PROGRESS", "COMPLETED", "PAID"]
    assert audience.statuses[-len(straight) :] == straight
    assert audience.sums == [20, 20, 20]
    assert audience.heard == ["bob: You have a new request"]


async def test_what_a_handler_writes_is_pushed_within_half_a_second(
    server: Server, graphql: GraphQL, members: Joining
) -> None:
    """Measured from the time in the row to the frame on the socket, over the statuses of ten requests."""
    first = await new_client(graphql, members)
    late: list[float] = []
    async with httpx.AsyncClient(timeout=30) as http:
        watcher = Client(server.url, first.alice.token, http)
        async with watcher.watch(WATCH, requesterId=first.alice.sub) as events:
            # Delays by other processes are transient; our own are not.
            while not late or (late[-1] >= 0.5 and len(late) < 3):
                delays: list[float] = []
                for _ in range(10):
                    client = first.again()
                    await client.ask(0.5)
                    status = ""
                    while status != "AWAITING_RESPONSE":
                        event = await asyncio.wait_for(events.get(), SOON)
                        status = event["status"]
                        written = datetime.fromisoformat(event["updatedAt"])
                        delays.append((datetime.now(UTC) - written).total_seconds())
                    await client.end("cancelServiceRequest", by=client.alice)
                    while (await asyncio.wait_for(events.get(), SOON))["status"] != "REJECTED":
                        pass
                assert len(delays) >= 20
                late.append(sorted(delays)[int(len(delays) * 0.95)])
    assert min(late) < 0.5
