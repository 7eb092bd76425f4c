"""Two who want different things of one request at once: one of them has it, and the other is told why not."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

import pytest

from models import clock
from models.aws import AsyncCalls
from models.errors import Code, Refusal
from models.lifecycle import Request, RequestStatus
from models.naming import Names
from models.store import Store
from models.transactions import Moved, Transactions
from tests.chaos.books import Books
from tests.engines.running import running
from tests.integration.town import Town
from tests.unit.places import WAYS

RACES, FEW = 200, 10
# Of all races, how many each side wins at least.
FAIR = 0.1
TICK = timedelta(milliseconds=1)
# After each race the winner starts so much later in the next one.
HANDICAP_SECONDS = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """Who runs from where, and what the losers are told.

    Args:
        place: where the request is.
        person: what a person does, just before the deadline.
        other: what another one or the clock does, at the deadline.
        person_refused: the code for the person who comes too late.
        other_refused: the code for the other; None if it goes on from what the person did.
        ends: the status that the request ends in, by whether the person won.
    """

    place: str
    person: str
    other: str
    person_refused: Code = Code.INVALID_REQUEST_STATUS
    other_refused: Code | None = Code.INVALID_REQUEST_STATUS
    ends: tuple[RequestStatus, RequestStatus]


RACING = {
    "accept against expiry": Race(
        place="AWAITING",
        person="accept",
        other="expire",
        ends=(RequestStatus.EXPIRED, RequestStatus.AWAITING_RESPONSE),
    ),
    "accept against cancel": Race(
        place="AWAITING",
        person="accept",
        other="cancel",
        ends=(RequestStatus.REJECTED, RequestStatus.AWAITING_RESPONSE),
    ),
    "confirmation against the clock's": Race(
        place="IN_PROGRESS asked",
        person="confirm work",
        other="complete",
        person_refused=Code.INVALID_STATUS_FOR_COMPLETION,
        other_refused=None,
        ends=(RequestStatus.COMPLETED, RequestStatus.COMPLETED),
    ),
}


@pytest.fixture(scope="module")
def names(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    """Start an engine with our tables and nothing else."""
    with running(engine, tmp_path_factory.mktemp("engine"), "races") as names:
        yield names


@dataclass(frozen=True, slots=True)
class Track:
    """A town, and two servers that race in it."""

    town: Town
    servers: tuple[Store, Store]
    random: Random

    async def prepare(self, race: Race, races: int) -> list[Request]:
        """Bring as many requests to where a race begins."""
        services = await self.town.settle(races)

        async def bring(service_id: str) -> Request:
            return await self.town.reach(await self.town.ask(service_id, "0.01"), *WAYS[race.place])

        return [await bring(service_id) for service_id in services]

    async def run(self, race: Race, request: Request, handicap: float) -> bool:
        """Run one race; tell whether the person won. A handicap is how much later the person starts."""
        assert request.wait is not None
        deadline = request.wait.deadline
        handicap += self.random.uniform(-1, 1) * HANDICAP_SECONDS
        person, other = await asyncio.gather(
            self._act(0, race.person, request, deadline - TICK, max(0.0, handicap)),
            self._act(1, race.other, request, deadline, max(0.0, -handicap)),
        )
        won = isinstance(person, Moved)
        if isinstance(person, Refusal):
            assert (person.code, person.facts["status"]) == (race.person_refused, race.ends[False])
        if isinstance(other, Refusal):
            assert (other.code, other.facts["status"]) == (race.other_refused, race.ends[True])
        assert isinstance(other, Moved) == (not won or race.other_refused is None)
        found = await self.town.transactions.read(request.id)
        assert found is not None
        assert found.status is race.ends[won]
        assert won == (any(said.wait is request.wait.name for said in found.answers) or found.answer is not None)
        return won

    async def _act(
        self, server: int, event: str, request: Request, now: datetime, later: float
    ) -> Moved | Refusal:
        await asyncio.sleep(later)
        transactions = Transactions(self.servers[server], lambda: now)
        whole = event not in {"accept", "confirm work", "complete"}
        return await transactions.move(request.id, self.town.rule(event), whole=whole)


@pytest.fixture
async def track(names: Names) -> AsyncIterator[Track]:
    async with AsyncExitStack() as stack:
        one, two, three = [await stack.enter_async_context(AsyncCalls(["dynamodb"])) for _ in range(3)]
        yield Track(Town(one, names), (Store(two, names), Store(three, names)), Random(1))  # noqa: S311 — no secret


@pytest.mark.parametrize("name", RACING)
async def test_one_wins_and_the_other_is_told(track: Track, name: str, *, long: bool) -> None:
    race, races = RACING[name], RACES if long else FEW
    handicap, won = 0.0, Counter[bool]()
    for request in await track.prepare(race, races):
        is_won = await track.run(race, request, handicap)
        won[is_won] += 1
        handicap += HANDICAP_SECONDS if is_won else -HANDICAP_SECONDS
    assert min(won[True], won[False]) >= FAIR * races, won
    (await Books.read(track.town.store, clock.now())).check()
