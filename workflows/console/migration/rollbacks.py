"""A rollback: members begin nothing new here, open requests end, and balances become `User.bankHours` again.

Like a run, it may be killed at any point, and goes on where it was left.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models import tables
from models.hours import ZERO
from models.migration.former import Oddity
from models.migration.returning import wind_up
from models.requests.request import Request
from models.requests.statuses import ENDED
from models.storage.codec import decode
from models.storage.store import Item
from models.transactions.moves import Moved
from workflows.console.migration.apps import Apps, LeftOver, at_once, pages
from workflows.console.migration.progress import Steps
from workflows.console.migration.surveys import Tally

log = structlog.get_logger("workflows")

_LOOK_EVERY = 1.0  # seconds, while requests are open


@dataclass
class RollbackOutcome:
    """What a rollback has done.

    Attributes:
        open: the requests that are still open, by status; then nothing was given back yet.
        members: the members who were given back, with the hours that went.
        exchanges: how many exchanges the former app knows the end of.
    """

    open: Counter[str] = field(default_factory=Counter)
    members: Tally = field(default_factory=Tally)
    exchanges: int = 0
    left: LeftOver = field(default_factory=LeftOver)

    @property
    def is_done(self) -> bool:
        """Return whether everything is back."""
        return not self.open and not self.left.oddities and not self.left.busy


async def roll_back(apps: Apps, steps: Steps, *, refund: bool, within: timedelta) -> RollbackOutcome:
    """Give everything back.

    Args:
        apps: the two apps.
        steps: where progress is shown.
        refund: whether open requests are ended at once, with their hours returned; otherwise they are waited for.
        within: how long open requests are waited for.
    """
    outcome = RollbackOutcome()
    await _shut(apps, outcome.left, steps)
    outcome.open = await _drain(apps, steps, refund=refund, within=within)
    if outcome.open:
        return outcome
    await _give_members_back(apps, outcome, steps)
    await _give_exchanges_back(apps, outcome, steps)
    return outcome


async def _shut(apps: Apps, left: LeftOver, steps: Steps) -> None:
    """Let nobody begin anything new here."""
    advance = steps.begin("members who begin nothing new", None)

    async def shut(member_id: str) -> None:
        await apps.openings.shut(member_id)

    async for page in pages(apps.store, tables.User):
        here = [row["id"]["S"] for row in page if "custody" not in row]
        await at_once(here, shut, left, lambda: advance(1))


async def _drain(apps: Apps, steps: Steps, *, refund: bool, within: timedelta) -> Counter[str]:
    """Wait until no request is open, or end each; return those that are left, by status."""
    show, end, most = steps.show("requests ended"), time.monotonic() + within.total_seconds(), 0
    while True:
        open_ = [request async for request in _open_requests(apps)]
        most = max(most, len(open_))
        show(most - len(open_), most)
        if refund:
            await at_once(open_, lambda request: _wind_up(apps, request), LeftOver(), lambda: None)
            open_ = [request async for request in _open_requests(apps)]
            show(most - len(open_), most)
        if not open_ or time.monotonic() >= end:
            return Counter(request.status.value for request in open_)
        await asyncio.sleep(_LOOK_EVERY)


async def _open_requests(apps: Apps) -> AsyncIterator[Request]:
    async for page in pages(apps.store, tables.ServiceRequest):
        for item in page:
            request = decode(Request, tables.ServiceRequest, item)
            if request.status not in ENDED:
                yield request


async def _wind_up(apps: Apps, request: Request) -> None:
    """End a request, and let its execution end; what cannot be ended yet is looked at again."""
    moved = await apps.services.transactions.move(request.id, wind_up)
    if not isinstance(moved, Moved) or moved.before.wait is None:
        return
    try:
        await apps.services.executions.complete_wait(moved.request, moved.before.wait)
    except (ClientError, BotoCoreError) as error:
        # It ends by itself when its time is over.
        log.warning("could not end a request's execution", request_id=request.id, error=str(error))


async def _give_members_back(apps: Apps, outcome: RollbackOutcome, steps: Steps) -> None:
    advance = steps.begin("balances given back", None)

    async def give_back(member_id: str) -> Oddity | None:
        went = await apps.openings.close(member_id)
        if isinstance(went, Oddity):
            return went
        if went != ZERO:
            outcome.members.add(went)
        return None

    async for page in pages(apps.store, tables.UserBalance):
        await at_once([row["userId"]["S"] for row in page], give_back, outcome.left, lambda: advance(1))


async def _give_exchanges_back(apps: Apps, outcome: RollbackOutcome, steps: Steps) -> None:
    advance = steps.begin("exchanges given back", None)

    async def give_back(row: Item) -> Oddity | None:
        oddity = await apps.adoptions.give_back(row)
        outcome.exchanges += oddity is None
        return oddity

    async for page in pages(apps.store, tables.Transaction):
        await at_once(page, give_back, outcome.left, lambda: advance(1))
