"""A client for requests, through the API: create, answer, read, count hours."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import uuid4

from tests.integration.conftest import GraphQL, Member, Server, asking, joining, minting

CREATE_SERVICE = "mutation M($input: CreateServiceInput!) { createService(input: $input) { id } }"
UPDATE_SERVICE = "mutation M($input: UpdateServiceInput!) { updateService(input: $input) { id } }"
CREATE = """mutation M($input: CreateServiceRequestInput!) {
  createServiceRequest(input: $input) { id status stepFunctionExecutionArn } }"""
GET = """query Q($id: ID!) { getServiceRequest(id: $id) {
  id status statusReason estimatedHours amount agreedRate escrowId expiresAt stepFunctionExecutionArn
  offeredHours offeredRate negotiationRound
  escrow { status amount releasedAt cancelledAt } } }"""
BALANCE = (
    "query Q($userId: ID!) { getUserBalance(userId: $userId) { availableBalance escrowedBalance totalBalance } }"
)
NOTICES = """query Q($userId: ID!) {
  notificationsByUserId(userId: $userId, sortDirection: DESC) { items { type title message relatedId } } }"""
STATUS = """query Q($arn: String!) { getWorkflowStatus(executionArn: $arn) {
  requestId status statusReason currentStep percentComplete deadline steps { name title state at } } }"""
RESPOND = (
    "mutation M($input: UpdateProviderResponseInput!) { it: updateProviderResponse(input: $input) { id status } }"
)
COUNTER = """mutation M($input: RespondToCounterOfferInput!) {
  it: respondToCounterOffer(input: $input) { id status } }"""
MARK = "mutation M($input: ServiceRequestMarkInput!) {{ it: {}(input: $input) {{ id status }} }}"
END = "mutation M($input: EndServiceRequestInput!) {{ it: {}(input: $input) {{ id status statusReason }} }}"

Joining = Callable[..., Awaitable[Member]]


@dataclass(slots=True)
class RequestClient:
    """A requester, a provider, a service at one hour an hour, and one request between them."""

    graphql: GraphQL
    alice: Member
    bob: Member
    service_id: str
    id: str = field(default_factory=lambda: str(uuid4()))

    async def ask(self, hours: float = 2, **changed: Any) -> dict[str, Any]:
        """Create the request as Alice; return it as it is then."""
        create_input = {
            "id": self.id,
            "serviceId": self.service_id,
            "requesterId": self.alice.sub,
            "providerId": self.bob.sub,
            "status": "INITIATED",
            "estimatedHours": hours,
            "negotiationRound": 0,
        }
        data = await self.graphql(self.alice.token, CREATE, {"input": {**create_input, **changed}})
        created: dict[str, Any] = data["createServiceRequest"]
        return created

    async def look(self) -> dict[str, Any]:
        data = await self.graphql(self.alice.token, GET, {"id": self.id})
        request: dict[str, Any] = data["getServiceRequest"]
        return request

    async def reach(self, status: str, within: float = 20) -> dict[str, Any]:
        """Wait until the request has a status."""
        return await self.until(lambda found: found["status"] == status, within)

    async def until(self, is_so: Callable[[dict[str, Any]], bool], within: float) -> dict[str, Any]:
        """Wait until a condition holds of the request."""
        end = time.monotonic() + within
        while not is_so(found := await self.look()):
            assert time.monotonic() < end, f"still {found}"
            await asyncio.sleep(0.05)
        return found

    async def respond(
        self, response: str = "ACCEPTED", *, by: Member | None = None, message: str | None = None
    ) -> Any:
        given = {"requestId": self.id, "response": response, "message": message}
        return (await self.graphql((by or self.bob).token, RESPOND, {"input": given}))["it"]

    async def offer(self, hours: float, rate: float = 1, *, by: Member | None = None) -> Any:
        """Make a counter-offer, as Bob if nobody else is given."""
        terms = {"estimatedHours": hours, "agreedRate": rate}
        given = {"requestId": self.id, "response": "COUNTER_OFFER", "counterOffer": terms}
        return (await self.graphql((by or self.bob).token, RESPOND, {"input": given}))["it"]

    async def negotiate(self, response: str, **terms: float) -> Any:
        """Answer Bob's counter-offer as Alice, with other terms if any are given."""
        given = {"requestId": self.id, "response": response, "counterOffer": terms or None}
        return (await self.graphql(self.alice.token, COUNTER, {"input": given}))["it"]

    async def mark(self, mutation: str, *, by: Member | None = None) -> Any:
        member = by or (self.bob if mutation.startswith("mark") else self.alice)
        given = {"requestId": self.id}
        return (await self.graphql(member.token, MARK.format(mutation), {"input": given}))["it"]

    async def end(self, mutation: str, *, by: Member, message: str | None = None) -> Any:
        given = {"requestId": self.id, "message": message}
        return (await self.graphql(by.token, END.format(mutation), {"input": given}))["it"]

    async def accepted(self) -> None:
        await self.ask()
        await self.reach("AWAITING_RESPONSE")
        await self.respond()
        await self.reach("ACCEPTED")

    async def in_progress(self) -> None:
        await self.accepted()
        await self.mark("markServiceStarted")
        await self.mark("confirmServiceStart")
        await self.reach("IN_PROGRESS")

    async def hours(self, member: Member) -> tuple[Decimal, Decimal]:
        """Return a member's available and held hours."""
        row = (await self.graphql(member.token, BALANCE, {"userId": member.sub}))["getUserBalance"]
        available, held, total = (
            Decimal(str(row[name])) for name in ("availableBalance", "escrowedBalance", "totalBalance")
        )
        assert available + held == total
        return available, held

    async def all_hours(self) -> tuple[tuple[Decimal, Decimal], tuple[Decimal, Decimal]]:
        """Return both members' available and held hours."""
        return await self.hours(self.alice), await self.hours(self.bob)

    async def messages_to(self, member: Member) -> list[str]:
        """Return a member's notices about this request, the latest first."""
        data = await self.graphql(member.token, NOTICES, {"userId": member.sub})
        items = data["notificationsByUserId"]["items"]
        return [item["message"] for item in items if item["relatedId"] == self.id]

    async def status(self) -> dict[str, Any]:
        arn = (await self.look())["stepFunctionExecutionArn"]
        found: dict[str, Any] = (await self.graphql(self.alice.token, STATUS, {"arn": arn}))["getWorkflowStatus"]
        return found

    def again(self) -> "RequestClient":
        """Return a client of another request for the same service."""
        return RequestClient(self.graphql, self.alice, self.bob, self.service_id)


@asynccontextmanager
async def client_on(server: Server) -> AsyncIterator[RequestClient]:
    """Yield a client of two new members of a server."""
    async with asking(server) as graphql:
        yield await new_client(graphql, joining(graphql, minting(server)))


async def new_client(graphql: GraphQL, members: Joining, **service: Any) -> RequestClient:
    """Let two members join, and one of them offer a service."""
    alice, bob = await members("alice"), await members("bob")
    offer = {
        "userId": bob.sub,
        "title": "Garden help",
        "description": "Weeding.",
        "category": "garden",
        "hourlyRate": 1.0,
        "isActive": True,
        "tags": ["green"],
    }
    data = await graphql(bob.token, CREATE_SERVICE, {"input": {**offer, **service}})
    return RequestClient(graphql, alice, bob, data["createService"]["id"])
