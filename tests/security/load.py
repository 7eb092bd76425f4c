"""A steady load of members: reads, a few mutations, and sockets that come and go."""

import asyncio
import time
from collections import Counter
from hashlib import sha256
from random import Random
from typing import Any

import aiohttp
import orjson

from resolvers.hosting.demo_data import DEMO_SERVICES
from tests.security.attacks.catalogue import Attacker
from tests.security.measuring import Target
from tests.security.wire import frame, upgraded

READ = "query($id: ID!) { getService(id: $id) { id title hourlyRate } }"
WRITE = "mutation($input: CreateServiceInput!) { createService(input: $input) { id } }"
_MEMBERS = 20
_WRITES = 0.05  # of all requests
_PATIENCE = aiohttp.ClientTimeout(total=60)
_SUBSCRIPTION = "subscription($user: String) { onCreateService(userId: $user) { id } }"

# Far more than one member may ask for: the load is that of many, sent by few.
RATES = {
    f"HOURBANK_RATE_{name}": "10000000"
    for name in ("REQUESTS", "UNITS", "MUTATIONS", "CREATIONS", "SOCKETS", "OPEN_SOCKETS", "SUBSCRIPTIONS")
}


def key_of(sent: dict[str, Any]) -> str:
    """Return the key of a request, which its repetition has, too."""
    return sha256(orjson.dumps(sent)).hexdigest()


class Load:
    """Sends requests at a rate, whether earlier ones are answered or not, and counts the outcomes.

    Mutations have an Idempotency-Key, as those of a client have that repeats what is answered by 503.

    Args:
        target: the server.
        random: decides what is sent.
    """

    def __init__(self, target: Target, random: Random) -> None:
        self._target = target
        self._random = random
        self._members: list[Attacker] = []
        self.outcomes: Counter[str] = Counter()
        self.unavailable: list[tuple[Attacker, dict[str, Any]]] = []
        self.slowest = 0.0

    async def join(self) -> None:
        """Let the members join."""
        self._members = [Attacker(self._target) for _ in range(_MEMBERS)]
        for member in self._members:
            await member.join()

    async def run(self, *, seconds: float, rate: float, sockets: int = 0) -> None:
        """Send requests, and hold so many sockets, each for a few seconds; wait for every answer."""
        end = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group, self._session() as session:
            for _ in range(sockets):
                group.create_task(self._come_and_go(end))
            due = time.monotonic()
            sending = set()
            while (due := due + 1 / rate) < end:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                sending.add(asyncio.create_task(self._send(session, *self._anything())))
            await asyncio.gather(*sending)

    async def retry(self) -> None:
        """Send once more what was answered by 503, the same request as before."""
        again, self.unavailable = self.unavailable, []
        async with self._session() as session:
            await asyncio.gather(*(self._send(session, member, sent) for member, sent in again))

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            self._target.url, timeout=_PATIENCE, connector=aiohttp.TCPConnector(limit=200)
        )

    def _anything(self) -> tuple[Attacker, dict[str, Any]]:
        member = self._random.choice(self._members)
        if self._random.random() >= _WRITES:
            service = self._random.choice(DEMO_SERVICES)
            return member, {"query": READ, "variables": {"id": service.id}}
        made = {"title": "t", "description": "d", "category": "garden", "isActive": True, "tags": []}
        return member, {
            "query": WRITE,
            "variables": {"input": {**made, "id": f"{self._random.getrandbits(120):030x}"}},
        }

    async def _send(self, session: aiohttp.ClientSession, member: Attacker, sent: dict[str, Any]) -> None:
        began = time.monotonic()
        try:
            headers = {"Authorization": member.token, "Idempotency-Key": key_of(sent)}
            async with session.post("/graphql", json=sent, headers=headers) as answer:
                said = await answer.read()
                outcome = f"{answer.status}" if b'"errors"' not in said else f"{answer.status} {said[:200]!r}"
                if answer.status == 503:
                    outcome = "503"
                    self.unavailable.append((member, sent))
        except (aiohttp.ClientError, TimeoutError) as error:
            outcome = repr(error)
        self.outcomes[outcome] += 1
        self.slowest = max(self.slowest, time.monotonic() - began)

    async def _come_and_go(self, end: float) -> None:
        while time.monotonic() < end:
            member = self._random.choice(self._members)
            async with upgraded(self._target, source=member.source) as wire:
                await wire.send(frame({"type": "connection_init", "payload": {"Authorization": member.token}}))
                await wire.until(b"connection_ack", within=20)
                payload = {"query": _SUBSCRIPTION, "variables": {"user": member.sub}}
                await wire.send(frame({"id": "1", "type": "subscribe", "payload": payload}))
                await wire.rest(within=min(self._random.uniform(1, 8), max(0.1, end - time.monotonic())))
            self.outcomes["socket"] += 1
