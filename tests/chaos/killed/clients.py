"""Real clients: members with requests between them, over HTTP, who retry whatever is killed meanwhile."""

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

from models.errors import Code
from models.requests.statuses import ENDED
from tests.chaos.killed.kill_scenarios import ACTIONS, KILL_SCENARIOS, KillScenario
from tests.integration.conftest import GraphQL, Member, RefusedError, Server, joining, minting
from tests.integration.dispute_client import DisputeClient, new_dispute_client
from tests.integration.request_client import STATUS, new_client
from tests.integration.test_transfers import TRANSFER

# More hours than any test spends.
ISSUED = 500
# Transient errors, which leave open what became of a mutation: a client sends it again.
_TRANSIENT = frozenset({"InternalFailure", "CONTENTION", "ServiceUnavailable"})
# Longer than the 20 s for which the server retries a transaction.
_ANSWER_LIMIT = 25.0
_PAUSE = 0.2
# A wait that is open this long after its answer: the answer was lost when the cloud restarted from an older save.
_LOST_AFTER = 2.0
_GIVEN_BACK = Decimal("0.01")


@asynccontextmanager
async def retrying_client(server: Server) -> AsyncIterator[GraphQL]:
    """Yield a GraphQL function that retries until an answer says what became of the operation.

    Half of the operations carry an Idempotency-Key; the other half rely on being repeatable by themselves.
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
                    if errors[0].get("errorType") not in _TRANSIENT:
                        raise RefusedError(errors)
                await asyncio.sleep(_PAUSE)

        yield ask


async def give(graphql: GraphQL, by: Member, to: Member, amount: Decimal | int, *, issued: bool = False) -> None:
    """Transfer hours to another member, or issue some as an admin."""
    kind = (
        {"transactionType": "ADMIN_ADJUSTMENT"}
        if issued
        else {"transactionType": "TRANSFER", "fromUserId": by.sub}
    )
    transfer_input = {"id": str(uuid4()), "toUserId": to.sub, "amount": float(amount), **kind}
    await graphql(by.token, TRANSFER, {"input": transfer_input})


@dataclass(slots=True)
class ClientPair:
    """A requester and a provider with one request after the other; after each, some hours are given back.

    Args:
        disputes: the two, and the admin who decides their disputes.
        random: chooses among the kill scenarios.
        may_rewind: rows may be lost in a restart, so that the two check whether they have to act again.
        completed: how often each scenario was completed.
        moved: the hours that went from the requester to the provider.
        ended_at: when the last request ended, by the monotonic clock.
    """

    disputes: DisputeClient
    random: Random
    may_rewind: bool = False
    completed: Counter[str] = field(default_factory=Counter)
    moved: Decimal = Decimal(0)
    ended_at: float = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Run scenarios until told to stop, each to its end; where rows may be lost, redo what was."""
        client = self.disputes.client
        runs: list[_ScenarioRun] = []
        while not stop.is_set():
            name = self.random.choice([*KILL_SCENARIOS])
            runs.append(
                _ScenarioRun(replace(self.disputes, client=client.again()), KILL_SCENARIOS[name], self.may_rewind)
            )
            await runs[-1].run()
            await give(client.graphql, client.bob, client.alice, _GIVEN_BACK)
            self.moved += Decimal(KILL_SCENARIOS[name].spent) - _GIVEN_BACK
            self.completed[name] += 1
            self.ended_at = time.monotonic()
        if self.may_rewind:
            await asyncio.gather(*(run.go_on() for run in runs))
            self.ended_at = time.monotonic()


