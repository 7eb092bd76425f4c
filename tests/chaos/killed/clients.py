"""Real clients: members who deal with each other over HTTP and insist, whatever dies meanwhile."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any, cast
from uuid import uuid4

import httpx

from models.requests.statuses import ENDED
from tests.chaos.killed.kill_scenarios import ACTS, PLOTS, Plot
from tests.integration.conftest import GraphQL, Member, RefusedError, Server, joining, minting
from tests.integration.dispute_client import Quarrel, quarrel_over
from tests.integration.request_client import STATUS, new_deal
from tests.integration.test_transfers import TRANSFER

# Hours enough for whatever a test does with them.
ISSUED = 500
# What says nothing of what became of a mutation, or that nothing did: a client sends it again.
_PASSING = frozenset({"InternalFailure", "CONTENTION"})
# Longer than the 20 s that a movement is tried for.
_ANSWER_LIMIT = 25.0
_PAUSE = 0.2
# A wait that is open so long after what people have done: what they did has come to be undone.
_LOST_AFTER = 2.0
_GIVEN_BACK = Decimal("0.01")


@asynccontextmanager
async def insisting(server: Server) -> AsyncIterator[GraphQL]:
    """Give what asks a server as a good client does: again, until there is an answer that says what became of it.

    Half of what is sent carries an Idempotency-Key; the other half counts on being repeatable by itself.
    """
    keyed = Random(0)  # noqa: S311 — no secret
    async with httpx.AsyncClient(base_url=server.url, timeout=_ANSWER_LIMIT) as client:

        async def ask(token: str, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
            key = {"Idempotency-Key": str(uuid4())} if keyed.random() < 1 / 2 else {}
            sent = {"query": query, "variables": variables or {}}
            while True:
                with suppress(httpx.TransportError):
                    answer = await client.post("/graphql", json=sent, headers={"Authorization": token, **key})
                    body = answer.json()
                    if not (errors := body.get("errors")):
                        return cast("dict[str, Any]", body["data"])
                    if errors[0].get("errorType") not in _PASSING:
                        raise RefusedError(errors)
                await asyncio.sleep(_PAUSE)

        yield ask


async def give(graphql: GraphQL, by: Member, to: Member, amount: Decimal | int, *, issued: bool = False) -> None:
    """Give hours to another member, or issue some as an admin."""
    kind = (
        {"transactionType": "ADMIN_ADJUSTMENT"}
        if issued
        else {"transactionType": "TRANSFER", "fromUserId": by.sub}
    )
    wish = {"id": str(uuid4()), "toUserId": to.sub, "amount": float(amount), **kind}
    await graphql(by.token, TRANSFER, {"input": wish})


@dataclass(slots=True)
class Player:
    """A requester and a provider, who have one request after the other; and each time a little is given back.

    Args:
        quarrel: the two, and the admin who decides what they cannot agree on.
        random: chooses among the plots.
        may_rewind: what was done may come to be undone, so that the two look whether they have to do it again.
        played: how often each plot was played.
        moved: the hours that went from the requester to the provider.
        rested: when the last request ended, by the monotonic clock.
    """

    quarrel: Quarrel
    random: Random
    may_rewind: bool = False
    played: Counter[str] = field(default_factory=Counter)
    moved: Decimal = Decimal(0)
    rested: float = 0.0

    async def play(self, enough: asyncio.Event) -> None:
        """Play until it is enough, and what has begun to its end; if need be also what had ended already."""
        deal = self.quarrel.deal
        games: list[_Game] = []
        while not enough.is_set():
            name = self.random.choice([*PLOTS])
            games.append(_Game(replace(self.quarrel, deal=deal.again()), PLOTS[name], self.may_rewind))
            await games[-1].play()
            await give(deal.graphql, deal.bob, deal.alice, _GIVEN_BACK)
            self.moved += Decimal(PLOTS[name].spent) - _GIVEN_BACK
            self.played[name] += 1
            self.rested = time.monotonic()
        if self.may_rewind:
            await asyncio.gather(*(game.go_on() for game in games))
            self.rested = time.monotonic()


@dataclass(slots=True)
class _Game:
    """One request, gone one way; `turns` is how many people have had at each step, `at` when they had the last."""

    quarrel: Quarrel
    plot: Plot
    may_rewind: bool
    turns: Counter[str] = field(default_factory=Counter)
    at: float = 0.0

    async def play(self) -> None:
        """Ask, and do whatever the plot wants until the request has ended."""
        await self.quarrel.deal.ask()
        await self.go_on()

    async def go_on(self) -> None:
        """Do whatever the plot still wants."""
        while True:
            found = await self._look()
            is_over, step = found["status"] in ENDED, found["currentStep"]
            if (is_over or found["deadline"]) and self._is_on(step):
                await self._act(step)
            elif is_over:
                # Two of its requests that were one after the other may come to be at once: the later is refused.
                assert self.may_rewind or found["status"] == self.plot.status, f"{self.plot} has come to {found}"
                return
            else:
                await asyncio.sleep(_PAUSE)

    async def _look(self) -> dict[str, Any]:
        """Look how far it has come; ask again if it has come to be gone."""
        deal = self.quarrel.deal
        arn = {"arn": f"any:{deal.id}"}
        while not (found := (await deal.graphql(deal.alice.token, STATUS, arn))["getWorkflowStatus"]):
            assert self.may_rewind, f"request {deal.id} is gone"
            await deal.ask()
        step = found["currentStep"]
        if self.may_rewind and found["deadline"] and self.turns[step] and time.monotonic() - self.at > _LOST_AFTER:
            self.turns[step] -= 1
        return cast("dict[str, Any]", found)

    def _is_on(self, step: str) -> bool:
        return self.turns[step] < len(self.plot.acts.get(step, ()))

    async def _act(self, step: str) -> None:
        """Act; what is refused came too early or too late, and the next look tells which."""
        try:
            await ACTS[self.plot.acts[step][self.turns[step]]](self.quarrel)
        except RefusedError:
            await asyncio.sleep(_PAUSE)
        else:
            self.turns[step] += 1
            self.at = time.monotonic()


@dataclass(frozen=True, slots=True)
class Clients:
    """Members in a ring: each asks the next one, so that every balance is moved from two sides."""

    players: Sequence[Player]

    @classmethod
    async def gather(
        cls, server: Server, graphql: GraphQL, size: int, seed: int, *, may_rewind: bool = False
    ) -> "Clients":
        """Let them join, and give them hours enough."""
        join = joining(graphql, minting(server))
        admin = await join("ada", "admin")
        ring = [await join("member") for _ in range(size)]
        for member in ring:
            await give(graphql, admin, member, ISSUED, issued=True)
        players = []
        for number, alice in enumerate(ring):
            pair = {"alice": alice, "bob": ring[(number + 1) % size], "ada": admin}
            quarrel = await quarrel_over(await new_deal(graphql, _out_of(pair)), _out_of(pair))
            random = Random(f"{seed}/{number}")  # noqa: S311 — no secret
            players.append(Player(quarrel, random, may_rewind))
        return cls(players)

    async def play(self, enough: asyncio.Event) -> None:
        """Let everybody play until it is enough."""
        async with asyncio.TaskGroup() as tasks:
            for player in self.players:
                tasks.create_task(player.play(enough))

    @property
    def played(self) -> Counter[str]:
        """Return how often each plot was played."""
        return sum((player.played for player in self.players), Counter())

    @property
    def rested(self) -> float:
        """Return when the last request ended, by the monotonic clock."""
        return max(player.rested for player in self.players)

    async def check_hours(self) -> None:
        """Assert that everybody has exactly the hours that the plots have left them."""
        due = {player.quarrel.deal.alice.sub: Decimal(10 + ISSUED) for player in self.players}
        for player in self.players:
            due[player.quarrel.deal.alice.sub] -= player.moved
            due[player.quarrel.deal.bob.sub] += player.moved
        for player in self.players:
            deal = player.quarrel.deal
            assert await deal.hours(deal.alice) == (due[deal.alice.sub], Decimal(0))


def _out_of(members: dict[str, Member]) -> Any:
    """Return what lets somebody join who has joined already."""

    async def join(role: str, *_groups: str) -> Member:
        return members[role]

    return join
