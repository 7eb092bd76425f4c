"""One member asks another for two hours of work, and everyone sees it happen."""

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from tests.story.client import Client

SERVICES = """query($userId:ID!,$filter:ModelServiceFilterInput){
  servicesByUserId(userId:$userId,filter:$filter){items{id}}}"""
OFFER = "mutation($input:CreateServiceInput!){createService(input:$input){id}}"
TOLD = "subscription($userId:String){onCreateNotification(userId:$userId){title message}}"
BALANCE = "query($userId:ID!){getUserBalance(userId:$userId){availableBalance escrowedBalance totalBalance}}"
CREATE = "mutation($input:CreateServiceRequestInput!){createServiceRequest(input:$input){id status}}"
PROGRESS = """subscription($requestId:ID!){onServiceRequestProgress(requestId:$requestId){
  status statusReason currentStep percentComplete deadline steps{name title state at}}}"""
RESPOND = "mutation($input:UpdateProviderResponseInput!){updateProviderResponse(input:$input){id status}}"
MARK = "mutation($input:ServiceRequestMarkInput!){%s(input:$input){id status}}"
HOURS = 2
GARDEN_HELP = {
    "title": "Garden help",
    "description": "Weeding, mowing, hedges.",
    "category": "garden",
    "hourlyRate": 1,
    "isActive": True,
    "tags": [],
}
BREAD = {
    **GARDEN_HELP,
    "title": "Bread baking",
    "description": "Sourdough, from the starter on.",
    "category": "food",
}
# Seconds; every step of the workflow takes far less, so that a slower machine is reported.
LONGEST_STEP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Figures:
    """A member's hours at one moment."""

    available: float
    escrowed: float
    total: float


class Stage(Protocol):
    """Where the story is shown."""

    def says(self, who: str, text: str) -> None:
        """Show what somebody does."""

    def hears(self, who: str, notice: dict[str, Any]) -> None:
        """Show a notice that somebody receives."""

    def sees(self, event: dict[str, Any]) -> None:
        """Show a pushed event."""

    def counts(self, when: str, hours: dict[str, Figures]) -> None:
        """Show the balances at a moment."""


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


class EndedError(Exception):
    """The request has ended differently from the story."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(f"the request was {status}: {reason}")
        self.reason = reason


class Story:
    """The story: Alice asks Bob for garden help; once she has spent her hours, Bob asks Alice for bread."""

    def __init__(self, alice: Actor, bob: Actor, stage: Stage) -> None:
        self._people = (alice, bob)
        self._stage = stage

    async def play(self) -> str:
        """Play it to the end and return the last status, PAID.

        Raises:
            EndedError: the request has ended differently.
        """
        alice, bob = self._people
        await self._count("hours before")
        enough = (await alice.figures()).available >= HOURS
        asker, provider, offer = (alice, bob, GARDEN_HELP) if enough else (bob, alice, BREAD)
        try:
            return await self._exchange(asker, provider, offer, await self._service(asker, provider, offer))
        except EndedError as ended:
            if ended.reason != "DUPLICATE_REQUEST":
                raise
            self._stage.says(asker.name, "has an open request for that already")
            return await self._exchange(asker, provider, offer, await self._offer(provider, offer))

    async def _exchange(self, asker: Actor, provider: Actor, offer: dict[str, Any], service: str) -> str:
        request_id = str(uuid4())
        async with provider.client.watch(TOLD, userId=provider.sub) as notices:
            self._stage.says(asker.name, f"asks {provider.name} for {HOURS} hours of “{offer['title']}”")
            await asker.client.ask(CREATE, input=create_input(request_id, asker, provider, service))
            async with asker.client.watch(PROGRESS, requestId=request_id) as events:
                await self._until(events, status="AWAITING_RESPONSE")
                self._stage.hears(provider.name, await asyncio.wait_for(notices.get(), LONGEST_STEP_SECONDS))
                await self._count("hours while held")
                return await self._work(request_id, asker, provider, events)

    async def _work(self, request_id: str, asker: Actor, provider: Actor, events: asyncio.Queue[Any]) -> str:
        self._stage.says(provider.name, "accepts")
        await provider.client.ask(RESPOND, input={"requestId": request_id, "response": "ACCEPTED"})
        await self._until(events, status="ACCEPTED")
        await self._mark(provider, "markServiceStarted", "says that the work has begun", request_id)
        await self._mark(asker, "confirmServiceStart", "confirms", request_id)
        await self._until(events, status="IN_PROGRESS")
        await self._mark(provider, "markServiceComplete", "says that the work is done", request_id)
        await self._mark(asker, "confirmServiceCompletion", "confirms", request_id)
        last = await self._until(events, status="PAID")
        await self._count("hours after")
        return str(last["status"])

    async def _service(self, asker: Actor, provider: Actor, offer: dict[str, Any]) -> str:
        """Return the id of the provider's service; create it if needed."""
        wanted = {"title": {"eq": offer["title"]}}
        found = await asker.client.ask(SERVICES, userId=provider.sub, filter=wanted)
        if found["items"]:
            return str(found["items"][0]["id"])
        return await self._offer(provider, offer)

    async def _offer(self, provider: Actor, offer: dict[str, Any]) -> str:
        made = await provider.client.ask(OFFER, input={**offer, "userId": provider.sub})
        return str(made["id"])

    async def _mark(self, actor: Actor, mutation: str, does: str, request_id: str) -> None:
        self._stage.says(actor.name, does)
        await actor.client.ask(MARK % mutation, input={"requestId": request_id})

    async def _until(self, events: asyncio.Queue[Any], *, status: str) -> dict[str, Any]:
        while True:
            event: dict[str, Any] = await asyncio.wait_for(events.get(), LONGEST_STEP_SECONDS)
            self._stage.sees(event)
            if event["status"] == status:
                return event
            if event["status"] in ("REJECTED", "EXPIRED"):
                raise EndedError(event["status"], event["statusReason"])

    async def _count(self, when: str) -> None:
        figures = await asyncio.gather(*(person.figures() for person in self._people))
        names = (person.name for person in self._people)
        self._stage.counts(when, dict(zip(names, figures, strict=True)))


def create_input(request_id: str, asker: Actor, provider: Actor, service_id: str) -> dict[str, Any]:
    """Return the input of a request."""
    return {
        "id": request_id,
        "serviceId": service_id,
        "requesterId": asker.sub,
        "providerId": provider.sub,
        "status": "INITIATED",
        "estimatedHours": HOURS,
        "negotiationRound": 0,
        "message": "It would be a great help.",
    }