@dataclass(slots=True)
class _ScenarioRun:
    """One request in one scenario; `done` counts the actions taken at each step, `at` is the last one's time."""

    disputes: DisputeClient
    scenario: KillScenario
    may_rewind: bool
    done: Counter[str] = field(default_factory=Counter)
    at: float = 0.0

    async def run(self) -> None:
        """Create the request, and act as the scenario says until the request has ended."""
        await self.disputes.client.ask()
        await self.go_on()

    async def go_on(self) -> None:
        """Take the scenario's remaining actions."""
        while True:
            found = await self._look()
            is_over, step = found["status"] in ENDED, found["currentStep"]
            if (is_over or found["deadline"]) and self._is_on(step):
                await self._act(step)
            elif is_over:
                # After a restart, two requests for one service may exist at once: the later one is refused.
                assert self.may_rewind or found["status"] == self.scenario.status, (
                    f"{self.scenario} has come to {found}"
                )
                return
            else:
                await asyncio.sleep(_PAUSE)

    async def _look(self) -> dict[str, Any]:
        """Return the request's progress; create it again if its row was lost."""
        client = self.disputes.client
        arn = {"arn": f"any:{client.id}"}
        while not (found := (await client.graphql(client.alice.token, STATUS, arn))["getWorkflowStatus"]):
            assert self.may_rewind, f"request {client.id} is gone"
            await client.ask()
        step = found["currentStep"]
        if self.may_rewind and found["deadline"] and self.done[step] and time.monotonic() - self.at > _LOST_AFTER:
            self.done[step] -= 1
        return cast("dict[str, Any]", found)

    def _is_on(self, step: str) -> bool:
        return self.done[step] < len(self.scenario.actions.get(step, ()))

    async def _act(self, step: str) -> None:
        """Act; a refusal means too early or too late, and the next look shows which."""
        try:
            await ACTIONS[self.scenario.actions[step][self.done[step]]](self.disputes)
        except RefusedError as refused:
            if refused.code == Code.NEGOTIATION_ROUNDS_EXCEEDED:
                # The answer that seemed to be lost was only late: the next one is due.
                self.done[step] += 1
                self.at = time.monotonic()
            await asyncio.sleep(_PAUSE)
        else:
            self.done[step] += 1
            self.at = time.monotonic()


@dataclass(frozen=True, slots=True)
class Clients:
    """Members in a ring: each requests from the next, so that every balance is moved from two sides."""

    pairs: Sequence[ClientPair]

    @classmethod
    async def gather(
        cls, server: Server, graphql: GraphQL, size: int, seed: int, *, may_rewind: bool = False
    ) -> "Clients":
        """Let the members join, and issue them enough hours."""
        join = joining(graphql, minting(server))
        admin = await join("ada", "admin")
        ring = [await join("member") for _ in range(size)]
        for member in ring:
            await give(graphql, admin, member, ISSUED, issued=True)
        pairs = []
        for number, alice in enumerate(ring):
            roles = {"alice": alice, "bob": ring[(number + 1) % size], "ada": admin}
            disputes = await new_dispute_client(await new_client(graphql, _out_of(roles)), _out_of(roles))
            random = Random(f"{seed}/{number}")  # noqa: S311 — no secret
            pairs.append(ClientPair(disputes, random, may_rewind))
        return cls(pairs)

    async def run(self, stop: asyncio.Event) -> None:
        """Run every pair until told to stop."""
        async with asyncio.TaskGroup() as tasks:
            for pair in self.pairs:
                tasks.create_task(pair.run(stop))

    @property
    def completed(self) -> Counter[str]:
        """Return how often each scenario was completed."""
        return sum((pair.completed for pair in self.pairs), Counter())

    @property
    def ended_at(self) -> float:
        """Return when the last request ended, by the monotonic clock."""
        return max(pair.ended_at for pair in self.pairs)

    async def check_hours(self) -> None:
        """Assert that every member has exactly the hours that the completed scenarios leave them."""
        due = {pair.disputes.client.alice.sub: Decimal(10 + ISSUED) for pair in self.pairs}
        for pair in self.pairs:
            due[pair.disputes.client.alice.sub] -= pair.moved
            due[pair.disputes.client.bob.sub] += pair.moved
        for pair in self.pairs:
            client = pair.disputes.client
            assert await client.hours(client.alice) == (due[client.alice.sub], Decimal(0))


def _out_of(members: dict[str, Member]) -> Any:
    """Return a join function for members who have joined already."""

    async def join(role: str, *_groups: str) -> Member:
        return members[role]

    return join
