"""A crowd of real clients: members who deal with each other over HTTP and never give up, whatever breaks meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Any, cast
from uuid import uuid4

import httpx

from tests.integration.conftest import GraphQL, Member, RefusedError, Server, joining, minting
from tests.integration.quarrels import Quarrel
from tests.integration.requests import Deal, new_deal
from tests.integration.test_transfers import TRANSFER

# Errors that say nothing of what became of a mutation, or that nothing did: a client sends it again.
_PASSING = frozenset({"InternalFailure", "CONTENTION"})
# Longer than the 20 s that a movement is tried for.
_ANSWER_LIMIT = 25.0
_TRY_AGAIN = 0.2
_LOOK_EVERY = 0.15
_ENDED = frozenset({"PAID", "REJECTED", "EXPIRED"})
ISSUED = 500


@asynccontextmanager
async def insisting(server: Server) -> AsyncIterator[GraphQL]:
    """Give what asks a server as a good client does: again until it is answered, under one Idempotency-Key or none.

    Half of what is sent carries a key; the other half counts on every mutation's being repeatable by itself.
    """
    keyed = Random(0)  # noqa: S311 — no secret
    async with httpx.AsyncClient(base_url=server.url, timeout=_ANSWER_LIMIT) as client:

        async def ask(token: str, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
            headers = {"Authorization": token}
            if keyed.random() < 1 / 2:
                headers["Idempotency-Key"] = str(uuid4())
            sent = {"query": query, "variables": variables or {}}
            while True:
                with suppress(httpx.TransportError):
                    body = (await client.post("/graphql", json=sent, headers=headers)).json()
                    errors = body.get("errors")
                    if not errors:
                        return cast("dict[str, Any]", body["data"])
                    if errors[0].get("errorType") not in _PASSING:
                        raise RefusedError(errors)
                await asyncio.sleep(_TRY_AGAIN)

        yield ask


async def give(graphql: GraphQL, by: Member, to: Member, amount: float, kind: str = "TRANSFER") -> None:
    """Give hours to another member, or issue some."""
    giver = {"fromUserId": by.sub} if kind == "TRANSFER" else {}
    wish = {"id": str(uuid4()), "toUserId": to.sub, "amount": amount, "transactionType": kind, **giver}
    await graphql(by.token, TRANSFER, {"input": wish})


Act = Callable[[Quarrel], Awaitable[Any]]


async def dispute(quarrel: Quarrel) -> None:
    """Raise it under an id of its own, as another one than any before."""
    quarrel.id = str(uuid4())
    await quarrel.raise_it()


def deciding(decision: str, share: float | None = None) -> Act:
    """Return what an admin does who decides so."""

    async def decide(quarrel: Quarrel) -> None:
        await quarrel.assign()
        await quarrel.decide(decision, share)

    return decide


ACTS: Mapping[str, Act] = {
    "accept": lambda quarrel: quarrel.deal.respond(),
    "reject": lambda quarrel: quarrel.deal.respond("REJECTED"),
    "offer": lambda quarrel: quarrel.deal.offer(3, 1.5),
    "take": lambda quarrel: quarrel.deal.negotiate("ACCEPT"),
    "decline": lambda quarrel: quarrel.deal.negotiate("REJECT"),
    "counter": lambda quarrel: quarrel.deal.negotiate("COUNTER", estimatedHours=1.5, agreedRate=1.1),
    "start": lambda quarrel: quarrel.deal.mark("markServiceStarted"),
    "confirm start": lambda quarrel: quarrel.deal.mark("confirmServiceStart"),
    "finish": lambda quarrel: quarrel.deal.mark("markServiceComplete"),
    "confirm work": lambda quarrel: quarrel.deal.mark("confirmServiceCompletion"),
    "cancel": lambda quarrel: quarrel.deal.end("cancelServiceRequest", by=quarrel.deal.alice),
    "withdraw": lambda quarrel: quarrel.deal.end("withdrawServiceRequest", by=quarrel.deal.bob),
    "dispute": dispute,
    "refund": deciding("RefundToRequester"),
    "pay": deciding("PayToProvider"),
    "split": deciding("PartialRefund", 0.75),
    "dismiss": deciding("DismissDispute"),
}

_ACCEPTED = {"WaitForProviderResponse": ("accept",)}
_WORKED = {
    **_ACCEPTED,
    "WaitForServiceStart": ("start",),
    "ConfirmServiceStart": ("confirm start",),
    "WaitForCompletion": ("finish",),
    "ConfirmServiceCompletion": ("confirm work",),
}


@dataclass(frozen=True, slots=True)
class Plot:
    """One way of a request's.

    Args:
        acts: what people do at each step, in the order of its turns.
        spent: what the requester has paid in the end, by the statuses that it may end with.
    """

    acts: Mapping[str, tuple[str, ...]]
    spent: Mapping[str, str]


PLOTS: Mapping[str, Plot] = {
    "paid": Plot(_WORKED, {"PAID": "2"}),
    "rejected": Plot({"WaitForProviderResponse": ("reject",)}, {"REJECTED": "0"}),
    "negotiated": Plot(
        {
            **_WORKED,
            "WaitForProviderResponse": ("offer", "offer"),
            "WaitForNegotiationResponse": ("counter", "take"),
        },
        {"PAID": "4.5"},
    ),
    "declined": Plot(
        {"WaitForProviderResponse": ("offer",), "WaitForNegotiationResponse": ("decline",)}, {"REJECTED": "0"}
    ),
    "cancelled": Plot({"WaitForProviderResponse": ("cancel",)}, {"REJECTED": "0"}),
    "withdrawn": Plot({**_WORKED, "WaitForCompletion": ("withdraw",)}, {"REJECTED": "0"}),
    "confirmed by the clock": Plot(
        {**_ACCEPTED, "WaitForServiceStart": ("start",), "WaitForCompletion": ("finish",)}, {"PAID": "2"}
    ),
    "refunded": Plot(
        {**_WORKED, "WaitForCompletion": ("dispute",), "WaitForAdminDecision": ("refund",)}, {"REJECTED": "0"}
    ),
    "split": Plot(
        {**_WORKED, "WaitForServiceStart": ("dispute",), "WaitForAdminDecision": ("split",)}, {"PAID": "0.75"}
    ),
    "dismissed": Plot(
        {**_WORKED, "WaitForCompletion": ("dispute", "finish"), "WaitForAdminDecision": ("dismiss",)},
        {"PAID": "2"},
    ),
    "paid, disputed, split": Plot(
        {**_WORKED, "PAID": ("dispute",), "WaitForAdminDecision": ("split",)}, {"PAID": "0.75"}
    ),
}


@dataclass(slots=True)
class Player:
    """Two members with one service between them, who have one request after the other.

    Args:
        quarrel: the two, and the admin who decides whatever they cannot agree on.
        random: chooses the plots.
        ended: how often each plot was played to its end.
        flow: how many hours went from the requester to the provider.
        rest: when the last request ended, by the monotonic clock.
    """

    quarrel: Quarrel
    random: Random
    ended: dict[str, int] = field(default_factory=dict)
    flow: Decimal = Decimal(0)
    rest: float = 0.0

    async def play(self, until: asyncio.Event) -> None:
        """Play until it is enough, and what was begun to its end."""
        while not until.is_set():
            name = self.random.choice([*PLOTS])
            spent = await self._play(PLOTS[name])
            await give(self.quarrel.deal.graphql, self.quarrel.deal.bob, self.quarrel.deal.alice, 0.01)
            self.flow += spent - Decimal("0.01")
            self.ended[name] = self.ended.get(name, 0) + 1
            self.rest = time.monotonic()

    async def _play(self, plot: Plot) -> Decimal:
        quarrel = replace(self.quarrel, deal=self.quarrel.deal.again())
        await quarrel.deal.ask()
        done: dict[str, int] = {}
        while True:
            found = await quarrel.deal.status()
            step, turn = found["currentStep"], done.get(found["currentStep"], 0)
            acts = plot.acts.get(step, ())
            if turn < len(acts) and (found["deadline"] or found["status"] in _ENDED):
                done[step] = turn + await self._acted(acts[turn], quarrel)
            elif found["status"] in _ENDED:
                assert found["status"] in plot.spent, f"{plot} came to {found}"
                return Decimal(plot.spent[found["status"]])
            else:
                await asyncio.sleep(_LOOK_EVERY)

    async def _acted(self, name: str, quarrel: Quarrel) -> bool:
        """Act; what is refused comes too early or too late, and the next look tells which."""
        try:
            await ACTS[name](quarrel)
        except RefusedError:
            await asyncio.sleep(_LOOK_EVERY)
            return False
        return True


@dataclass(frozen=True, slots=True)
class Crowd:
    """Some members in a ring: each asks the next one, so that every balance is moved from two sides."""

    graphql: GraphQL
    members: tuple[Member, ...]
    players: tuple[Player, ...]

    @classmethod
    async def gather(cls, server: Server, graphql: GraphQL, size: int, seed: int) -> "Crowd":
        """Let them join, with hours enough."""
        join = joining(graphql, minting(server))
        admin = await join("ada", "admin")
        people = [await join(f"member{number}") for number in range(size)]
        for member in people:
            await give(graphql, admin, member, ISSUED, "ADMIN_ADJUSTMENT")
        players = []
        for number, (alice, bob) in enumerate(zip(people, people[1:] + people[:1], strict=True)):
            pair = iter((alice, bob))

            async def next_of(_role: str, pair: Any = pair) -> Member:
                return cast("Member", next(pair))

            deal: Deal = await new_deal(graphql, next_of)
            players.append(Player(Quarrel(deal, admin), Random(f"{seed}/{number}")))  # noqa: S311 — no secret
        return cls(graphql, (admin, *people), tuple(players))

    async def play(self, until: asyncio.Event) -> None:
        """Let everybody play."""
        async with asyncio.TaskGroup() as tasks:
            for player in self.players:
                tasks.create_task(player.play(until))

    async def check_hours(self) -> None:
        """Assert that everybody has exactly the hours that their requests have left them."""
        expected = {member.sub: Decimal(10 + ISSUED) for member in self.members[1:]}
        for player in self.players:
            expected[player.quarrel.deal.alice.sub] -= player.flow
            expected[player.quarrel.deal.bob.sub] += player.flow
        found = {
            member.sub: await self.players[0].quarrel.deal.hours(member) for member in self.members[1:]
        }
        assert found == {sub: (hours, Decimal(0)) for sub, hours in expected.items()}
