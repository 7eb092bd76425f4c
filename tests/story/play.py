"""Alice asks Bob for two hours of garden help, and everyone sees it happen."""

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from tests.story.client import Client

SERVICES = (
    "query($filter:ModelServiceFilterInput){listServices(filter:$filter){items{id title hourlyRate userId}}}"
)
BALANCE = "query($userId:ID!){getUserBalance(userId:$userId){availableBalance escrowedBalance totalBalance}}"
CREATE = "mutation($input:CreateServiceRequestInput!){createServiceRequest(input:$input){id status}}"
PROGRESS = """subscription($requestId:ID!){onServiceRequestProgress(requestId:$requestId){
  status statusReason currentStep percentComplete deadline steps{name title state at}}}"""
RESPOND = "mutation($input:UpdateProviderResponseInput!){updateProviderResponse(input:$input){id status}}"
MARK = "mutation($input:ServiceRequestMarkInput!){%s(input:$input){id status}}"
# Every step of the workflow takes far less; a machine that is slower than this is told so.
LONGEST_STEP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Figures:
    """A member's hours at one moment."""

    available: float
    escrowed: float
    total: float


class Stage(Protocol):
    """Where the story is told."""

    def says(self, who: str, text: str) -> None:
        """Somebody does something."""

    def sees(self, event: dict[str, Any]) -> None:
        """An event was pushed."""

    def counts(self, when: str, hours: dict[str, Figures]) -> None:
        """The balances at a moment."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A member and the client they use."""

    name: str
    sub: str
    client: Client

    async def figures(self) -> Figures:
        """Return this member's hours."""
        row = await self.client.ask(BALANCE, userId=self.sub)
        return Figures(row["availableBalance"], row["escrowedBalance"], row["totalBalance"])


class Story:
    """The story with its two actors."""

    def __init__(self, alice: Actor, bob: Actor, stage: Stage) -> None:
        self._alice = alice
        self._bob = bob
        self._stage = stage

    async def play(self) -> str:
        """Play it to the end and return the last status, PAID."""
        await self._count("before")
        service = await self._garden_help()
        request_id = str(uuid4())
        self._stage.says("alice", f"asks bob for 2 hours of “{service['title']}”")
        await self._alice.client.ask(CREATE, input=self._wish(request_id, service))
        async with self._alice.client.watch(PROGRESS, requestId=request_id) as events:
            return await self._follow(request_id, events)

    async def _follow(self, request_id: str, events: asyncio.Queue[Any]) -> str:
        await self._until(events, status="AWAITING_RESPONSE")
        await self._count("while the hours are held")
        self._stage.says("bob", "accepts")
        await self._bob.client.ask(RESPOND, input={"requestId": request_id, "response": "ACCEPTED"})
        await self._until(events, status="ACCEPTED")
        await self._mark(self._bob, "markServiceStarted", "says that the work has begun", request_id)
        await self._mark(self._alice, "confirmServiceStart", "confirms", request_id)
        await self._until(events, status="IN_PROGRESS")
        await self._mark(self._bob, "markServiceComplete", "says that the work is done", request_id)
        await self._mark(self._alice, "confirmServiceCompletion", "confirms", request_id)
        last = await self._until(events, status="PAID")
        await self._count("after")
        return str(last["status"])

    async def _garden_help(self) -> dict[str, Any]:
        wanted = {"userId": {"eq": self._bob.sub}, "title": {"eq": "Garden help"}}
        found = await self._alice.client.ask(SERVICES, filter=wanted)
        service: dict[str, Any] = found["items"][0]
        return service

    def _wish(self, request_id: str, service: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": request_id,
            "serviceId": service["id"],
            "requesterId": self._alice.sub,
            "providerId": service["userId"],
            "status": "INITIATED",
            "estimatedHours": 2,
            "negotiationRound": 0,
            "message": "The hedge has grown again.",
        }

    async def _mark(self, actor: Actor, mutation: str, does: str, request_id: str) -> None:
        self._stage.says(actor.name, does)
        await actor.client.ask(MARK % mutation, input={"requestId": request_id})

    async def _until(self, events: asyncio.Queue[Any], *, status: str) -> dict[str, Any]:
        while True:
            event: dict[str, Any] = await asyncio.wait_for(events.get(), LONGEST_STEP_SECONDS)
            self._stage.sees(event)
            if event["status"] == status:
                return event

    async def _count(self, when: str) -> None:
        figures = await asyncio.gather(self._alice.figures(), self._bob.figures())
        self._stage.counts(when, {"alice": figures[0], "bob": figures[1]})
