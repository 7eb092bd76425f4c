"""A rollback: members begin nothing new here, open requests end, and balances become `User.bankHours` again.

Like a run, it may be killed at any point, and goes on where it was left.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from models import tables
from models.hours import ZERO
from models.migration.former import Oddity, row_id
from models.migration.returning import wind_up
from models.requests.request import Request
from models.requests.statuses import ENDED
from models.storage.store import Item
from models.transactions.moves import Moved
from workflows.console.migration.apps import Apps, LeftOver, at_once, pages, readable
from workflows.console.migration.progress import Steps
from workflows.console.migration.surveys import Tally

log = structlog.get_logger("workflows")

# Seconds between two looks while requests are open: each look reads all of them.
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0


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
    outcome.open = await _drain(apps, outcome.left, steps, refund=refund, within=within)
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
        here = {row["id"]["S"]: row["id"]["S"] for row in page if "custody" not in row}
        await at_once(tables.User, here, shut, left, lambda: advance(1))


async def _drain(apps: Apps, left: LeftOver, steps: Steps, *, refund: bool, within: timedelta) -> Counter[str]:
    """Wait until no request is open, or end each; return those that are left, by status.

    A request that cannot be read, or whose hours are not as they should be, is noted and waited for no longer. If
    hours are held for it, its requester's balance stays here.
    """
    show, end, most = steps.show("requests ended"), time.monotonic() + within.total_seconds(), 0
    for pause in _pauses():
        open_ = await _open_requests(apps, left)
        most = max(most, len(open_))
        show(most - len(open_), most)
        if refund and open_:
            ended = LeftOver(oddities=left.oddities)  # those that are busy are looked at again
            await at_once(
                tables.ServiceRequest, open_, lambda request: _wind_up(apps, request), ended, lambda: None
            )
            open_ = await _open_requests(apps, left)
            show(most - len(open_), most)
        remaining = end - time.monotonic()
        if not open_ or remaining <= 0:
            break
        await asyncio.sleep(min(pause, remaining))
    return Counter(request.status.value for request in open_.values())


def _pauses() -> Iterator[float]:
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, _LONGEST_PAUSE)


async def _open_requests(apps: Apps, left: LeftOver) -> dict[str, Request]:
    """Return the requests that are open, by id, without those that are odd; note those that cannot be read."""
    known = {oddity.id for oddity in left.oddities if oddity.table == tables.ServiceRequest.Meta.table_name}
    found = dict[str, Request]()
    async for page in pages(apps.store, tables.ServiceRequest):
        for item in page:
            if item.get("status", {}).get("S") in ENDED or row_id(item) in known:
                continue
            request = readable(Request, tables.ServiceRequest, item)
            if isinstance(request, Oddity):
                left.oddities.append(request)
            else:
                found[request.id] = request
    return found


async def _wind_up(apps: Apps, request: Request) -> None:
    """End a request, and let its execution end; what cannot be ended yet is looked at again."""
    moved = await apps.services.transactions.move(request.id, wind_up)
    if not isinstance(moved, Moved) or moved.before.wait is None:
        return
    try:
        await apps.services.executions.complete_wait(moved.request, moved.before.wait)
    except (ClientError, BotoCoreError) as error:
        # It ends by itself when its time is over.
        log.warning("could not end a request's execution", service_request_id=request.id, error=str(error))


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
        members = {row["userId"]["S"]: row["userId"]["S"] for row in page}
        await at_once(tables.UserBalance, members, give_back, outcome.left, lambda: advance(1))


async def _give_exchanges_back(apps: Apps, outcome: RollbackOutcome, steps: Steps) -> None:
    advance = steps.begin("exchanges given back", None)

    async def give_back(row: Item) -> Oddity | None:
        oddity = await apps.adoptions.give_back(row)
        outcome.exchanges += oddity is None
        return oddity

    async for page in pages(apps.store, tables.Transaction):
        exchanges = {row_id(row): row for row in page}
        await at_once(tables.Transaction, exchanges, give_back, outcome.left, lambda: advance(1))
