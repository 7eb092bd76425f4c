"""A client for disputes, through the API: raise, assign, decide, read."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.integration.conftest import Member
from tests.integration.request_client import Joining, RequestClient

CREATE = """mutation M($input: CreateDisputeInput!) { createDispute(input: $input) {
  id status statusBefore escrowId raisedBy againstUserId stepFunctionExecutionArn } }"""
ASSIGN = "mutation M($input: AssignDisputeInput!) { assignDispute(input: $input) { id status adminId } }"
RESOLVE = """mutation M($input: ResolveDisputeInput!) {
  resolveDispute(input: $input) { id decision resolution providerHours } }"""
DELETE = "mutation M($input: DeleteDisputeInput!) { deleteDispute(input: $input) { id } }"
GET = """query Q($id: ID!) { getDispute(id: $id) {
  id status statusBefore escrowId adminId decision providerHours resolution resolvedAt overdueAt
  stepFunctionExecutionArn request { id status } } }"""
EXCHANGES = """query Q($id: ID!) {
  transactionsByConsumerId(consumerId: $id) { items { hoursSpent status } } }"""


@dataclass(slots=True)
class DisputeClient:
    """A request's client, the dispute over the request, and the admin who decides it."""

    client: RequestClient
    admin: Member
    id: str = field(default_factory=lambda: str(uuid4()))

    async def raise_it(self, by: Member | None = None, **changed: Any) -> dict[str, Any]:
        """Raise the dispute, as Alice if nobody else is given."""
        client = self.client
        raiser = by or client.alice
        create_input = {
            "id": self.id,
            "requestId": client.id,
            "raisedBy": raiser.sub,
            "againstUserId": (client.alice if raiser is client.bob else client.bob).sub,
            "disputeType": "SERVICE_QUALITY",
            "status": "OPEN",
            "description": "The weeds are still there",
        }
        data = await client.graphql(raiser.token, CREATE, {"input": {**create_input, **changed}})
        created: dict[str, Any] = data["createDispute"]
        return created

    async def assign(self, by: Member | None = None) -> dict[str, Any]:
        data = await self.client.graphql((by or self.admin).token, ASSIGN, {"input": {"disputeId": self.id}})
        assigned: dict[str, Any] = data["assignDispute"]
        return assigned

    async def decide(
        self, decision: str, hours: float | None = None, *, by: Member | None = None
    ) -> dict[str, Any]:
        given = {"disputeId": self.id, "decision": decision, "resolution": "So be it", "providerHours": hours}
        data = await self.client.graphql((by or self.admin).token, RESOLVE, {"input": given})
        decided: dict[str, Any] = data["resolveDispute"]
        return decided

    async def delete(self) -> None:
        await self.client.graphql(self.admin.token, DELETE, {"input": {"id": self.id}})

    async def look(self, by: Member | None = None) -> dict[str, Any]:
        data = await self.client.graphql((by or self.admin).token, GET, {"id": self.id})
        found: dict[str, Any] = data["getDispute"]
        return found

    async def reach(self, field_: str, *values: object, within: float = 30) -> dict[str, Any]:
        """Wait until a field has one of some values, or any value if none is given."""
        end = time.monotonic() + within
        while (value := (found := await self.look())[field_]) not in values and (values or value is None):
            assert time.monotonic() < end, f"still {found}"
            await asyncio.sleep(0.05)
        return found

    async def await_admin(self, within: float = 20) -> None:
        """Wait until the workflow waits for an admin's decision."""
        end = time.monotonic() + within
        while (status := await self.client.status())["currentStep"] != "WaitForAdminDecision":
            assert time.monotonic() < end, f"still {status}"
            await asyncio.sleep(0.05)

    async def settle(self, decision: str, hours: float | None = None, within: float = 30) -> dict[str, Any]:
        """Let the admin take it on and decide it; return the dispute once that is carried out."""
        await self.assign()
        await self.decide(decision, hours)
        return await self.reach("status", "RESOLVED", "DISMISSED", within=within)

    async def exchanges(self) -> list[float]:
        """Return the hours of the recorded exchanges."""
        data = await self.client.graphql(self.client.alice.token, EXCHANGES, {"id": self.client.alice.sub})
        return [item["hoursSpent"] for item in data["transactionsByConsumerId"]["items"]]


async def new_dispute_client(client: RequestClient, members: Joining) -> DisputeClient:
    return DisputeClient(client, await members("ada", "admin"))


async def paid(client: RequestClient) -> None:
    """Take a request from its creation to its payment."""
    await client.in_progress()
    await client.mark("markServiceComplete")
    await client.mark("confirmServiceCompletion")
    await client.reach("PAID")
