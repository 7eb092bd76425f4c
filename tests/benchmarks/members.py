"""The members of the workflow benchmarks, what they do, and how long it takes until it is done."""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from resolvers.identity.issuer import LocalIssuer
from tests.story.client import Client, RefusedError
from tests.story.play import CREATE, MARK, RESPOND

PROVIDERS = 20
# Concurrent HTTP requests; a browser would not have more than this server has connections.
AT_ONCE = 64
PATIENCE_SECONDS = 600
MOST_TRIES = 20
UNAVAILABLE = "ServiceUnavailable"

CREATE_USER = "mutation($input:CreateUserInput!){createUser(input:$input){id}}"
CREATE_SERVICE = "mutation($input:CreateServiceInput!){createService(input:$input){id}}"
STATUS = "query($arn:String!){getWorkflowStatus(executionArn:$arn){status statusReason steps{name at}}}"

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the benchmark."""

    sub: str
    client: Client

    def at(self, base_url: str) -> "Member":
        """Return the same member, who calls another server."""
        return Member(self.sub, self.client.at(base_url))


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """One service request between two members."""

    id: str
    requester: Member
    provider: Member
    service_id: str


class Bench:
    """The members, and what they do.

    Args:
        base_url: the server's, without a path.
        issuer: of the members' tokens.
        http: the client by which they call the server.
        requesters: how many members ask for something.
    """

    def __init__(self, base_url: str, issuer: LocalIssuer, http: httpx.AsyncClient, requesters: int) -> None:
        self._base_url = base_url
        self._issuer = issuer
        self._http = http
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._count = requesters
        self.requesters: list[Member] = []
        self.offers: list[tuple[Member, str]] = []
        self.early = self.unavailable = 0

    def at(self, base_url: str) -> "Bench":
        """Return the same members, who call another server."""
        there = Bench(base_url, self._issuer, self._http, self._count)
        there.requesters = [one.at(base_url) for one in self.requesters]
        there.offers = [(provider.at(base_url), service_id) for provider, service_id in self.offers]
        return there

    async def gather(self, work: Iterable[Awaitable[_T]]) -> list[_T]:
        """Run tasks concurrently, at most AT_ONCE of them."""

        async def one(thing: Awaitable[_T]) -> _T:
            async with self._turn:
                return await thing

        return await asyncio.gather(*(one(thing) for thing in work))

    async def join(self) -> None:
        """Let everybody join, and the providers offer a service at one hour an hour."""
        people = await self.gather(self._person() for _ in range(self._count + PROVIDERS))
        self.requesters, providers = people[PROVIDERS:], people[:PROVIDERS]
        services = await self.gather(self._offer(provider) for provider in providers)
        self.offers = list(zip(providers, services, strict=True))

    def admin(self) -> Member:
        """Return an admin."""
        sub = str(uuid4())
        return Member(sub, Client(self._base_url, self._issuer.mint(sub, sub[:8], ["admin"]), self._http))

    async def _person(self) -> Member:
        sub = str(uuid4())
        person = Member(sub, Client(self._base_url, self._issuer.mint(sub, sub[:8]), self._http))
        profile = {
            "id": sub,
            "email": f"{sub}@example.org",
            "username": sub,
            "firstName": "Bench",
            "lastName": sub[:8],
            "bankHours": 0,
            "skills": [],
            "rating": 0,
            "totalTransactions": 0,
        }
        await person.client.ask(CREATE_USER, input=profile)
        return person

    async def _offer(self, provider: Member) -> str:
        offer = {
            "userId": provider.sub,
            "title": "Bench help",
            "description": "One hour, one hour.",
            "category": "bench",
            "hourlyRate": 1,
            "isActive": True,
            "tags": [],
        }
        service = await provider.client.ask(CREATE_SERVICE, input=offer)
        return str(service["id"])

    def requests(self) -> list[BenchRequest]:
        """Return one new request for each requester, over the providers in turn."""
        pairs = zip(self.requesters, itertools.cycle(self.offers), strict=False)
        return [BenchRequest(str(uuid4()), person, provider, service) for person, (provider, service) in pairs]

    async def ask(self, request: BenchRequest) -> None:
        """Create a request for one hour."""
        create_input = {
            "id": request.id,
            "serviceId": request.service_id,
            "requesterId": request.requester.sub,
            "providerId": request.provider.sub,
            "status": "INITIATED",
            "estimatedHours": 1,
            "negotiationRound": 0,
        }
        await self._retry(request.requester.client, CREATE, create_input)

    async def accept(self, request: BenchRequest) -> None:
        """Let the provider accept a request."""
        given = {"requestId": request.id, "response": "ACCEPTED"}
        await self._retry(request.provider.client, RESPOND, given)

    async def mark(self, request: BenchRequest, mutation: str, *, by: Member) -> None:
        """Let one side say that the work has begun, or that it is done."""
        await self._retry(by.client, MARK % mutation, {"requestId": request.id})

    async def finish(self, request: BenchRequest) -> None:
        """Answer, start, confirm, complete, confirm."""
        await self.accept(request)
        await self.mark(request, "markServiceStarted", by=request.provider)
        await self.mark(request, "confirmServiceStart", by=request.requester)
        await self.mark(request, "markServiceComplete", by=request.provider)
        await self.mark(request, "confirmServiceCompletion", by=request.requester)

    async def reach(self, request: BenchRequest, status: str) -> dict[str, Any]:
        """Wait until a request has a status; return its progress."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found = await self._status(request)
            if found["status"] == status:
                return found
            if found["status"] in ("REJECTED", "EXPIRED"):
                raise SystemExit(f"request {request.id} ended as {found['status']}: {found['statusReason']}")
            await asyncio.sleep(0.5)
        raise SystemExit(f"request {request.id} did not come to {status} within {PATIENCE_SECONDS} s")

    async def _status(self, request: BenchRequest) -> dict[str, Any]:
        """Return a request's progress; one without a status if the local cloud did not keep up."""
        try:
            found: dict[str, Any] = await request.requester.client.ask(STATUS, arn=f"x:{request.id}")
        except RefusedError as refused:
            if refused.type != UNAVAILABLE:
                raise
            self.unavailable += 1
            return {"status": None}
        return found

    async def _retry(self, client: Client, mutation: str, given: Mapping[str, Any]) -> None:
        """Send a mutation; retry while the workflow is not there yet, or the local cloud did not keep up."""
        for _ in range(MOST_TRIES):
            try:
                await client.ask(mutation, input=given)
            except RefusedError as refused:
                if refused.type == UNAVAILABLE:
                    self.unavailable += 1
                    await asyncio.sleep(1)
                elif refused.type in ("INVALID_REQUEST_STATUS", "INVALID_STATUS_FOR_COMPLETION"):
                    self.early += 1
                else:
                    raise
            else:
                return
        raise SystemExit(f"{given} did not go through")
