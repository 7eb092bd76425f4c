"""What the tests of disputes do through the API: raise, assign, decide, look."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.integration.conftest import Member
from tests.integration.request_client import Deal, Joining

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
class Quarrel:
    """A deal, the dispute over it, and the admin who decides it."""

    deal: Deal
    admin: Member
    id: str = field(default_factory=lambda: str(uuid4()))

    async def raise_it(self, by: Member | None = None, **changed: Any) -> dict[str, Any]:
        """Alice disputes the request, or whoever is given does."""
        deal = self.deal
        raiser = by or deal.alice
        wish = {
            "id": self.id,
            "requestId": deal.id,
            "raisedBy": raiser.sub,
            "againstUserId": (deal.alice if raiser is deal.bob else deal.bob).sub,
            "disputeType": "SERVICE_QUALITY",
            "status": "OPEN",
            "description": "The weeds are still there",
        }
        data = await deal.graphql(raiser.token, CREATE, {"input": {**wish, **changed}})
        created: dict[str, Any] = data["createDispute"]
        return created

    async def assign(self, by: Member | None = None) -> dict[str, Any]:
        data = await self.deal.graphql((by or self.admin).token, ASSIGN, {"input": {"disputeId": self.id}})
        assigned: dict[str, Any] = data["assignDispute"]
        return assigned

    async def decide(
        self, decision: str, hours: float | None = None, *, by: Member | None = None
    ) -> dict[str, Any]:
        given = {"disputeId": self.id, "decision": decision, "resolution": "So be it", "providerHours": hours}
        data = await self.deal.graphql((by or self.admin).token, RESOLVE, {"input": given})
        decided: dict[str, Any] = data["resolveDispute"]
        return decided

    async def delete(self) -> None:
        await self.deal.graphql(self.admin.token, DELETE, {"input": {"id": self.id}})

    async def look(self, by: Member | None = None) -> dict[str, Any]:
        data = await self.deal.graphql((by or self.admin).token, GET, {"id": self.id})
        found: dict[str, Any] = data["getDispute"]
        return found

    async def reach(self, field_: str, *values: object, within: float = 30) -> dict[str, Any]:
        """Wait until a field has one of some values, or any if none is given."""
        end = time.monotonic() + within
        while (value := (found := await self.look())[field_]) not in values and (values or value is None):
            assert time.monotonic() < end, f"still {found}"
            await asyncio.sleep(0.05)
        return found

    async def heard(self, within: float = 20) -> None:
        """Wait until the workflow waits for an admin."""
        end = time.monotonic() + within
        while (status := await self.deal.status())["currentStep"] != "WaitForAdminDecision":
            assert time.monotonic() < end, f"still {status}"
            await asyncio.sleep(0.05)

    async def settle(self, decision: str, hours: float | None = None, within: float = 30) -> dict[str, Any]:
        """Let the admin take it on and decide it; return the dispute when that is carried out."""
        await self.assign()
        await self.decide(decision, hours)
        return await self.reach("status", "RESOLVED", "DISMISSED", within=within)

    async def exchanges(self) -> list[float]:
        """Return the hours of the exchanges that are on record."""
        data = await self.deal.graphql(self.deal.alice.token, EXCHANGES, {"id": self.deal.alice.sub})
        return [item["hoursSpent"] for item in data["transactionsByConsumerId"]["items"]]


async def quarrel_over(deal: Deal, members: Joining) -> Quarrel:
    return Quarrel(deal, await members("ada", "admin"))


async def paid(deal: Deal) -> None:
    """Take a deal from the asking to the payment."""
    await deal.in_progress()
    await deal.mark("markServiceComplete")
    await deal.mark("confirmServiceCompletion")
    await deal.reach("PAID")
