"""More than one's share: of reads, writes, workflows, introspections, sockets and stored bytes."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

from resolvers.hosting.demo_data import DEMO_SERVICES, sub_of
from tests.security.attacks.catalogue import Attacker, Kind, UnrefusedError, last_words, worst
from tests.security.wire import frame, upgraded

# What is admitted of a flood costs CPU as it does from anybody; others must not wait for it.
KIND = Kind(10, "floods", {"joined": True, "cpu": 10.0})

_INTROSPECT = (
    "{ __schema { types { name fields { name args { name type { name } } type { name ofType { name } } } } } }"
)
_CREATE = "mutation($input: CreateServiceInput!) { createService(input: $input) { id } }"
_REQUEST = "mutation($input: CreateServiceRequestInput!) { createServiceRequest(input: $input) { id } }"


async def _at_once(attacker: Attacker, sent: Sequence[tuple[str, dict[str, Any]]], **headers: str) -> str:
    at_once = asyncio.Semaphore(40)
    async with attacker.client() as client:

        async def send(query: str, variables: dict[str, Any]) -> str:
            async with at_once:
                answer = await client.post(
                    "/graphql", json={"query": query, "variables": variables}, headers=headers
                )
            if answer.status_code >= 500 and answer.status_code != 503:
                raise UnrefusedError(f"{answer.status_code} {answer.text[:200]}")
            return f"{answer.status_code}"

        return worst(await asyncio.gather(*(send(*one) for one in sent)))


def _request() -> tuple[str, dict[str, Any]]:
    service = DEMO_SERVICES[0]
    made = {"serviceId": service.id, "providerId": sub_of(service.provider), "status": "INITIATED"}
    return _REQUEST, {"input": {**made, "estimatedHours": 0.5, "negotiationRound": 0}}


def _offer(**changed: Any) -> tuple[str, dict[str, Any]]:
    made = {"title": "t", "description": "d", "category": "garden", "isActive": True, "tags": []}
    return _CREATE, {"input": {**made, **changed}}


@KIND.one("300 reads")
async def _read(attacker: Attacker) -> str:
    return await _at_once(attacker, [("{ listServices(limit: 20) { items { id title } } }", {})] * 300)


@KIND.one("60 requests with their workflows")
async def _request_services(attacker: Attacker) -> str:
    return await _at_once(attacker, [_request() for _ in range(60)])


@KIND.one("200 rows")
async def _create(attacker: Attacker) -> str:
    return await _at_once(attacker, [_offer() for _ in range(200)])


@KIND.one("rows of 300 KB")
async def _create_large(attacker: Attacker) -> str:
    return await _at_once(attacker, [_offer(description="x" * 300_000) for _ in range(40)])


@KIND.one("answers kept by Idempotency-Key")
async def _keep(attacker: Attacker) -> str:
    outcomes = [
        await _at_once(attacker, [_offer(description="x" * 100_000)], **{"Idempotency-Key": uuid4().hex})
        for _ in range(30)
    ]
    return worst(outcomes)


@KIND.one("30 introspections with variables of 200 KB")
async def _introspect(attacker: Attacker) -> str:
    junk = {str(number): "x" * 100 for number in range(2_000)}
    return await _at_once(attacker, [(_INTROSPECT, junk)] * 30)


@KIND.one("anonymous introspections")
async def _introspect_anonymously(attacker: Attacker) -> str:
    outcomes = await asyncio.gather(*(attacker.ask(_INTROSPECT, token="") for _ in range(60)))
    return worst(outcomes)


@KIND.one("200 wrong tokens")
async def _guess(attacker: Attacker) -> str:
    outcomes = [
        await attacker.ask("{ __typename }", token=f"eyJhbGciOiJSUzI1NiJ9.{number}.x") for number in range(200)
    ]
    return worst(outcomes)


@KIND.one("150 sockets of one member")
async def _open(attacker: Attacker) -> str:
    async with AsyncExitStack() as stack:
        payload = {"Authorization": attacker.token}
        outcomes = []
        for _ in range(150):
            wire = await stack.enter_async_context(upgraded(attacker.target, source=attacker.source))
            await wire.send(frame({"type": "connection_init", "payload": payload}))
            said = await wire.until(b"connection_ack", within=5)
            outcomes.append("admitted" if b"connection_ack" in said else last_words(said))
    return worst(outcomes)
